/** A Redis that answers, but not what it was asked for: the data path waits and goes on by itself, and loses nothing. */
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import type { Delivery } from '../../../services/transport/transport.ts';
import { type RedisOptions, startRedis } from '../../support/redis-server.ts';
import { counted, startTraffic, type TrafficOptions } from './traffic.ts';
import { until } from '../../support/until.ts';

async function running(
  t: ExecutionContext,
  server: RedisOptions = {},
  handle: TrafficOptions['handle'] = counted,
) {
  const redis = await startRedis({ appendonly: true, ...server });
  const look = new Redis(redis.port, redis.host, { retryStrategy: () => 50, enableReadyCheck: false });
  look.on('error', () => undefined);
  const settings = { addr: redis.addr, db: 0, clientTimeoutMs: 2000 };
  const patienceMs = 15_000;
  const traffic = await startTraffic({ redis: settings, channelPrefix: 'ocpp', patienceMs, handle });
  t.teardown(async () => {
    await traffic[Symbol.asyncDispose]();
    look.disconnect();
    await redis[Symbol.asyncDispose]();
  });
  const says = (word: string) =>
    until(() => traffic.errors.some(({ message }) => message.includes(word)), `an error that says ${word}`);
  const account = async () => {
    await traffic.quiet();
    const entries = await look.xrange('ocpp:effects', '-', '+');
    const effects = entries.map(([, fields]) => fields[1] ?? '');
    t.deepEqual(effects.toSorted(), [...traffic.acknowledged].toSorted(), 'one effect an answer');
    t.deepEqual(traffic.givenUp, []);
  };
  return { redis, look, traffic, says, account };
}

test('SCRIPT FLUSH: scripts are sent whole again', async (t) => {
  const { look, traffic, account } = await running(t);
  await traffic.flows();
  for (let i = 0; i < 3; i++) {
    await look.script('FLUSH');
    await traffic.flows();
  }
  await account();
  t.deepEqual(traffic.errors, []);
});

test('READONLY: a primary that becomes a replica takes nothing until it is one again', async (t) => {
  const { look, traffic, says, account } = await running(t);
  await traffic.flows();
  await look.replicaof('127.0.0.1', 1);
  await says('is a replica, not the primary');
  await look.replicaof('NO', 'ONE');
  await traffic.flows();
  await account();
});

test('LOADING: a restarted Redis is waited for until it has read its data', async (t) => {
  // Half a second of reading; the LOADING answers come between keys.
  const slow = ['--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024'];
  const { redis, look, traffic, account } = await running(t, { args: slow });
  const pipeline = look.pipeline();
  for (let i = 0; i < 3000; i++) pipeline.set(`ballast:${i}`, 'x'.repeat(100));
  await pipeline.exec();
  // A base file is read with the delay.
  await look.bgrewriteaof();
  await until(
    async () => (await look.info('persistence')).includes('aof_rewrite_in_progress:0'),
    'a base file',
  );
  await traffic.flows();
  await redis.kill();
  const restarted = redis.restart();
  let loading = false;
  await until(async () => {
    const answer = await look.get('ballast:1').catch((error: Error) => error.message);
    loading ||= answer?.startsWith('LOADING') ?? false;
    return answer?.startsWith('x') ?? false;
  }, 'Redis to have read its data');
  await restarted;
  t.true(loading);
  await traffic.flows();
  await account();
});

test('OOM: a full Redis takes nothing new, and what it holds is finished', async (t) => {
  const held = Promise.withResolvers<void>();
  let inFlight = 0;
  const handle = async (delivery: Delivery) => {
    inFlight++;
    await held.promise;
    return counted(delivery);
  };
  const { look, traffic, says, account } = await running(t, {}, handle);
  await until(() => inFlight === 8, 'a CALL of every station in flight');
  await look.config('SET', 'maxmemory', '1');
  held.resolve();
  await until(() => traffic.acknowledged.size === 8, 'all of them to be answered');
  await says('OOM');
  t.is(traffic.acknowledged.size, 8);
  await look.config('SET', 'maxmemory', '0');
  await traffic.flows();
  await account();
});
