/** Deliveries of the API program to a real server: order, endpoints that refuse, are slow, dead or back, owners that die. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { type Program, startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { tokenFile } from '../cluster.ts';
import { Receiver, SECRET } from './receiver.ts';

/** Redis, a receiver, and settings for API programs that deliver to it. */
async function start(changes: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-'));
  await writeFile(join(folder, 'billing'), `${SECRET}\n`);
  await writeFile(join(folder, 'the-admin'), tokenFile('admin', 'admin'));
  const server = await startRedis();
  const redis = new Redis(server.port, server.host).on('error', () => undefined);
  const receiver = await new Receiver().listen();
  const url = `http://127.0.0.1:${receiver.port}/events`;
  const programs: Program[] = [];
  const ask = async (path: string, method = 'GET') => {
    const headers = { authorization: 'Bearer admin' };
    const response = await fetch(`${programs.at(-1)?.apiUrl}/v1/webhooks${path}`, { method, headers });
    const text = await response.text();
    return {
      status: response.status,
      body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
    };
  };
  return {
    redis,
    receiver,
    url,
    ask,
    async api() {
      const program = await startProgram('api', {
        REDIS_ADDR: server.addr,
        OCPP_API_TOKENS_FOLDER: folder,
        OCPP_API_WEBHOOK_SECRETS_FOLDER: folder,
        OCPP_API_WEBHOOKS: JSON.stringify([{ name: 'billing', url, ...changes }]),
      });
      programs.push(program);
      await until(async () => (await ask('/billing')).body['state'] !== 'starting', 'an owner');
      return program;
    },
    /** Events 1 to `count` of each station, by turns. */
    async add(stations: readonly string[], count: number, first = 1) {
      const pipeline = redis.pipeline();
      for (let n = first; n < first + count; n++)
        for (const station of stations)
          pipeline.xadd('ocpp:events', '*', 'type', 'noted', 'stationId', station, 'n', `${n}`);
      await pipeline.exec();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
      redis.disconnect();
      await receiver[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const names = (count: number) => upTo(count).map((n) => `CP-${n}`);

test('events arrive signed and in order; a refused one becomes a dead letter, holds its station only, and is replayed', async (t) => {
  await using own = await start({ types: ['noted', 'transaction-*'] });
  const { receiver, ask } = own;
  await own.api();
  receiver.answer = ({ station, n }) => (station === 'CP-3' && n === '2' ? 422 : { status: 204, afterMs: 5 });
  await own.redis.xadd('ocpp:events', '*', 'type', 'unwanted', 'stationId', 'CP-1');
  await own.redis.xadd('ocpp:events', '*', 'type', 'transaction-started', 'stationId', 'CP-9', 'n', '1');
  await own.add(names(5), 20);
  await until(() => receiver.numbersOf('CP-5').length === 20, 'the others');
  t.deepEqual(receiver.numbersOf('CP-3'), [1], 'the station waits behind its event');
  t.true(receiver.mostOpen > 1, 'stations at the same time');
  await until(() => receiver.numbersOf('CP-3').length === 19, 'what follows the dead letter');
  t.deepEqual(
    receiver.numbersOf('CP-3'),
    upTo(20).filter((n) => n !== 2),
  );
  for (const station of ['CP-1', 'CP-2', 'CP-4', 'CP-5']) t.deepEqual(receiver.numbersOf(station), upTo(20));
  t.deepEqual(receiver.faults, []);
  t.false(receiver.got.some(({ type }) => type === 'ocpp.unwanted'));
  const started = receiver.got.find(({ type }) => type === 'ocpp.transaction-started');
  t.like(started?.event, { specversion: '1.0', source: '/ocpp', subject: 'CP-9', data: { n: '1' } });

  const letters = await until(async () => {
    const { items } = (await ask('/billing/dead-letters')).body as { items: { id: string }[] };
    return items.length === 1 && items;
  }, 'the dead letter');
  t.like(letters[0], {
    attempts: 3,
    reason: 'refused: status 422',
    event: { subject: 'CP-3', data: { n: '2' } },
  });
  const path = `/billing/dead-letters/${letters[0]?.id}`;
  t.like(await ask(`${path}/replay`, 'POST'), { status: 409, body: { code: 'not-delivered' } });
  receiver.answer = () => 200;
  t.is((await ask(`${path}/replay`, 'POST')).status, 204);
  t.is((await ask(`${path}/replay`, 'POST')).status, 404);
  t.is(receiver.accepted.at(-1)?.id, letters[0]?.id, 'under its id');
  t.like((await ask('/billing/test', 'POST')).body, { delivered: true });
  t.is(receiver.accepted.at(-1)?.type, 'ocpp.test');
  await until(async () => (await ask('/billing')).body['parked'] === 0, 'nothing waits');
  t.like((await ask('')).body, {
    items: [{ name: 'billing', url: own.url, state: 'delivering', parked: 0, deadLetters: 0, gaps: 0 }],
  });
});

test('a dead endpoint gets one probe at a time and loses nothing, also over a change of the owner', async (t) => {
  await using own = await start();
  const { receiver, ask } = own;
  const first = await own.api();
  receiver.answer = () => 503;
  await own.add(names(50), 4);
  await until(async () => (await ask('/billing')).body['state'] === 'down', 'down');
  t.like((await ask('/billing/test', 'POST')).body, { delivered: false, error: 'status 503' });
  const before = receiver.got.length;
  const downAt = performance.now();
  await own.add(names(50), 30, 5);
  await until(async () => Number((await ask('/billing')).body['parked']) > 1000, 'a full window is parked');
  // Pauses double, from half a second on: this many fit into the time that the parking took, and the one that was open.
  const mostProbes = 2 + Math.log2(1 + (performance.now() - downAt) / 500);
  const probes = receiver.got.length - before;
  t.true(probes <= mostProbes, `${probes} requests, at most ${mostProbes} probes`);
  t.is(await first.kill('SIGTERM'), 0);
  await own.api();
  receiver.answer = () => 204;
  await until(() => receiver.accepted.length >= 50 * 34, 'all of them');
  for (const station of names(50)) t.deepEqual(receiver.numbersOf(station), upTo(34), station);
  await until(async () => (await ask('/billing')).body['parked'] === 0, 'nothing waits');
  t.like((await ask('/billing')).body, { deadLetters: 0, gaps: 0, lagSeconds: 0 });
  t.deepEqual(await own.redis.keys('ocpp:webhook-parked*'), []);
});

test('two processes, one of which is killed: each event arrives at least once and in order, while one station is slow', async (t) => {
  await using own = await start();
  const { receiver } = own;
  receiver.answer = ({ station }) => ({ status: 204, afterMs: station === 'CP-1' ? 150 : 2 });
  const first = await own.api();
  const second = await own.api();
  await own.add(names(20), 10);
  await until(() => receiver.numbersOf('CP-20').length === 10, 'those of the other stations');
  t.true(receiver.numbersOf('CP-1').length < 5, 'one is slow');
  const isTwice = receiver.got.length > new Set(receiver.got.map(({ id }) => id)).size;
  t.false(isTwice, 'one process delivers');
  await own.add(names(20), 10, 11);
  await until(() => receiver.numbersOf('CP-20').length > 11, 'it is in the middle');
  await first.kill('SIGKILL');
  await own.add(names(20), 10, 21);
  await until(() => receiver.numbersOf('CP-1').length === 30, 'all of the slow one', 60_000);
  for (const station of names(20)) t.deepEqual(receiver.numbersOf(station), upTo(30), station);
  t.false(second.ended);
  // A repetition is of what was in flight or behind the cursor, which is written twice a second.
  t.true(receiver.got.length - receiver.accepted.length < 300);
});

test('events that were dropped before they were read are reported as a gap', async (t) => {
  await using own = await start();
  const { receiver, redis } = own;
  const first = await own.api();
  await own.add(['CP-1'], 3);
  await until(() => receiver.numbersOf('CP-1').length === 3, 'the first ones');
  await first.kill('SIGTERM');
  t.is(await redis.hget('ocpp:webhook:billing', 'owner'), '', 'the lease is given back');
  await own.add(['CP-1'], 10, 4);
  await redis.xtrim('ocpp:events', 'MAXLEN', 2);
  const second = await own.api();
  await until(() => receiver.numbersOf('CP-1').length === 5, 'the last ones');
  t.deepEqual(receiver.numbersOf('CP-1'), [1, 2, 3, 12, 13]);
  const gap = await until(() => receiver.accepted.find(({ type }) => type === 'ocpp.gap'), 'the gap');
  t.truthy(gap.data['oldest']);
  await until(async () => (await own.ask('/billing')).body['gaps'] === 1, 'its count');
  t.regex((await second.ask('/metrics')).text, /ocpp_api_webhook_gaps_total\{webhook="billing"\} 1/);
});

test('while Redis is nearly full nothing is parked; it is when there is room again', async (t) => {
  await using own = await start();
  const { receiver, redis } = own;
  receiver.answer = () => 503;
  await redis.setrange('filler', 20_000_000, 'x');
  const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  await redis.config('SET', 'maxmemory', Math.round(used * 1.25));
  const program = await own.api();
  await own.add(names(5), 4);
  await until(async () => (await own.ask('/billing')).body['state'] === 'down', 'down');
  const cursor = await redis.hget('ocpp:webhook:billing', 'cursor');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.deepEqual(await redis.keys('ocpp:webhook-parked*'), []);
  t.is(await redis.hget('ocpp:webhook:billing', 'cursor'), cursor);
  t.true(program.log.includes('Redis is nearly full'));
  await redis.config('SET', 'maxmemory', 0);
  receiver.answer = ({ station }) => (station === 'CP-1' ? 503 : 204);
  await until(async () => (await own.ask('/billing')).body['parked'] === 4, 'parked', 20_000);
});

test('what is stored of a webhook that is no longer configured can be removed, and of no other', async (t) => {
  await using own = await start();
  const { redis, ask } = own;
  await own.api();
  await redis.hset('ocpp:webhook:old', 'owner', 'x', 'leaseUntil', Date.now() + 60_000, 'cursor', '1-0');
  for (const station of names(250)) {
    await redis.zadd('ocpp:webhook-stations:old', 1, station);
    await redis.zadd(`ocpp:webhook-parked:old:${station}`, 1, 'one');
  }
  await redis.zadd('ocpp:webhook-dead-letters:old', 1, '{}');
  t.like(await ask('/billing', 'DELETE'), { status: 409, body: { code: 'webhook-configured' } });
  t.like(
    await ask('/old', 'DELETE'),
    { status: 409, body: { code: 'webhook-configured' } },
    'an owner lives',
  );
  await redis.hset('ocpp:webhook:old', 'leaseUntil', 1);
  t.is((await ask('/old', 'DELETE')).status, 204);
  t.deepEqual(await redis.keys('ocpp:webhook*:old*'), []);
  t.like(await ask('/old', 'DELETE'), { status: 404, body: { code: 'no-such-webhook' } });
  t.is(await redis.exists('ocpp:webhook:billing'), 1);
  const audit = (await redis.xrange('ocpp:audit', '-', '+')).map(([, fields]) => fields.join(' '));
  t.true(audit.some((entry) => entry.includes('/v1/webhooks/old') && entry.includes('DELETE')));
});
