/**
 * Case 28: identities of any shape, on real processes: what they become in the keys of Redis, in log lines and in metrics.
 */
import anyTest, { type TestFn } from 'ava';
import { Redis } from 'ioredis';
import { PATH } from '../../../services/contract.ts';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { type Cluster, startCluster } from '../../scenario/cluster.ts';
import { until } from '../../support/until.ts';
import { RawStation, subprotocol } from '../raw-station.ts';

const test = anyTest as TestFn<{ cluster: Cluster; redis: Redis }>;

test.before(async (t) => {
  t.timeout(120_000);
  const cluster = await startCluster(undefined, { LOG_LEVEL: 'debug' });
  t.context = { cluster, redis: new Redis(cluster.redis.port, cluster.redis.host) };
});
test.after.always(async (t) => {
  t.context.redis?.disconnect();
  await t.context.cluster?.[Symbol.asyncDispose]();
});

/** Identities that are valid, each with what it could break. */
const ODD: readonly (readonly [identity: string, protocol: Protocol, breaks: string])[] = [
  ['a:b:c', 'ocpp2.1', 'the parts of a key'],
  ['a/b', 'ocpp1.6', 'a path'],
  ['../../metrics', 'ocpp1.6', 'a path'],
  ['{b}', 'ocpp1.6', 'a hash tag'],
  ['}{', 'ocpp1.6', 'a hash tag'],
  ['a%2Fb', 'ocpp1.6', 'an encoding'],
  ['%', 'ocpp1.6', 'an encoding'],
  ['a b', 'ocpp1.6', 'a list of words'],
  ['*', 'ocpp2.0.1', 'a pattern'],
  ['[a-z]?', 'ocpp1.6', 'a pattern'],
  ['"quoted"', 'ocpp1.6', 'JSON'],
  ['back\\slash', 'ocpp1.6', 'JSON'],
  ["it's", 'ocpp1.6', 'a quotation'],
  ['süd€😀', 'ocpp1.6', 'ASCII'],
  ['__proto__', 'ocpp2.1', 'an object'],
  ['constructor', 'ocpp2.1', 'an object'],
  ['stations', 'ocpp2.1', 'a key of ours'],
  ['a=1,b="2"}', 'ocpp1.6', 'a label of a metric'],
  ['<script>', 'ocpp1.6', 'a page'],
  ['x'.repeat(48), 'ocpp2.1', 'a length'],
  ['y'.repeat(255), 'ocpp1.6', 'a length'],
];

const open = async ({ proxies: [proxy] }: Cluster, target: string, protocol: Protocol) =>
  RawStation.open(proxy?.stationPort ?? 0, target, [subprotocol(protocol)]);

/** Two forms of one identity in a URL. */
const everyByte = (text: string) =>
  Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const BOOTS: Readonly<Record<Protocol, object>> = {
  'ocpp1.6': { chargePointVendor: 'ACME', chargePointModel: 'One' },
  'ocpp2.0.1': { reason: 'PowerUp', chargingStation: { vendorName: 'ACME', model: 'Two' } },
  'ocpp2.1': { reason: 'PowerUp', chargingStation: { vendorName: 'ACME', model: 'Two' } },
};

for (const [identity, protocol, breaks] of ODD) {
  test.serial(`case 28: "${identity.slice(0, 20)}" does not break ${breaks}`, async (t) => {
    const { cluster, redis } = t.context;
    const before = new Set(await redis.keys('*'));
    const { station, answer } = await open(cluster, `/ocpp/${everyByte(identity)}`, protocol);
    await using it = station;
    t.is(answer.status, 101);
    it.send(JSON.stringify([2, 'boot', 'BootNotification', BOOTS[protocol]]));
    t.like(JSON.parse(await it.nextText()), [3, 'boot', { status: 'Accepted' }]);

    const added = (await redis.keys('*')).filter((key) => !before.has(key));
    const own = added.filter((key) => /^ocpp:(station|session):/.test(key));
    t.deepEqual(
      own.map((key) => key.split(':')[1] ?? '').toSorted(),
      ['session', 'station'],
      'one key of each kind',
    );
    for (const key of own) {
      const name = key.split(':').slice(2).join(':');
      t.notRegex(name, /[{}\s\p{Cc}]/u, 'no hash tag, no blank and no control character');
      t.is(decodeURIComponent(name), identity, 'no other identity has this key');
    }
    t.deepEqual(
      added.filter((key) => !key.startsWith('ocpp:')),
      [],
      'nothing outside of the prefix',
    );
  });
}

test.serial('case 28: two spellings of one identity are one station, two identities are two', async (t) => {
  const { cluster, redis } = t.context;
  const first = await open(cluster, '/ocpp/same%2Dname', 'ocpp2.1');
  await using _first = first.station;
  const second = await open(cluster, '/ocpp/%73ame-name', 'ocpp2.1');
  await using _second = second.station;
  t.is(await first.station.closeCode(), 1012, 'the later connection replaces the earlier one');
  const encoded = await open(cluster, '/ocpp/same%252Dname', 'ocpp1.6');
  await using _encoded = encoded.station;
  encoded.station.send('[2,"1","Heartbeat",{}]');
  await encoded.station.nextText();
  t.false(second.station.ended);
  t.is((await redis.keys('ocpp:session:*')).filter((key) => key.includes('same')).length, 2);
});

test.serial('case 28: log lines are JSON with the identity as it is, and never two lines', async (t) => {
  const { cluster } = t.context;
  const [proxy] = cluster.proxies;
  const wanted = ODD.map(([identity]) => identity);
  for (const bad of ['%0A{"level":"error"}', '%00', '%1b[31m']) {
    const { station, answer } = await open(cluster, `/ocpp/x${bad}`, 'ocpp1.6');
    await station[Symbol.asyncDispose]();
    t.is(answer.status, 400);
  }
  const lines = await until(() => {
    const texts = (proxy?.log ?? '').split('\n').filter((line) => line !== '');
    return texts.some((line) => line.includes('[31m')) && texts;
  }, 'the last refusal');
  const seen = new Set<unknown>();
  for (const line of lines) {
    t.notRegex(line, /\p{Cc}/u);
    const { stationId, level } = JSON.parse(line) as Record<string, unknown>;
    seen.add(stationId);
    t.not(level, 'error');
  }
  t.deepEqual(
    wanted.filter((identity) => !seen.has(identity)),
    [],
  );
  t.true(
    lines.some(
      (line) => (JSON.parse(line) as Record<string, unknown>)['stationId'] === 'x\n{"level":"error"}',
    ),
  );
});

test.serial('case 28 and 51: no metric of proxy or processor has an identity in it', async (t) => {
  const { cluster } = t.context;
  for (const program of [...cluster.proxies, ...cluster.processors]) {
    const { status, text } = await program.ask(PATH.metrics);
    t.is(status, 200);
    for (const line of text.split('\n'))
      t.regex(line, /^$|^#|^[a-z_A-Z0-9]+(\{[^{}]*\})? [-+.0-9eE]+$|^\S+ (NaN|[+-]Inf)$/);
    const labels = new Set([...text.matchAll(/="([^"]*)"/g)].map(([, value]) => value));
    t.deepEqual(
      ODD.map(([identity]) => identity).filter((identity) => labels.has(identity)),
      [],
    );
    t.is(/<script|süd|same-name|xxxxxxxx|yyyyyyyy/.exec(text), null);
  }
});
