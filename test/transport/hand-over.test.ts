/** The queue between processors of two releases, by the scripts on a real Redis: which release claims what, and in which order. */
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { openConnection } from '../../services/transport/redis/connection/connection.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { register } from '../../services/transport/redis/lease/register.ts';
import { claim } from '../../services/transport/redis/queue/claim.ts';
import { handOver } from '../../services/transport/redis/queue/hand-over.ts';
import { queueLoad } from '../../services/transport/redis/queue/queue-load.ts';
import { requeue } from '../../services/transport/redis/queue/requeue.ts';
import { until } from '../support/until.ts';
import { cluster, entry } from './redis/processes.ts';

const keys = new Keys('ocpp');
const REASON = 'its handler failed: a bad image';

/** The scripts as processors call them, each with one entry at most. */
async function scripts(t: ExecutionContext, { look }: Awaited<ReturnType<typeof cluster>>) {
  const settings = { addr: `${look.options.host}:${look.options.port}`, db: 0, clientTimeoutMs: 5000 };
  const commands = openConnection(settings, 'commands', () => undefined);
  t.teardown(() => commands.disconnect());
  await until(() => commands.status === 'ready', 'the connection');
  const received = new Map<string, number>();
  return {
    load: () => queueLoad(commands, keys),
    join: (processId: string, release: string) =>
      register(commands, keys, { role: 'processor', processId, leaseMs: 60_000, clientIds: [], release }),
    claim: async (processId: string, release: string) => {
      const what = { processId, release, received: received.get(processId) ?? 0, most: 10 };
      const [word, ...entries] = await claim(commands, keys, { ...what, pollLeaseMs: 1, slow: false });
      if (entries.length > 0) received.set(processId, Number(entries.at(-2)));
      return { word, tag: entries[0] ?? '', entries: entries.filter((_, i) => i % 2 === 1) };
    },
    handOver: (processId: string, release: string, tag: string) =>
      handOver(commands, keys, { processId, release, tag }),
    requeue: (processId: string, release: string, tag: string, isCounted = true) =>
      requeue(commands, keys, { processId, release, tag, counted: isCounted, reason: REASON }),
  };
}

/** Failed attempts by release that an entry carries; releases that live beside `own`; whether `own` claims it. */
const CLAIMS: readonly (readonly [
  attempts: Record<string, number>,
  living: readonly string[],
  mine: boolean,
])[] = [
  [{}, ['other'], true],
  [{ own: 5 }, [], true],
  [{ own: 5 }, ['own'], true],
  [{ own: 5 }, ['other'], false],
  [{ own: 1 }, ['other'], false],
  [{ own: 1 }, [''], false],
  [{ own: 1, other: 1 }, ['other'], true],
  [{ own: 5, other: 1 }, ['other'], false],
  [{ own: 5, other: 5 }, ['other'], true],
  [{ own: 5, other: 5 }, ['other', 'third'], false],
  [{ own: 1, other: 0 }, ['third'], false],
  [{ other: 5 }, ['other'], true],
];

test('the living release with the fewest failed attempts claims an entry', async (t) => {
  for (const [attempts, living, mine] of CLAIMS) {
    const world = await cluster(t);
    const { join, claim: take } = await scripts(t, world);
    await join('p', 'own');
    for (const [i, release] of living.entries()) await join(`q${i}`, release);
    const text = entry('CP-1', 'a', 1, 1);
    const suffix = Object.keys(attempts).length > 0 ? `,"attempts":${JSON.stringify(attempts)}}` : '}';
    await world.look.rpush(keys.reclaimed, `1\n${text.slice(0, -1)}${suffix}`);
    await world.look.lpush(keys.requests, 'younger');
    const { entries } = await take('p', 'own');
    const what = `${JSON.stringify(attempts)} beside ${living.join() || 'none'}`;
    t.deepEqual(
      entries.map((one) => one === 'younger'),
      mine ? [false, true] : [true],
      what,
    );
    if (mine) continue;
    const others = await Promise.all(living.map((release, i) => take(`q${i}`, release)));
    t.is(others.flatMap(({ entries: got }) => got).length, 1, `${what}: another one claims it`);
  }
});

