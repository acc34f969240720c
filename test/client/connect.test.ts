/** A client of a cluster of real processes: it sends commands and reads state, and takes no part in handling messages. */
import test from 'ava';
import { Redis } from 'ioredis';
import { type ClusterClient, connect } from '../../services/client/connect.ts';
import { redisUrl } from '../../services/client/redis-url.ts';
import { TransportError } from '../../services/transport/errors.ts';
import { startProgram } from '../support/program.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { startStation } from './station.ts';

const open = (redis: RedisServer) => connect(`redis://${redis.addr}`);
const connectedOf = async (cluster: ClusterClient) => {
  const { items } = await cluster.stations({ connected: true }).page();
  return items.map(({ id }) => id);
};
const env = (redis: RedisServer) => ({ REDIS_ADDR: redis.addr, OCPP_DRAIN_TIMEOUT: '1s' });
const reset = (stationId: string, idempotencyKey: string) => ({
  stationId,
  action: 'Reset',
  payload: { type: 'Soft' },
  idempotencyKey,
});
const accepted = { kind: 'answered', answer: { kind: 'result', payload: { status: 'Accepted' } } } as const;
const boot = { chargePointVendor: 'Acme', chargePointModel: 'DC-9' };

test('a command is answered by its station, and state is read', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', env(redis));
  await using _processor = await startProgram('processor', env(redis));
  const asked: string[] = [];
  await using station = await startStation(proxy.url, 'CP-1', async (type) => void asked.push(type));
  t.like(await station.sendRequest('BootNotification', boot), { kind: 'confirmed' });

  await using cluster = await open(redis);
  t.deepEqual(await cluster.call(reset('CP-1', 'one')), accepted);
  t.deepEqual(await cluster.call(reset('CP-1', 'one')), accepted);
  t.deepEqual(asked, ['Soft'], 'the second call joins the first');
  t.deepEqual(await cluster.callState('CP-1', 'one'), accepted);
  t.is(await cluster.callState('CP-1', 'another'), undefined);

  t.deepEqual(await connectedOf(cluster), ['CP-1']);
  t.true((await cluster.station('CP-1'))?.connected === true);
  t.false((await cluster.station('CP-2'))?.connected === true);
  t.is(await cluster.protocolOf('CP-1'), 'ocpp1.6');
  t.like(await cluster.state.record('station:CP-1'), { protocol: 'ocpp1.6' });

  t.deepEqual(await cluster.call(reset('CP-2', 'two')), { kind: 'not-sent', reason: 'offline' });
  await t.throwsAsync(cluster.call({ ...reset('CP-1', 'three'), payload: { type: 'Loud' } }), {
    code: 'bad-call',
  });
  const results = [];
  const everywhere = { stations: ['CP-1', 'CP-2'], action: 'ClearCache', payload: {}, queueable: false };
  for await (const result of cluster.broadcast(everywhere)) results.push(result);
  t.deepEqual(
    results.sort((a, b) => (a.stationId < b.stationId ? -1 : 1)),
    [
      { stationId: 'CP-1', outcome: accepted },
      { stationId: 'CP-2', outcome: { kind: 'not-sent', reason: 'offline' } },
    ],
  );
});

test('a call that waits for its station is cancelled', async (t) => {
  await using redis = await startRedis();
  await using cluster = await open(redis);
  const clear = { action: 'ClearCache', payload: {}, protocol: 'ocpp1.6', queueable: true } as const;
  const outcome = cluster.call({ ...clear, stationId: 'CP-1', idempotencyKey: 'clear' });
  await until(
    async () => (await cluster.callState('CP-1', 'clear'))?.kind === 'queued',
    'the call in the queue',
  );
  const cancelled = { kind: 'not-sent', reason: 'cancelled' } as const;
  t.deepEqual(await cluster.cancel('CP-1', 'clear'), cancelled);
  t.deepEqual(await outcome, cancelled);
});

test('messages of stations are left to the processors', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', env(redis));
  await using cluster = await open(redis);
  await using station = await startStation(proxy.url, 'CP-1', async () => undefined);
  let answered = false;
  const answer = station.sendRequest('BootNotification', boot).finally(() => (answered = true));
  const unanswered = { ...reset('CP-1', 'one'), timeoutMs: 1000 };
  t.deepEqual(await cluster.call(unanswered), { kind: 'uncertain', reason: 'timeout' });
  t.false(answered, 'there is no processor');
  await using _processor = await startProgram('processor', env(redis));
  t.like(await answer, { kind: 'confirmed' });
});

