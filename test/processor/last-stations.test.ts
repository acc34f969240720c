/** The end of a deleted cluster: stations of draining proxies are answered until the last proxy has left. */
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import test from 'ava';
import { serveLastStations } from '../../services/processor/last-stations.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { RedisGateway } from '../../services/transport/redis/redis-gateway.ts';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { Station } from './session.ts';

const keys = new Keys('ocpp');
const gatewayAt = (addr: string, name: string) =>
  new RedisGateway({ redis: { addr, db: 0, clientTimeoutMs: 5000 }, keys, name, leaseMs: 1500 });

test('the cluster is ending while every proxy leaves, and not while one stays or comes', async (t) => {
  await using redis = await startRedis();
  const look = new Redis({ port: redis.port });
  t.teardown(() => look.disconnect());
  const ending = async () => (await look.exists(keys.ending)) === 1;
  await using one = gatewayAt(redis.addr, 'one');
  await using two = gatewayAt(redis.addr, 'two');
  await Promise.all([one.start(), two.start()]);
  one.leave();
  await until(() => look.hget(keys.process(one.id), 'leaving'), 'one leaves');
  t.false(await ending(), 'two stays');
  two.leave();
  await until(ending, 'both leave');
  await using three = gatewayAt(redis.addr, 'three');
  await three.start();
  await until(async () => !(await ending()), 'three has come');
  await three.stop();
  await until(ending, 'three has left');
  await Promise.all([one.stop(), two.stop()]);
  await until(async () => !(await ending()), 'the end', 3000);
});

test('a process that leaves says so at once, during a renewal and after it has registered again, too', async (t) => {
  await using redis = await startRedis();
  const look = new Redis({ port: redis.port });
  t.teardown(() => look.disconnect());
  const leaseMs = 6000;
  const settings = { addr: redis.addr, db: 0, clientTimeoutMs: 5000 };
  await using one = new RedisGateway({ redis: settings, keys, name: 'one', leaseMs });
  await one.start();
  await wait(leaseMs / 3 - 500);
  await look.client('PAUSE', 1000);
  await wait(800);
  one.leave();
  await until(() => look.hget(keys.process(one.id), 'leaving'), 'the mark', 1500);

  const { id } = one;
  await look.hset(keys.process(id), 'state', 'dead');
  await until(() => one.id !== id, 'another registration');
  t.truthy(
    await until(() => look.hget(keys.process(one.id), 'leaving'), 'the mark of the new registration', 1000),
  );
});

test('a processor that is stopped with its cluster answers until the last proxy has left', async (t) => {
  await using redis = await startRedis();
  await using program = await startProgram('processor', {
    REDIS_ADDR: redis.addr,
    OCPP_LAST_STATIONS: '20s',
  });
  await using gateway = gatewayAt(redis.addr, 'proxy');
  await gateway.start();
  const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
  const ended = program.kill('SIGTERM');
  gateway.leave();
  const begin = Date.now();
  while (Date.now() - begin < 5000) t.truthy(await station.call('Heartbeat', {}));
  const closing = Date.now();
  await gateway.stop();
  t.is(await ended, 0);
  t.true(Date.now() - closing < 5000, 'it ends soon after the last proxy');
});

type Ending = () => Promise<boolean>;
/** Counts from the first question. */
const after = (ms: number, then: boolean): Ending => {
  let begin: number | undefined;
  return async () => {
    begin ??= Date.now();
    return Date.now() - begin < ms ? !then : then;
  };
};
const CASES: readonly (readonly [what: string, Ending, limitMs: number, fromMs: number, toMs: number])[] = [
  ['not at all by default', async () => true, 0, 0, 200],
  ['for the notice only when it stops alone', async () => false, 60_000, 3000, 4500],
  ['until the end when the others follow late', after(1000, true), 4000, 4000, 5500],
  ['until the proxies have left', after(1000, false), 60_000, 1000, 2500],
  ['for the limit at most', async () => true, 1000, 1000, 2500],
  ['not at all without Redis', () => Promise.reject(new Error('away')), 60_000, 0, 200],
];

for (const [what, ending, limitMs, fromMs, toMs] of CASES) {
  test.serial(`a stopping processor serves on ${what}`, async (t) => {
    const begin = Date.now();
    await serveLastStations(ending, limitMs);
    const took = Date.now() - begin;
    t.true(took >= fromMs && took < toMs, `${took} ms`);
  });
}
