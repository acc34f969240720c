/** Calls to stations across processes, and the scripts of calls.lua in any order that chance brings. */
import test from 'ava';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { GatewayClientTransport } from '../../../services/transport/gateway-client.ts';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import { openConnection } from '../../../services/transport/redis/connection/connection.ts';
import { Keys } from '../../../services/transport/redis/keys.ts';
import type { StationCall } from '../../../services/transport/station-call.ts';
import type { Transport } from '../../../services/transport/transport.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { CallWorld, type Move } from './call-world.ts';

const redis = await startRedis();
const look = new Redis(redis.port, redis.host);
const next = new Redis(redis.port, redis.host, { db: 1 });
test.after.always(async () => {
  look.disconnect();
  next.disconnect();
  await redis[Symbol.asyncDispose]();
});

const SETTINGS = { addr: redis.addr, db: 0, clientTimeoutMs: 5000 };
let prefixes = 0;

async function network(parts: { readonly useDistributedState?: boolean } = {}) {
  const prefix = `sc${++prefixes}`;
  const redisSettings = { ...SETTINGS, ...parts, stateTtlMs: 60_000 };
  const config = { kind: 'redis', redis: redisSettings, channelPrefix: prefix, leaseMs: 1000 } as const;
  const stack = new AsyncDisposableStack();
  const processor = (name: string): Transport => {
    const transport = stack.use(createTransport({ ...config, name }));
    transport.onMessage(async () => ({ writes: [], events: [] }));
    return transport;
  };
  const gateway = stack.use(createGateway({ ...config, name: 'proxy' }));
  await gateway.start();
  const got: string[] = [];
  const station = new GatewayClientTransport({ gateway, stationId: 'CP-1', protocol: 'ocpp1.6' });
  station.onMessage((text) => got.push((JSON.parse(text) as string[])[1] ?? ''));
  const accept = (id: string | undefined) => station.write(JSON.stringify([3, id, { status: 'Accepted' }]));
  return { prefix, processor, station, got, accept, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const reset: StationCall = {
  stationId: 'CP-1',
  action: 'Reset',
  payload: { type: 'Soft' },
  idempotencyKey: 'r',
};
const ANSWERED = { kind: 'answered', answer: { kind: 'result', payload: { status: 'Accepted' } } } as const;

test('the answer may come to a process that did not ask (case 21)', async (t) => {
  await using net = await network();
  // Never started: it asks and takes nothing.
  const asking = net.processor('asking');
  await net.processor('other').start();
  await net.station.start();
  await until(() => asking.isClientConnected('CP-1').catch(() => false), 'the station');
  const call = asking.calls.make(reset);
  await until(() => net.got.length === 1, 'the call');
  await net.accept(net.got[0]);
  t.deepEqual(await call, ANSWERED);
});

test('who asked may die: the outcome is found under the key, and nothing is sent twice (case 26)', async (t) => {
  await using net = await network();
  const [first, second] = [net.processor('first'), net.processor('second')];
  await first.start();
  await second.start();
  await net.station.start();
  const lost = t.throwsAsync(first.calls.make(reset), { code: 'call-abandoned' });
  await until(() => net.got.length === 1, 'the call');
  await first.stop();
  await lost;
  const again = second.calls.make(reset);
  t.deepEqual(await second.calls.stateOf('CP-1', 'r'), { kind: 'sent' });
  await net.accept(net.got[0]);
  t.deepEqual(await again, ANSWERED);
  t.is(net.got.length, 1);
});

test('an open call is recorded where ocpp-go looks for it, and removed once it is over', async (t) => {
  await using net = await network({ useDistributedState: true });
  const transport = net.processor('processor');
  await transport.start();
  await net.station.start();
  const call = transport.calls.make({ ...reset, timeoutMs: 30_000 });
  await until(() => net.got.length === 1, 'the call');
  const id = net.got[0] ?? '';
  const correlation = JSON.parse((await look.get(`${net.prefix}:correlation:${id}`)) ?? '') as object;
  t.like(correlation, { message_id: id, charge_point_id: 'CP-1', timeout: 30_000_000_000 });
  t.regex((correlation as { request_time: string }).request_time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.true((await look.pttl(`${net.prefix}:correlation:${id}`)) > 0);
  t.deepEqual(await next.hgetall(`${net.prefix}:pending:CP-1`), { [id]: '{"featureName":"Reset"}' });
  const ttl = await next.pttl(`${net.prefix}:pending:CP-1`);
  t.true(ttl > 30_000 && ttl <= 60_000, `StateTTL, ${ttl} ms`);
  t.is((await transport.load()).openCalls, 1);
  await net.accept(id);
  await call;
  t.is((await transport.load()).openCalls, 0);
  t.is(await look.exists(`${net.prefix}:correlation:${id}`), 0);
  t.is(await next.exists(`${net.prefix}:pending:CP-1`), 0);
});

test('without UseDistributedState nothing is written to another database', async (t) => {
  await using net = await network();
  const transport = net.processor('processor');
  await transport.start();
  await net.station.start();
  const call = transport.calls.make(reset);
  await until(() => net.got.length === 1, 'the call');
  t.is(await next.exists(`${net.prefix}:pending:CP-1`), 0);
  await net.accept(net.got[0]);
  t.deepEqual(await call, ANSWERED);
});

test('a call whose record Redis has lost ends as uncertain', async (t) => {
  await using net = await network();
  const transport = net.processor('processor');
  await transport.start();
  await net.station.start();
  const call = transport.calls.make(reset);
  await until(() => net.got.length === 1, 'the call');
  await look.del(`${net.prefix}:call:${net.got[0]}`);
  t.deepEqual(await call, { kind: 'uncertain', reason: 'record-lost' });
});

test('an outcome message that got lost is made up for by the record', async (t) => {
  await using net = await network();
  const transport = net.processor('processor');
  await transport.start();
  await net.station.start();
  const call = transport.calls.make(reset);
  await until(() => net.got.length === 1, 'the call');
  // As if the subscription had been away at that moment.
  await look.hset(`${net.prefix}:call:${net.got[0]}`, 'caller', 'unknown');
  await net.accept(net.got[0]);
  t.deepEqual(await call, ANSWERED);
});

const call = fc.nat(4);
const proxy = fc.nat(1);
const back = fc.nat(1);
const one = (kind: Move['kind'], weight: number, parts: Record<string, fc.Arbitrary<unknown>> = {}) => ({
  weight,
  arbitrary: fc.record({ kind: fc.constant(kind), ...parts }),
});
const CONNECTED: readonly Move[] = [
  { kind: 'connect', proxy: 0 },
  { kind: 'speak', refused: false },
];
const moves = fc.array(
  fc.oneof(
    one('make', 4, { call, patient: fc.boolean() }),
    one('connect', 3, { proxy }),
    one('cut', 3),
    one('disconnect', 1, { back }),
    one('take', 8, { proxy, lost: fc.boolean() }),
    one('requeue', 3, { back }),
    one('reply', 6, { back, twice: fc.boolean() }),
    one('time', 7, { call }),
    one('cancel', 1, { call }),
    one('reclaim', 1, { proxy }),
    one('speak', 8, { refused: fc.boolean() }),
    one('silence', 1),
  ) as fc.Arbitrary<Move>,
  { minLength: 20, maxLength: 60, size: 'max' },
);

test('in whatever order things happen, each call is written at most once and ends once, and none is left', async (t) => {
  const connection = openConnection(SETTINGS, 'commands', (error) => t.log(error.message));
  await new Promise((resolve) => connection.once('ready', resolve));
  const ends = new Map<string, number>();
  const property = fc.asyncProperty(fc.boolean(), moves, async (isConnected, list) => {
    const world = new CallWorld(connection, new Keys(`w${++prefixes}`));
    // By chance alone a station seldom gets as far as to a call.
    for (const move of isConnected ? [...CONNECTED, ...list] : list) await world.perform(move);
    for (const end of await world.finish()) ends.set(end, (ends.get(end) ?? 0) + 1);
  });
  await fc.assert(property, { numRuns: 300 }).finally(() => connection.disconnect());
  // The moves must reach all ends, or the property says little.
  for (const end of [
    'answered',
    'uncertain timeout',
    'uncertain disconnected',
    'not-sent expired',
    'not-sent offline',
    'not-sent cancelled',
  ]) {
    t.true((ends.get(end) ?? 0) > 0, `${end}: ${JSON.stringify([...ends])}`);
  }
});
