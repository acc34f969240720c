/** Proxies and a processor on a real Redis: what a rollout counts, who charges, and a self-test that leaves no trace. */
import { Redis } from 'ioredis';
import test, { type ExecutionContext } from 'ava';
import { PATH } from '../../../services/contract.ts';
import { DEFAULT_SETTINGS } from '../../../services/csms/handler.ts';
import { HANDLERS } from '../../../services/csms/handlers/table.ts';
import { createProcessor } from '../../../services/csms/processor.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { Keys } from '../../../services/transport/redis/keys.ts';
import { RedisGateway } from '../../../services/transport/redis/redis-gateway.ts';
import { RedisTransport } from '../../../services/transport/redis/redis-transport.ts';
import { recordRollout } from '../../../services/transport/redis/rollout/record-rollout.ts';
import { openReady } from '../../../services/transport/redis/connection/connection.ts';
import type { ProxySettings } from '../../../services/ws-proxy/config.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { Started, withToken } from './started-proxy.ts';

async function world(t: ExecutionContext) {
  const server = await startRedis();
  t.teardown(() => server[Symbol.asyncDispose]());
  const redis = { addr: server.addr, db: 0, clientTimeoutMs: 5000 };
  const keys = new Keys('ocpp');
  const look = new Redis(server.port, server.host);
  look.on('error', () => undefined);
  t.teardown(() => look.disconnect());
  const handled: string[] = [];
  return {
    server,
    redis,
    keys,
    look,
    handled,
    proxy: async (settings: Partial<ProxySettings> = {}) => {
      const gateway = new RedisGateway({ redis, keys, name: 'proxy' });
      const started = new Started({ ...withToken(), ...settings }, gateway);
      await started.proxy.start();
      return started;
    },
    processor: async () => {
      const processor = createProcessor({
        transport: new RedisTransport({ redis, keys, name: 'processor' }),
        handlers: HANDLERS,
        settings: DEFAULT_SETTINGS,
        clock: systemClock,
        log: memoryLog(),
        observer: {
          handled: (outcome) => void handled.push(outcome),
          handlerFailed: () => void handled.push('failed'),
          repaired: () => void handled.push('repaired'),
          refused: () => void handled.push('refused'),
          swept: () => undefined,
          handedOver: () => undefined,
        },
      });
      await processor.start();
      return processor;
    },
  };
}

/** Every key of Redis with its content, but for leases and counters of messages. */
async function content(look: Redis): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const key of (await look.keys('*')).sort()) {
    if (/^ocpp:(process|processors|proxies|running|waiter|help)/.test(key)) continue;
    const type = await look.type(key);
    found[key] = type === 'string' ? await look.get(key) : await look.object('ENCODING', key);
  }
  return found;
}

test('stations that move from one proxy to another are counted once each, with their gap', async (t) => {
  const { proxy, processor } = await world(t);
  await using old = await proxy({ drainRate: 1000 });
  await using young = await proxy();
  await using _ = await processor();
  const stations = await Promise.all(
    Array.from({ length: 20 }, async (_one, i) => (await old.open(`CS${i}`)).station),
  );
  await old.order('PUT', PATH.drain, { mode: 'draining', rollout: 'r1' });
  await Promise.all(stations.map((station) => station.closeCode()));
  const report = async (query = 'id=r1') => (await young.order('GET', `${PATH.rollout}?${query}`)).json;
  await until(async () => (await report()).moves === 20, 'the moves');
  const { away, missing, gapSeconds } = await report();
  t.deepEqual({ away, missing, gapSeconds }, { away: 20, missing: 0, gapSeconds: undefined });
  t.is((await report('id=r1&missingAfterSeconds=0')).missing, 20);

  const back = await Promise.all(
    Array.from({ length: 19 }, async (_one, i) => (await young.open(`CS${i}`)).station),
  );
  for (const station of back) station.send('[2,"1","Heartbeat",{}]');
  await Promise.all(back.map((station) => station.nextText()));
  await until(async () => (await report()).gapSeconds !== undefined, 'the gaps');
  const after = await report();
  t.like(after, { id: 'r1', moves: 20, stations: 20, movedAgain: 0, forced: 0, away: 1 });
  t.true(after.peakReturnsPerSecond >= 10);
  t.true(after.gapSeconds.p50 > 0 && after.gapSeconds.p99 < 30);
  t.is((await report('id=other')).moves, 0);
  t.regex((await young.order('GET', PATH.rollout)).text, /^id: /);
  t.regex((await young.order('GET', `${PATH.rollout}?id=r1&missingAfterSeconds=x`)).text, /^missingAfter/);
  await Promise.all([...stations, ...back].map((station) => station[Symbol.asyncDispose]()));
});

test('SIGTERM counts moves only for the rollout of the last order', async (t) => {
  const { proxy, look } = await world(t);
  for (const rollout of [undefined, 'r7']) {
    const it = await proxy();
    const { station } = await it.open('CS1');
    if (rollout !== undefined) await it.order('PUT', PATH.drain, { mode: 'refusing', rollout });
    await it.stop();
    t.is(await station.closeCode(), 1012);
    await station[Symbol.asyncDispose]();
    t.is(await look.hget('ocpp:rollout', 'id'), rollout ?? null);
  }
  t.is(await look.hget('ocpp:rollout', 'moves'), '1');
  for (const key of ['ocpp:rollout', 'ocpp:rollout-moves', 'ocpp:rollout-away']) {
    const left = await look.ttl(key);
    t.true(left > 6 * 86_400 && left <= 7 * 86_400, `${key} expires in ${left} s`);
  }
});

