/** Batches of entries on a real Redis: who waits for company, and what ends the wait. */
import test from 'ava';
import { openReady } from '../../services/transport/redis/connection/connection.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { Membership } from '../../services/transport/redis/lease/membership.ts';
import { QueuePusher } from '../../services/transport/redis/queue/pusher.ts';
import { startRedis } from '../support/redis-server.ts';

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
    push: (entry: string, { canWait }: { canWait: boolean }) => pusher.push(entry, canWait),
    /** Oldest first. */
    stored: async () => (await redis.lrange(keys.requests, 0, -1)).toReversed(),
    batches: async () => Number(/cmdstat_lpush:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const REPORT = { canWait: true };
const QUESTION = { canWait: false };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('reports of several turns are one batch', async (t) => {
  await using w = await world();
  const stored = [];
  for (const entry of ['a', 'b', 'c']) {
    stored.push(w.push(entry, REPORT));
    await turn();
  }
  await Promise.all(stored);
  t.is(await w.batches(), 1);
  t.deepEqual(await w.stored(), ['a', 'b', 'c']);
});

test('one that cannot wait takes the reports before it along, and their order is kept', async (t) => {
  await using w = await world();
  const report = w.push('report', REPORT);
  await turn();
  t.is(await w.batches(), 0, 'the report waits');
  await w.push('question', QUESTION);
  await report;
  t.is(await w.batches(), 1);
  t.deepEqual(await w.stored(), ['report', 'question']);
});

test('a full batch does not wait, and what follows is stored after it', async (t) => {
  await using w = await world();
  const entries = Array.from({ length: 300 }, (_, i) => String(i));
  await Promise.all(entries.map((entry) => w.push(entry, REPORT)));
  t.is(await w.batches(), 2);
  t.deepEqual(await w.stored(), entries);
});

test('while one batch is on its way, what arrives is the next one', async (t) => {
  await using w = await world();
  const first = w.push('1', QUESTION);
  await turn();
  await turn();
  const second = ['2', '3'].map((entry) => w.push(entry, QUESTION));
  await Promise.all([first, ...second]);
  t.is(await w.batches(), 2);
  t.deepEqual(await w.stored(), ['1', '2', '3']);
});
