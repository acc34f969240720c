/**
 * Stations that others have written, which judge our answers by their own schemas, against the real
 * programs on a real Redis: npm `ocpp-rpc` (strict mode) and PyPI `ocpp` with `websockets`.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import anyTest, { type TestFn } from 'ava';
import { Redis } from 'ioredis';
import { RPCClient } from 'ocpp-rpc';
import { type Cluster, startCluster } from './cluster.ts';
import { pythonWith } from './python.ts';
import { until } from '../support/until.ts';
import { readStream } from '../simulator/stream.ts';

const test = anyTest as TestFn<{ cluster: Cluster; url: string }>;
const STATION_PY = join(import.meta.dirname, 'station.py');
const PYTHON_PACKAGES = ['ocpp==2.1.0', 'websockets==17.4'];
const QUEUE = 'ocpp:requests';
const ENERGY = 'Energy.Active.Import.Register';

test.before(async (t) => {
  t.timeout(120_000);
  const cluster = await startCluster();
  t.context = { cluster, url: cluster.proxies[0]?.url ?? '' };
});
test.after.always(async (t) => {
  await t.context.cluster?.[Symbol.asyncDispose]();
});

/** A station of ocpp-rpc, connected; with the texts that it has sent. */
async function connected(url: string, identity: string, protocol: string) {
  // Its schemas of 2.1 cannot be used: they carry ids other than those that it looks for.
  const strictMode = protocol !== 'ocpp2.1';
  const options = { endpoint: url, identity, protocols: [protocol], strictMode, reconnect: false };
  // Its types name every option as mandatory; they all have defaults.
  const client = new RPCClient(options as unknown as ConstructorParameters<typeof RPCClient>[0]);
  const sent: string[] = [];
  client.on('message', ({ message, outbound }: { message: string; outbound: boolean }) => {
    if (outbound) sent.push(message);
  });
  await client.connect();
  const call = async (action: string, payload: object) =>
    (await client.call(action, payload)) as Record<string, unknown>;
  return {
    call,
    sent,
    [Symbol.asyncDispose]: async () => {
      await client.close();
    },
  };
}
type Station = Awaited<ReturnType<typeof connected>>;

const at = () => new Date().toISOString();

async function charge16({ call }: Station): Promise<string> {
  const { transactionId } = await call('StartTransaction', {
    connectorId: 1,
    idTag: 'RPC',
    meterStart: 100,
    timestamp: at(),
  });
  await call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Charging' });
  const sampledValue = [{ value: '150', measurand: ENERGY, unit: 'Wh' }];
  const meterValue = [{ timestamp: at(), sampledValue }];
  await call('MeterValues', { connectorId: 1, transactionId, meterValue });
  await call('StopTransaction', { transactionId, meterStop: 200, timestamp: at(), reason: 'Local' });
  return String(transactionId);
}

async function charge2({ call }: Station): Promise<string> {
  const transactionId = randomUUID();
  await call('StatusNotification', {
    timestamp: at(),
    connectorStatus: 'Occupied',
    evseId: 1,
    connectorId: 1,
  });
  const events = [
    ['Started', 'Authorized', 100],
    ['Updated', 'MeterValuePeriodic', 150],
    ['Ended', 'StopAuthorized', 200],
  ] as const;
  for (const [seqNo, [eventType, triggerReason, value]] of events.entries()) {
    await call('TransactionEvent', {
      eventType,
      triggerReason,
      seqNo,
      timestamp: at(),
      transactionInfo: { transactionId },
      evse: { id: 1, connectorId: 1 },
      meterValue: [{ timestamp: at(), sampledValue: [{ value, measurand: ENERGY }] }],
      ...(eventType === 'Started' && { idToken: { idToken: 'RPC', type: 'ISO14443' } }),
    });
  }
  return transactionId;
}

const BOOT_2 = { reason: 'PowerUp', chargingStation: { vendorName: 'Interop', model: 'Rpc' } };
const STATIONS = {
  'ocpp1.6': { boot: { chargePointVendor: 'Interop', chargePointModel: 'Rpc' }, charge: charge16 },
  'ocpp2.0.1': { boot: BOOT_2, charge: charge2 },
  'ocpp2.1': { boot: BOOT_2, charge: charge2 },
} as const;

