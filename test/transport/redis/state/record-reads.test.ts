/** Reads of records of one turn of the event loop, on a real Redis. */
import test from 'ava';
import { openReady } from '../../../../services/transport/redis/connection/connection.ts';
import { Keys } from '../../../../services/transport/redis/keys.ts';
import { openState } from '../../../../services/transport/redis/state/open-state.ts';
import { startRedis } from '../../../support/redis-server.ts';

const NAMES = ['stationId', 'lastMeter', 'closed'] as const;

async function world() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startRedis());
  const settings = { addr: server.addr, db: 0, clientTimeoutMs: 5000, retryAttempts: 0 } as const;
  const redis = stack.adopt(await openReady(settings), (one) => one.disconnect());
  const { state } = stack.use(await openState(settings, new Keys('ocpp')));
  /** Commands that clients sent: not those of scripts. */
  const sent = async (name: string) => {
    const calls = new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await redis.info('commandstats'));
    return Number(calls?.[1] ?? 0);
  };
  return { state, redis, sent, server, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('reads of one turn are one script, whatever they find', async (t) => {
  await using w = await world();
  for (let i = 0; i < 20; i++)
    await w.redis.hset(`ocpp:transaction:${i}`, 'stationId', `CP-${i}`, 'lastMeter', '1');
  await w.redis.hset('ocpp:transaction:20', 'other', 'x');
  const read = () =>
    Promise.all(Array.from({ length: 22 }, (_, i) => w.state.fields(`transaction:${i}`, NAMES)));
  await read();
  const before = await w.sent('evalsha');
  const found = await read();
  t.is((await w.sent('evalsha')) - before, 1);
  t.deepEqual(
    found.slice(0, 20),
    Array.from({ length: 20 }, (_, i) => ({ stationId: `CP-${i}`, lastMeter: '1' })),
  );
  t.deepEqual(found.slice(20), [undefined, undefined]);
});

test('a turn with many reads is several scripts, so that none of them holds up Redis', async (t) => {
  await using w = await world();
  await w.redis.hset('ocpp:station:99', 'bootedAt', 'now', 'empty', '');
  await Promise.all(['station:98', 'station:99'].map((key) => w.state.record(key)));
  const before = await w.sent('evalsha');
  const found = await Promise.all(Array.from({ length: 100 }, (_, i) => w.state.record(`station:${i}`)));
  t.is((await w.sent('evalsha')) - before, 4);
  t.deepEqual(found.at(-1), { bootedAt: 'now', empty: '' });
  t.true(found.slice(0, 99).every((one) => one === undefined));
});

test('any number of fields of one record can be read', async (t) => {
  await using w = await world();
  const names = Array.from({ length: 20_000 }, (_, i) => `CP-${i}`);
  await w.redis.hset('ocpp:stations', 'CP-19999', 'entry');
  t.deepEqual(await w.state.fields('stations', names), { 'CP-19999': 'entry' });
});

test('a field may have any name', async (t) => {
  await using w = await world();
  await w.redis.hset('ocpp:registrations', '__proto__', 'Rejected', 'CP-1', 'Accepted');
  const alone = await w.state.record('registrations');
  const [together] = await Promise.all([w.state.record('registrations'), w.state.record('other')]);
  const chosen = await w.state.fields('registrations', ['CP-1', 'CP-2', '__proto__']);
  for (const found of [alone, together, chosen]) {
    const values = new Map(Object.entries(found ?? {}));
    t.deepEqual([values.size, values.get('__proto__'), values.get('CP-1')], [2, 'Rejected', 'Accepted']);
  }
});

test('a key that is no record fails alone, and is named', async (t) => {
  await using w = await world();
  await w.redis.set('ocpp:transaction:1', 'text');
  await w.redis.hset('ocpp:transaction:2', 'lastMeter', '2');
  const [first, second, third] = await Promise.allSettled([
    w.state.fields('transaction:1', NAMES),
    w.state.fields('transaction:2', NAMES),
    w.state.record('transaction:1'),
  ]);
  t.deepEqual(second, { status: 'fulfilled', value: { lastMeter: '2' } });
  for (const one of [first, third]) t.regex(String(one?.status === 'rejected' && one.reason), /WRONGTYPE/);
});

test('without Redis every read of the turn fails as one that may succeed later', async (t) => {
  await using w = await world();
  await w.server.kill();
  const found = await Promise.allSettled([w.state.record('a'), w.state.fields('b', NAMES)]);
  for (const one of found) t.like(one.status === 'rejected' && one.reason, { code: 'store-unavailable' });
});
