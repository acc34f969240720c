/** Batches of entries on a real Redis: which linger, and what ends that. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { openReady } from '../../services/transport/redis/connection/connection.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { Membership } from '../../services/transport/redis/lease/membership.ts';
import { QueuePusher } from '../../services/transport/redis/queue/pusher.ts';
import { startRedis } from '../support/redis-server.ts';

/** Longer than a test: what waits for others stays; ms. */
const READING = 600_000;
const AUTHORIZE = 0;

async function world() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startRedis());
  const settings = { addr: server.addr, db: 0, clientTimeoutMs: 5000, retryAttempts: 0 } as const;
  const redis = stack.adopt(await openReady(settings), (one) => one.disconnect());
  const keys = new Keys('ocpp');
  const ignore = () => undefined;
  const about = {
    redis: settings,
    keys,
    role: 'proxy',
    name: 'proxy',
    onError: ignore,
    onLost: ignore,
  } as const;
  const member = stack.adopt(new Membership(about), (one) => one.close());
  await member.start();
  const pusher = new QueuePusher(member);
  return {
    push: (entry: string, deferredMs: number) => pusher.push(entry, deferredMs),
    /** Oldest first. */
    stored: async () => (await redis.lrange(keys.requests, 0, -1)).toReversed(),
    /** Redis answers no one for so long; ms. */
    pause: (ms: number) => redis.client('PAUSE', ms),
    batches: async () => Number(/cmdstat_lpush:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('readings of several turns are one batch', async (t) => {
  await using w = await world();
  const stored = [];
  for (const entry of ['a', 'b', 'c']) {
    stored.push(w.push(entry, 200));
    await turn();
  }
  await Promise.all(stored);
  t.is(await w.batches(), 1);
  t.deepEqual(await w.stored(), ['a', 'b', 'c']);
});

test('an entry that cannot be deferred takes those before it along, and their order is kept', async (t) => {
  await using w = await world();
  const reading = w.push('reading', READING);
  await turn();
  t.is(await w.batches(), 0, 'the reading lingers');
  await w.push('authorize', AUTHORIZE);
  await reading;
  t.is(await w.batches(), 1);
  t.deepEqual(await w.stored(), ['reading', 'authorize']);
});

test('an entry waits no longer than the least patient one of its batch', async (t) => {
  await using w = await world();
  const heartbeat = w.push('heartbeat', READING);
  await turn();
  const reading = w.push('reading', 50);
  const another = w.push('another', READING);
  await Promise.all([heartbeat, reading, another]);
  t.is(await w.batches(), 1);
  t.deepEqual(await w.stored(), ['heartbeat', 'reading', 'another']);
});

test('a full batch does not linger, and what follows is stored after it', async (t) => {
  await using w = await world();
  const entries = Array.from({ length: 256 }, (_, i) => String(i));
  const full = entries.map((entry) => w.push(entry, READING));
  const rest = w.push('reading', READING);
  await Promise.all(full);
  t.deepEqual(await w.stored(), entries);
  await w.push('authorize', AUTHORIZE);
  await rest;
  t.deepEqual(await w.stored(), [...entries, 'reading', 'authorize']);
});

test('while one batch is on its way, what arrives is the next one', async (t) => {
  await using w = await world();
  await w.pause(100);
  const first = w.push('1', AUTHORIZE);
  await sleep(20);
  const second = ['2', '3'].map((entry) => w.push(entry, AUTHORIZE));
  await Promise.all([first, ...second]);
  t.is(await w.batches(), 2);
  t.deepEqual(await w.stored(), ['1', '2', '3']);
});

test('a batch lingers from its first entry on, also behind one that takes long', async (t) => {
  await using w = await world();
  await w.pause(3000);
  const first = w.push('1', AUTHORIZE);
  await sleep(50);
  const reading = w.push('2', 2000);
  await first;
  // It was due before: it leaves at once, not 2 s later.
  const next = await Promise.race([reading.then(() => 'stored'), sleep(1500, 'lingers')]);
  t.is(next, 'stored');
});