for (const [protocol, { boot, charge }] of Object.entries(STATIONS)) {
  test.serial(`a station of ocpp-rpc boots and charges in ${protocol}, through the queue`, async (t) => {
    const { cluster, url } = t.context;
    using monitor = await watchQueue(cluster);
    const identity = `RPC-${protocol}`;
    await using station = await connected(url, identity, protocol);
    t.is((await station.call('BootNotification', boot))['status'], 'Accepted');
    const { currentTime } = await station.call('Heartbeat', {});
    t.true(Math.abs(Date.parse(String(currentTime)) - Date.now()) < 60_000);
    const transactionId = await charge(station);

    const closed = await closedTransactions(cluster, identity);
    t.is(closed.length, 1);
    t.like(closed[0], { transactionId, idTag: 'RPC', meterStart: '100', meterStop: '200', reason: 'Local' });

    t.true(station.sent.length >= 6);
    for (const text of station.sent) {
      const envelope = monitor.seen.find((entry) => entry.includes(`"payload":${text}`));
      t.truthy(envelope, `${text} was not pushed to ${QUEUE} byte by byte`);
      t.is((JSON.parse(envelope ?? '{}') as Record<string, unknown>)['charge_point_id'], identity);
    }
  });
}

/**
 * Everything that is pushed to the queue, as Redis sees it. A bare socket, as the library's own monitor takes commands that come
 * with the first reply for errors.
 */
async function watchQueue({ redis: { host, port } }: Cluster) {
  const socket = connect(port, host);
  let text = '';
  socket.setEncoding('latin1').on('data', (data: string) => (text += data));
  socket.write('MONITOR\r\n');
  while (!text.startsWith('+OK\r\n')) await wait(10);
  return {
    /** The entries, so far. */
    get seen(): readonly string[] {
      return text.split('\r\n').flatMap((line) => {
        const [command, key, ...entries] = (line.match(/"(?:[^"\\]|\\.)*"/g) ?? []).map(unquoted);
        return command?.toLowerCase() === 'lpush' && key === QUEUE ? entries : [];
      });
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** A text as MONITOR writes it: in quotes, with every byte that is not plain as \xNN. */
function unquoted(quoted: string): string {
  const bytes = JSON.parse(quoted.replace(/\\x(..)/g, '\\u00$1').replace(/\\a/g, '\\u0007')) as string;
  return Buffer.from(bytes, 'latin1').toString();
}

async function closedTransactions({ redis }: Cluster, stationId: string) {
  const entries = await readStream(redis);
  return entries.filter((entry) => entry['stationId'] === stationId);
}

test.serial(
  'while the processor stands still, frames wait in the queue; then they are answered',
  async (t) => {
    const { cluster, url } = t.context;
    const [processor] = cluster.processors;
    const names = ['WAIT-1', 'WAIT-2', 'WAIT-3', 'WAIT-4'];
    const stations = await Promise.all(names.map((name) => connected(url, name, 'ocpp1.6')));
    const redis = new Redis({ host: cluster.redis.host, port: cluster.redis.port });
    processor?.signal('SIGSTOP');
    try {
      const [first, ...others] = stations;
      const answers = [first?.call('Heartbeat', {}) ?? Promise.reject(new Error('no station'))];
      // The claim of the waiting processor is in Redis already, behind its BLMOVE: it gets this one.
      await until(
        async () => (await redis.keys('ocpp:processing:*')).length === 1,
        'the first CALL is claimed',
      );
      answers.push(...others.map(({ call }) => call('Heartbeat', {})));
      const waiting = await until(async () => {
        const entries = await redis.lrange(QUEUE, 0, -1);
        return entries.length === others.length && entries;
      }, 'the other CALLs are in the queue');
      const found = waiting.map(
        (entry) => JSON.parse(entry) as { charge_point_id: string; payload: unknown[] },
      );
      for (const { charge_point_id, payload } of found) {
        const [text] = stations[names.indexOf(charge_point_id)]?.sent ?? [];
        t.deepEqual(payload, JSON.parse(text ?? 'null'));
      }
      processor?.signal('SIGCONT');
      for (const answer of await Promise.all(answers)) t.is(typeof answer['currentTime'], 'string');
      t.is(await redis.llen(QUEUE), 0);
    } finally {
      processor?.signal('SIGCONT');
      await Promise.all(stations.map((station) => station[Symbol.asyncDispose]()));
      await redis.quit();
    }
  },
);

test.serial('a station of the Python packages boots and charges in every version', async (t) => {
  t.timeout(240_000);
  const python = await pythonWith(PYTHON_PACKAGES);
  if ('missing' in python) {
    t.log(`SKIPPED: ${python.missing}`);
    return process.env['CI'] === 'true' ? t.fail(python.missing) : t.pass();
  }
  const { cluster, url } = t.context;
  for (const protocol of Object.keys(STATIONS)) {
    const identity = `PY-${protocol}`;
    const { stdout } = await promisify(execFile)(python.path, [STATION_PY, url, identity, protocol], {
      timeout: 90_000,
    });
    const told = JSON.parse(stdout) as Record<string, string>;
    t.like(told, { boot: 'Accepted', authorization: 'Accepted' });
    const closed = await closedTransactions(cluster, identity);
    t.is(closed.length, 1, protocol);
    t.like(closed[0], { transactionId: told['transactionId'], meterStart: '100', meterStop: '200' });
  }
  return undefined;
});