test('counted failures alternate between releases and end after five of each', async (t) => {
  const world = await cluster(t);
  const { join, claim: take, requeue: requeueOne } = await scripts(t, world);
  const releases = ['one', 'two'];
  for (const release of releases) await join(release, release);
  await world.look.lpush(keys.requests, entry('CP-1', 'a', 1, 1));
  const order: string[] = [];
  const results: string[] = [];
  for (let i = 0; i < 30; i++) {
    const release = releases[i % 2] ?? '';
    const { tag } = await take(release, release);
    if (tag === '') continue;
    order.push(release);
    results.push(await requeueOne(release, release, tag));
  }
  t.deepEqual(
    order,
    Array.from({ length: 10 }, (_, i) => releases[i % 2]),
  );
  t.is(await world.look.xlen(keys.deadLetters), 1);
  const between = Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? 'handed-over' : 'requeued'));
  t.deepEqual(results, [...between, 'dead-letter']);
  t.is(await requeueOne('one', 'one', '1'), 'lost');
});

test('a requeue that does not count keeps an entry that other releases failed often', async (t) => {
  const world = await cluster(t);
  const { join, claim: take, requeue: requeueOne } = await scripts(t, world);
  await join('p', 'own');
  const text = `${entry('CP-1', 'a', 1, 1).slice(0, -1)},"attempts":{"other":5,"own":2}}`;
  await world.look.rpush(keys.reclaimed, `8\n${text}`);
  await requeueOne('p', 'own', (await take('p', 'own')).tag, false);
  t.deepEqual(await world.look.lrange(keys.reclaimed, 0, -1), [`8\n${text}`]);
  t.is(await world.look.xlen(keys.deadLetters), 0);
});

test('nothing is handed over to a release that stops or is dead, of a text that is no envelope, or of an unknown release', async (t) => {
  const world = await cluster(t);
  const { join, claim: take, handOver: give } = await scripts(t, world);
  await join('p', 'own');
  await join('q', 'other');
  for (const text of ['rubbish', '{}', '}{', `${entry('CP-1', 'a', 1, 1)}\n`]) {
    await world.look.lpush(keys.requests, text);
    t.is(await give('p', 'own', (await take('p', 'own')).tag), 'no-release', text);
  }
  await world.look.lpush(keys.requests, entry('CP-1', 'a', 1, 1));
  const { tag } = await take('p', 'own');
  await world.look.hset(keys.process('q'), 'leaving', '1');
  t.is(await give('p', 'own', tag), 'no-release', 'it stops');
  await world.look.hdel(keys.process('q'), 'leaving');
  await world.look.hset(keys.process('q'), 'state', 'dead');
  t.is(await give('p', 'own', tag), 'no-release', 'it is dead');
  await world.look.hset(keys.process('q'), 'state', 'live');
  t.is(await give('p', 'own', tag), 'handed-over');
  t.is(await give('p', 'own', tag), 'not-held');
  t.is((await take('q', '')).entries.length, 1, 'a process of an unknown release claims anything');
});

test('while Redis was away all leases have ended, which is no proof that another release is gone', async (t) => {
  const world = await cluster(t);
  const { join, claim: take, handOver: give, requeue: requeueOne } = await scripts(t, world);
  await join('p', 'own');
  await join('q', 'other');
  const give5 = `${entry('CP-1', 'b', 1, 2).slice(0, -1)},"attempts":{"own":4}}`;
  await world.look.lpush(keys.requests, entry('CP-1', 'a', 1, 1), give5);
  const { tag } = await take('p', 'own');
  for (const id of ['p', 'q']) await world.look.zadd(keys.members('processor'), '1', id);
  t.is(await give('p', 'own', tag), 'handed-over');
  t.is(await requeueOne('p', 'own', String(Number(tag) + 1)), 'handed-over');
  t.is(await world.look.xlen(keys.deadLetters), 0);
  t.deepEqual((await take('p', 'own')).entries, [], 'both are left');
});

const idOf = (raw: string) => (JSON.parse(raw.slice(raw.indexOf('{'))) as { message_id: string }).message_id;