test('a station that charged before it connected here is closed last', async (t) => {
  const { proxy, look } = await world(t);
  await using it = await proxy({ drainRate: 5, drainTransactions: 'wait' });
  const stations = new Map<string, Awaited<ReturnType<typeof it.open>>['station']>();
  for (const id of ['CHARGING', 'CS1', 'CS2']) stations.set(id, (await it.open(id)).station);
  await look.zadd('ocpp:open:CHARGING', 1, 'transaction:17');
  await it.order('PUT', PATH.drain, { mode: 'draining', rollout: 'r1' });
  await until(async () => (await it.order('GET', PATH.drain)).json.sessions === 1, 'two moves');
  t.like((await it.order('GET', PATH.drain)).json, { inTransaction: 1, moved: 2 });
  t.false(stations.get('CHARGING')?.toldToGo);
  await Promise.all([...stations.values()].map((station) => station[Symbol.asyncDispose]()));
});

test('shedding leaves stations that charge where they are, and its moves are counted under its id', async (t) => {
  const { proxy, look } = await world(t);
  await using it = await proxy({ drainRate: 100 });
  const stations = new Map<string, Awaited<ReturnType<typeof it.open>>['station']>();
  for (const id of ['CHARGING', 'CS1', 'CS2']) stations.set(id, (await it.open(id)).station);
  await look.zadd('ocpp:open:CHARGING', 1, 'transaction:17');
  await it.order('PUT', PATH.drain, { mode: 'shedding', rollout: 'rebalance-1', moves: 3 });
  const counts = async () => (await it.order('GET', `${PATH.rollout}?id=rebalance-1`)).json;
  await until(async () => (await counts()).moves === 2, 'two moves');
  await using again = (await it.open('CS1')).station;
  await until(async () => (await counts()).away === 1, 'a return to the same proxy');
  t.like((await it.order('GET', PATH.drain)).json, { mode: 'shedding', sessions: 2, moved: 2 });
  t.false(stations.get('CHARGING')?.toldToGo);
  t.false(again.toldToGo);
  await Promise.all([...stations.values()].map((station) => station[Symbol.asyncDispose]()));
});

test('moves wait while Redis is away', async (t) => {
  const { proxy, server, look } = await world(t);
  await using it = await proxy({ drainRate: 100 });
  const stations = await Promise.all([0, 1, 2].map(async (i) => (await it.open(`CS${i}`)).station));
  process.kill(server.pid, 'SIGSTOP');
  const ordered = it.order('PUT', PATH.drain, { mode: 'draining', rollout: 'r1' });
  await Promise.all(stations.map((station) => station.closeCode()));
  t.is((await ordered).json.mode, 'draining');
  process.kill(server.pid, 'SIGCONT');
  await until(async () => (await look.hget('ocpp:rollout', 'moves')) === '3', 'the moves');
  await Promise.all(stations.map((station) => station[Symbol.asyncDispose]()));
});

test('a record that is sent twice counts once', async (t) => {
  const { redis, keys, look } = await world(t);
  const connection = await openReady(redis);
  t.teardown(() => connection.disconnect());
  const moves = [{ stationId: 'CS/1', epoch: 7, forced: true, closedAt: 0 }];
  const record = { processId: 'p', number: 1, rollout: 'r1', moves, gaps: [50], now: 10 };
  t.true(await recordRollout(connection, keys, record));
  t.false(await recordRollout(connection, keys, record));
  t.true(await recordRollout(connection, keys, { ...record, number: 2 }));
  t.like(await look.hgetall('ocpp:rollout'), { moves: '2', forced: '2', movedAgain: '1' });
  t.deepEqual(await look.hgetall('ocpp:rollout-moves'), { 'CS%2F1': '2' });
});

test('a self-test leaves no trace in Redis, and no handler and no figure sees it', async (t) => {
  const { proxy, processor, look, handled } = await world(t);
  await using it = await proxy();
  const control = look.duplicate();
  t.teardown(() => control.disconnect());
  const events: string[] = [];
  await control.psubscribe('ocpp:control:*');
  control.on('pmessage', (_pattern, channel) => void events.push(channel));
  await using _ = await processor();
  const before = await content(look);
  for (let i = 0; i < 3; i += 1) {
    t.deepEqual((await it.order('POST', PATH.selfTest)).json, { ok: true, failures: [] });
  }
  await until(async () => (await look.llen('ocpp:requests')) === 0, 'the queue to be empty');
  t.deepEqual(await content(look), before);
  t.deepEqual([handled, events], [[], []]);
  t.is(await it.figure('ocpp_proxy_frames_forwarded_total'), 0);
  t.is(await it.figure('ocpp_proxy_sessions'), 0);
});

test('without a processor, or without Redis, the self-test says what is missing', async (t) => {
  const { proxy, server, look } = await world(t);
  await using it = await proxy();
  const test = it.order('POST', PATH.selfTest);
  t.deepEqual((await test).json, {
    ok: false,
    failures: ['no answer through Redis within 10 s: is a processor running?'],
  });
  t.is(await look.llen('ocpp:requests'), 0);
  await server.kill();
  await until(() => !it.gateway.isHealthy(), 'the loss to be noticed');
  const { ok, failures } = (await it.order('POST', PATH.selfTest)).json;
  t.false(ok);
  t.true(failures.some((text: string) => /Redis/.test(text)));
});
