/**
 * Stations that others have written, with each security profile in 1.6 and 2.0.1: npm `ocpp-rpc` and PyPI `ocpp` with
 * `websockets`. Each boots and charges with the right credentials, and does not get in with wrong ones.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import anyTest, { type TestFn } from 'ava';
import { RPCClient } from 'ocpp-rpc';
import { pythonWith, type Python } from '../scenario/python.ts';
import { readStream } from '../simulator/stream.ts';
import { until } from '../support/until.ts';
import {
  type Access,
  type Profile,
  PROFILES,
  type SecuredCluster,
  startSecuredCluster,
} from './secured-cluster.ts';

const test = anyTest as TestFn<{ place: SecuredCluster; python: Python }>;
const STATION_PY = join(import.meta.dirname, '../scenario/station.py');
const VERSIONS = ['ocpp1.6', 'ocpp2.0.1'] as const;
type Version = (typeof VERSIONS)[number];

const identityOf = (program: string, profile: Profile, version: Version) =>
  `${program}-${version}-P${profile}`;
const identities = ['RPC', 'PY', 'WRONG'].flatMap((program) =>
  PROFILES.flatMap((profile) => VERSIONS.map((version) => identityOf(program, profile, version))),
);

test.before(async (t) => {
  t.timeout(240_000);
  t.context = {
    python: await pythonWith(['ocpp==2.1.0', 'websockets==17.4']),
    place: await startSecuredCluster(identities),
  };
});
test.after.always(async (t) => {
  await t.context.place?.[Symbol.asyncDispose]();
});

const at = () => new Date().toISOString();

/** A charging session of each version. */
const SESSIONS: Readonly<
  Record<Version, (call: (action: string, payload: object) => Promise<unknown>) => Promise<unknown>>
> = {
  async 'ocpp1.6'(call) {
    await call('BootNotification', { chargePointVendor: 'Interop', chargePointModel: 'Rpc' });
    const { transactionId } = (await call('StartTransaction', {
      connectorId: 1,
      idTag: 'RPC',
      meterStart: 100,
      timestamp: at(),
    })) as { transactionId: number };
    return call('StopTransaction', { transactionId, meterStop: 200, timestamp: at() });
  },
  async 'ocpp2.0.1'(call) {
    await call('BootNotification', {
      reason: 'PowerUp',
      chargingStation: { vendorName: 'Interop', model: 'Rpc' },
    });
    const transactionInfo = { transactionId: randomUUID() };
    for (const [seqNo, eventType, triggerReason] of [
      [0, 'Started', 'Authorized'],
      [1, 'Ended', 'StopAuthorized'],
    ] as const) {
      const meterValue = [{ timestamp: at(), sampledValue: [{ value: 100 + 100 * seqNo }] }];
      await call('TransactionEvent', {
        eventType,
        triggerReason,
        seqNo,
        transactionInfo,
        meterValue,
        timestamp: at(),
        ...(seqNo === 0 && {
          idToken: { idToken: 'RPC', type: 'ISO14443' },
          evse: { id: 1, connectorId: 1 },
        }),
      });
    }
  },
};

/** Boots and charges. @throws Error with the HTTP status as its code when the handshake is refused */
async function rpcStation(
  { url, password, ca, certificate, key }: Access,
  identity: string,
  version: Version,
): Promise<void> {
  const text = async (file: string | undefined) =>
    file === undefined ? undefined : await readFile(file, 'utf8');
  const wsOpts = { ca: await text(ca), cert: await text(certificate), key: await text(key) };
  const options = {
    endpoint: url,
    identity,
    protocols: [version],
    strictMode: true,
    reconnect: false,
    wsOpts,
    password,
  };
  // Its types name every option as mandatory; they all have defaults.
  const client = new RPCClient(options as unknown as ConstructorParameters<typeof RPCClient>[0]);
  await client.connect();
  try {
    await SESSIONS[version](async (action, payload) => client.call(action, payload));
  } finally {
    await client.close();
  }
}

async function pythonStation(
  python: string,
  access: Access,
  identity: string,
  version: Version,
): Promise<void> {
  const { url, ...credentials } = access;
  const args = [STATION_PY, url, identity, version, JSON.stringify(credentials)];
  await promisify(execFile)(python, args, { timeout: 90_000 });
}

/** The wrong credentials of each profile; profile 0 has none. */
async function wrongAccess(place: SecuredCluster, profile: Profile, identity: string): Promise<Access[]> {
  const { url, ca, ...rest } = await place.access(profile, identity);
  const server = { url, ...(ca !== undefined && { ca }) };
  if (profile === 3) {
    const another = await place.access(3, `${identity}-ANOTHER`);
    const foreign = await place.access(3, identity, 'Another CA');
    return [server, another, foreign];
  }
  return [server, { ...server, ...rest, password: 'a wrong password, long enough' }];
}

async function bills({ cluster }: SecuredCluster, stationId: string): Promise<number> {
  return (await readStream(cluster.redis)).filter((entry) => entry['stationId'] === stationId).length;
}

for (const version of VERSIONS) {
  for (const profile of PROFILES) {
    test(`profile ${profile}, ${version}: a station of ocpp-rpc boots and charges`, async (t) => {
      const { place } = t.context;
      const identity = identityOf('RPC', profile, version);
      await rpcStation(await place.access(profile, identity), identity, version);
      t.is(await until(() => bills(place, identity), 'its bill'), 1);
    });

    test(`profile ${profile}, ${version}: a station of the Python packages boots and charges`, async (t) => {
      t.timeout(120_000);
      const { place, python } = t.context;
      if ('missing' in python) {
        t.log(`SKIPPED: ${python.missing}`);
        return process.env['CI'] === 'true' ? t.fail(python.missing) : t.pass();
      }
      const identity = identityOf('PY', profile, version);
      await pythonStation(python.path, await place.access(profile, identity), identity, version);
      return t.is(await until(() => bills(place, identity), 'its bill'), 1);
    });

    if (profile === 0) continue;
    test(`profile ${profile}, ${version}: neither program gets in with wrong credentials`, async (t) => {
      t.timeout(120_000);
      const { place, python } = t.context;
      const identity = identityOf('WRONG', profile, version);
      for (const access of await wrongAccess(place, profile, identity)) {
        await t.throwsAsync(rpcStation(access, identity, version), { code: 401 as unknown as string });
        if ('path' in python) {
          const error = await t.throwsAsync(pythonStation(python.path, access, identity, version));
          t.regex(String(error), /HTTP 401/);
        }
      }
      t.is(await bills(place, identity), 0);
    });
  }
}

test('a station that does not trust the authority of the server does not send its password', async (t) => {
  const { place } = t.context;
  const identity = identityOf('WRONG', 2, 'ocpp1.6');
  const { url, password = '' } = await place.access(2, identity);
  await t.throwsAsync(rpcStation({ url, password }, identity, 'ocpp1.6'), {
    message: /certificate|self.signed/i,
  });
});