test('hand-overs are claimed in their order, behind what was reclaimed', async (t) => {
  const world = await cluster(t);
  const { join, claim: take, handOver: give, requeue: requeueOne } = await scripts(t, world);
  await join('p', 'own');
  await join('q', 'other');
  for (const [i, id] of ['a', 'b', 'reclaimed', 'c', 'younger'].entries())
    await world.look.lpush(keys.requests, entry('CP-1', id, 1, i));
  const { tag } = await take('p', 'own');
  for (let i = 0; i < 4; i++) {
    if (i === 2) await requeueOne('p', 'own', String(Number(tag) + i));
    else await give('p', 'own', String(Number(tag) + i));
  }
  const first = await take('q', 'other');
  t.deepEqual(first.entries.map(idOf), ['reclaimed']);
  await world.look.hdel(keys.processing('q'), first.tag);
  t.deepEqual((await take('q', 'other')).entries.map(idOf), ['a', 'b', 'c']);
});

const MOST_PASSED = 16;

test('behind entries for another release an entry is found, if no more than a bounded number is before it', async (t) => {
  const own = (id: string) => `1\n${entry('CP-1', id, 1, 1)}`;
  const other = (id: string) => `${own(id).slice(0, -1)},"attempts":{"own":5}}`;
  for (const left of [1, MOST_PASSED - 1, MOST_PASSED]) {
    const world = await cluster(t);
    const { join, claim: take } = await scripts(t, world);
    await join('p', 'own');
    await join('q', 'other');
    const others = Array.from({ length: left }, (_, i) => other(`other-${i}`));
    const reclaimed = `2${own('reclaimed').slice(1)}`;
    await world.look.lpush(keys.reclaimed, ...others, own('a'), own('b'), reclaimed);
    await world.look.lpush(keys.requests, entry('CP-1', 'younger', 1, 1));
    const first = await take('p', 'own');
    if (left === MOST_PASSED) {
      t.deepEqual(first.entries.map(idOf), ['younger']);
      continue;
    }
    t.deepEqual(first.entries.map(idOf), ['a', 'b'], `behind ${left}`);
    t.is(first.word, 'claim', 'more waits');
    t.is((await take('p', 'own')).word, 'busy', 'a reclaimed entry is claimed alone');
    await world.look.del(keys.processing('p'));
    t.deepEqual((await take('p', 'own')).entries.map(idOf), ['reclaimed']);
    t.deepEqual(
      (await world.look.lrange(keys.reclaimed, 0, -1)).map(idOf),
      others.map(idOf).toReversed(),
      'the others are left, in their order',
    );
  }
});

test('the age of the oldest message is that of a hand-over, too', async (t) => {
  const world = await cluster(t);
  const { load } = await scripts(t, world);
  const at = (seconds: number) =>
    entry('CP-1', 'a', 1, 1).replace(
      /"timestamp":"[^"]*"/,
      `"timestamp":"${new Date(Date.now() - seconds * 1000).toISOString()}"`,
    );
  await world.look.lpush(keys.requests, at(10));
  await world.look.rpush(keys.reclaimed, `1\n${at(100)}`, `2\n${at(50)}`);
  const { oldestSeconds, depth } = await load();
  t.true(oldestSeconds >= 100 && oldestSeconds < 110, String(oldestSeconds));
  t.is(depth, 3);
});

/** Texts of the longest message on which a pattern would try each place, or each pair of places. */
const LONG = 256 * 1024;
const LONG_TEXTS: Readonly<Record<string, string>> = {
  'an envelope': `{"payload":"${'x'.repeat(LONG)}","sequence":{}}`,
  'only braces': '{'.repeat(LONG),
  'pairs of braces': '{}'.repeat(LONG / 2),
  commas: `{"a":"${','.repeat(LONG)}"}}`,
  'many fields of the name': `${',"attempts":{'.repeat(LONG / 13)}"}}`,
};

test('reading the attempts of the longest entry takes milliseconds, whatever it contains', async (t) => {
  const { look } = await cluster(t);
  const library = readFileSync(new URL('../../services/transport/redis/lease/releases.lua', import.meta.url));
  const script = `${library.toString()}
    local begin = redis.call('TIME')
    for _ = 1, 10 do Releases.split(ARGV[1]); Releases.areNoted(ARGV[1], 'own') end
    local ended = redis.call('TIME')
    return (ended[1] - begin[1]) * 1e6 + ended[2] - begin[2]`;
  for (const [what, text] of Object.entries(LONG_TEXTS)) {
    const us = Number(await look.eval(script, 0, text)) / 10;
    t.log(`${what}: ${us} µs`);
    t.true(us < 10_000, `${what}: ${us} µs`);
  }
});