test('the outcome of a call outlives the client that made it', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', env(redis));
  await using _processor = await startProgram('processor', env(redis));
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using _station = await startStation(proxy.url, 'CP-1', () => {
    arrived.resolve();
    return answer.promise;
  });
  const first = await open(redis);
  const abandoned = t.throwsAsync(first.call(reset('CP-1', 'one')), { code: 'call-abandoned' });
  await arrived.promise;
  await first.close();
  await abandoned;
  answer.resolve();
  await using second = await open(redis);
  t.deepEqual(await second.call(reset('CP-1', 'one')), accepted);
});

test('the cluster ends the call of a closed client at its deadline', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', env(redis));
  const arrived = Promise.withResolvers<void>();
  const never = new Promise<void>(() => undefined);
  await using _station = await startStation(proxy.url, 'CP-1', () => {
    arrived.resolve();
    return never;
  });
  const first = await open(redis);
  const abandoned = t.throwsAsync(first.call({ ...reset('CP-1', 'one'), timeoutMs: 1000 }));
  await arrived.promise;
  await first.close();
  await abandoned;
  await using second = await open(redis);
  const ended = async () => (await second.callState('CP-1', 'one'))?.kind === 'uncertain';
  await until(ended, 'the end of the call');
  t.deepEqual(await second.callState('CP-1', 'one'), { kind: 'uncertain', reason: 'timeout' });
});

test('a Redis that is not there is an error within the client time-out', async (t) => {
  await t.throwsAsync(connect({ addr: '127.0.0.1:1', db: 0, clientTimeoutMs: 300 }), {
    instanceOf: TransportError,
    code: 'store-unavailable',
  });
});

test('a client outlives an outage of Redis', async (t) => {
  await using redis = await startRedis();
  await using cluster = await open(redis);
  await redis.kill();
  const reads = [
    connectedOf(cluster),
    cluster.station('CP-1'),
    cluster.protocolOf('CP-1'),
    cluster.callState('CP-1', 'one'),
  ];
  for (const read of reads) await t.throwsAsync(read, { code: 'store-unavailable' });
  await redis.restart();
  await until(
    () =>
      connectedOf(cluster).then(
        () => true,
        () => false,
      ),
    'the connection',
  );
  t.deepEqual(await connectedOf(cluster), []);
});

const common = { db: 0, clientTimeoutMs: 5000 };
for (const [url, settings] of [
  ['redis://host', { ...common, addr: 'host:6379' }],
  ['redis://host:7000/3', { ...common, addr: 'host:7000', db: 3 }],
  ['redis://[::1]:7000', { ...common, addr: '[::1]:7000' }],
  [
    'rediss://user:p%40ss@host',
    { ...common, addr: 'host:6379', username: 'user', password: 'p@ss', tls: {} },
  ],
  ['redis://:secret@host/', { ...common, addr: 'host:6379', password: 'secret' }],
] as const)
  test(`as settings: ${url}`, (t) => t.deepEqual(redisUrl(url), settings));

for (const url of ['host:6379', 'http://host', 'redis://host/name', 'redis://', 'redis://:secret@host/a/b'])
  test(`no Redis URL: ${url}`, (t) => {
    const error = t.throws(() => redisUrl(url), { code: 'bad-settings' });
    t.notRegex(error?.message ?? '', /secret/);
  });

test('a database that does not exist is refused', async (t) => {
  await using redis = await startRedis();
  const settings = { addr: redis.addr, db: 99, clientTimeoutMs: 1000 };
  await t.throwsAsync(connect(settings), { code: 'store-unavailable', message: /DB index is out of range/ });
});

test('a client that is closed with many calls and reads in flight leaves no connection', async (t) => {
  await using redis = await startRedis();
  const cluster = await open(redis);
  const reads = Array.from({ length: 100 }, (_, i) => cluster.state.record(`station:${i}`));
  const calls = Array.from({ length: 50 }, (_, i) =>
    cluster.call({ ...reset(`CP-${i}`, `key-${i}`), queueable: true }),
  );
  await cluster.close();
  await Promise.allSettled([...reads, ...calls]);
  await using other = await open(redis);
  const look = new Redis(redis.port, redis.host);
  t.teardown(() => look.disconnect());
  const clients = async () =>
    String(await look.client('LIST'))
      .trim()
      .split('\n').length;
  await until(async () => (await clients()) <= 3, 'only the clients of this test are connected');
  t.deepEqual(await connectedOf(other), []);
});
