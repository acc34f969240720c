/** Open requests in memory and in Redis: one suite, the keys of ocpp-go, and what a killed process leaves behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Redis } from 'ioredis';
import {
  createGateway,
  createServerState,
  type RedisConfig,
} from '../../services/library/transport-factory.ts';
import { GatewayClientTransport } from '../../services/transport/gateway-client.ts';
import { serverStateConformance } from '../conformance/server-state.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const redis = await startRedis();
const next = new Redis(redis.port, redis.host, { db: 1 });
test.after.always(async () => {
  next.disconnect();
  await redis[Symbol.asyncDispose]();
});

const DYING = fileURLToPath(import.meta.resolve('./dying-server.ts'));

let prefixes = 0;
const config = (channelPrefix = `st${++prefixes}`, stateTtlMs = 30_000): Omit<RedisConfig, 'name'> => ({
  kind: 'redis',
  redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000, stateTtlMs },
  channelPrefix,
});

serverStateConformance(test, 'memory', () => createServerState({ kind: 'memory' }));
// A prefix with pattern characters, which must be taken literally.
serverStateConformance(test, 'redis', () => createServerState(config(`s[t]*?\\${++prefixes}`)));

interface Recorded {
  readonly db: number;
  readonly command: readonly [string, string, ...string[]];
}

test('an open request has the key and lifetime that ocpp-go gives it', async (t) => {
  const recorded = readFileSync(join(import.meta.dirname, '../transport/ocpp-go/traffic.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded);
  const about = recorded.filter(({ command }) => command[1] === 'ocpp:pending:CP-001');
  const [set, expire] = about;
  const [, key, id = '', value = ''] = set?.command ?? [];
  const [, , seconds] = expire?.command ?? [];
  t.deepEqual(
    about.map(({ db, command }) => [db, command[0]]),
    [
      [1, 'hset'],
      [1, 'expire'],
      [1, 'hget'],
      [1, 'hdel'],
      [1, 'del'],
    ],
  );
  await using state = await createServerState(config('ocpp'));
  await state.addPendingRequest('CP-001', id, 'Reset');
  t.is(await next.type(key ?? ''), 'hash');
  t.deepEqual(await next.hgetall(key ?? ''), { [id]: value });
  t.is(await next.ttl(key ?? ''), Number(seconds));
  await state.completePendingRequest('CP-001', id);
  // In the other direction: entries of ocpp-go are read here.
  await next.hset(key ?? '', 'theirs', value);
  t.deepEqual(await state.getPendingRequest('CP-001', 'theirs'), { featureName: 'Reset' });
  await next.hset(key ?? '', 'odd', 'no JSON');
  await t.throwsAsync(state.getPendingRequest('CP-001', 'odd'), { code: 'bad-envelope', message: /odd/ });
});

test('a short request does not shorten the life of a long one, and everything ends', async (t) => {
  const { channelPrefix } = config();
  await using state = await createServerState(config(channelPrefix, 1000));
  await state.addPendingRequest('CP-1', 'long', 'GetLog', 60_000);
  await state.addPendingRequest('CP-1', 'short', 'Reset');
  t.true((await next.ttl(`${channelPrefix}:pending:CP-1`)) > 50);
  await state.addPendingRequest('CP-2', 'short', 'Reset');
  await until(async () => !(await state.hasPendingRequest('CP-2')), 'the end of the entry');
  t.true(await state.hasPendingRequest('CP-1'));
});

test('a killed server leaves its open requests for others to read', async (t) => {
  const settings = config();
  await using gateway = createGateway({ ...settings, name: 'proxy' });
  await gateway.start();
  await using station = new GatewayClientTransport({ gateway, stationId: 'CP-1', protocol: 'ocpp1.6' });
  const calls: string[] = [];
  station.onMessage((text) => calls.push(text));
  await station.start();
  const server = spawn(process.execPath, [DYING, JSON.stringify(settings)], { stdio: 'inherit' });
  const gone = once(server, 'exit');
  await until(() => calls.length === 1, 'the request at the station');
  server.kill('SIGKILL');
  await gone;
  const [, id] = JSON.parse(calls[0] ?? '') as [number, string];
  await using state = await createServerState(settings);
  t.deepEqual(await state.pendingRequests('CP-1'), new Map([[id, { featureName: 'Reset' }]]));
});

test('invalid settings are rejected immediately', async (t) => {
  const cluster = { ...config('{ocpp}'), redis: { ...config().redis, mode: 'cluster' as const } };
  await t.throwsAsync(createServerState(cluster), { code: 'bad-settings', message: /database/ });
  const away = { ...config(), redis: { addr: '127.0.0.1:1', db: 0, clientTimeoutMs: 300 } };
  await t.throwsAsync(createServerState(away), { code: 'store-unavailable', message: /127\.0\.0\.1:1/ });
});
