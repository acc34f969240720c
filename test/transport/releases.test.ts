/** Processors of two releases on a real Redis: what one fails is for the other, and a dead letter only when both failed it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openConnection } from '../../services/transport/redis/connection/connection.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { register } from '../../services/transport/redis/lease/register.ts';
import { claim } from '../../services/transport/redis/queue/claim.ts';
import { handOver } from '../../services/transport/redis/queue/hand-over.ts';
import { requeue } from '../../services/transport/redis/queue/requeue.ts';
import type { HandOver, MessageHandler, Outcome } from '../../services/transport/transport.ts';
import { until } from '../support/until.ts';
import { cluster, counted, done, entry, station } from './redis/processes.ts';

const keys = new Keys('ocpp');
const REASON = 'its handler failed: a bad image';

/** The ways in which a handler fails, and what its own release makes of the message. */
const FAILURES: Readonly<Record<string, { fail: MessageHandler; tries: number; end: 'letter' | 'answer' }>> =
  {
    'gives the message up': {
      fail: async () => done({ deadLetter: REASON }),
      tries: 1,
      end: 'letter',
    },
    'answers with an error': {
      fail: async () =>
        done({ failure: REASON, answer: { kind: 'error', code: 'InternalError', description: '' } }),
      tries: 1,
      end: 'answer',
    },
    throws: {
      fail: async () => {
        throw new Error('a bad image');
      },
      tries: 5,
      end: 'letter',
    },
    'returns what cannot be stored': {
      fail: async () => done({ writes: null } as unknown as Partial<Outcome>),
      tries: 1,
      end: 'letter',
    },
    'writes what Redis cannot store': {
      fail: async () =>
        done({ writes: [{ kind: 'append', key: 'wrong', fields: { a: '1' }, maxLength: 1 }] }),
      tries: 1,
      end: 'letter',
    },
  };

const lettersOf = async ({ look }: Awaited<ReturnType<typeof cluster>>) =>
  (await look.xrange(keys.deadLetters, '-', '+')).map(([, [, reason, , deliveries, , text = '']]) => ({
    reason,
    deliveries,
    text,
  }));

for (const [name, { fail, tries, end }] of Object.entries(FAILURES)) {
  test(`a new release that ${name}: the old one answers everything in order; alone, the usual rule applies`, async (t) => {
    const world = await cluster(t);
    await world.look.set('ocpp:wrong', 'no stream');
    const gateway = await world.proxy();
    const handedOver: HandOver[] = [];
    const counts: number[] = [];
    const bad = await world.processor(async (delivery) => {
      counts.push(delivery.deliveryCount);
      return fail(delivery);
    }, 'new');
    bad.onHandOver?.((one) => handedOver.push(one));
    // It waits for entries, so that it gets the first ones.
    await until(async () => (await world.look.get(keys.pollLease)) !== null, 'the new release to wait');
    const old = await world.processor(async (delivery) => counted(delivery), 'old');

    const stations = await Promise.all(Array.from({ length: 8 }, (_, i) => station(gateway, `CP-${i}`)));
    const rounds = name === 'throws' ? 3 : 12;
    for (let i = 0; i < rounds; i++) {
      await Promise.all(stations.map((one, n) => one.call(`${n}-${i}`)));
      await until(() => stations.every(({ heard }) => heard.length === i + 1), `the answers to call ${i}`);
    }
    const effects = await world.effects();
    for (const [n, { heard }] of stations.entries()) {
      t.deepEqual(
        effects.filter((id) => id.startsWith(`${n}-`)),
        heard,
        'each once, in order',
      );
    }
    t.deepEqual(await lettersOf(world), []);
    t.true(counts.length > 0, 'the new release got some');
    t.is(handedOver.length, counts.length, 'and failed each of them once');
    t.is(handedOver[0]?.release, 'new');

    await old.stop();
    counts.length = 0;
    await stations[0]?.call('last');
    if (end === 'answer') await until(() => stations[0]?.heard.at(-1) === 'last', 'the error');
    else await until(async () => (await lettersOf(world)).length === 1, 'a dead letter');
    t.deepEqual(
      counts,
      Array.from({ length: tries }, (_, i) => i + 1),
    );
    t.false(((await lettersOf(world))[0]?.text ?? '').includes('attempts'));
    t.is(await world.look.llen(keys.reclaimed), 0);
  });
}

test('what two releases fail becomes a dead letter, after each has tried', async (t) => {
  const world = await cluster(t);
  const gateway = await world.proxy();
  const tried: string[] = [];
  for (const release of ['old', 'new']) {
    await world.processor(async () => {
      tried.push(release);
      return done({ deadLetter: REASON });
    }, release);
  }
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(async () => (await lettersOf(world)).length === 1, 'a dead letter');
  t.deepEqual(tried.toSorted(), ['new', 'old']);
  const [letter] = await lettersOf(world);
  t.like(letter, { reason: REASON, deliveries: '1' });
  t.like(JSON.parse(letter?.text ?? ''), { message_id: 'a', charge_point_id: 'CP-1', sequence: 1 });
  t.false(letter?.text.includes('attempts'));
});

test('a processor that ends with a message gets it once while another release lives', async (t) => {
  const { redis, proxy, processor, effects, look } = await cluster(t);
  const gateway = await proxy();
  const bad = await station(gateway, 'bad');
  await bad.call('poison');
  const script = fileURLToPath(new URL('./redis/dying-processor.ts', import.meta.url));
  let [killed, over] = [0, false];
  const supervise = () => {
    const child = spawn(process.execPath, [script, redis.addr, 'new'], { stdio: 'inherit' });
    t.teardown(() => child.kill('SIGKILL'));
    child.once('exit', () => {
      killed += 1;
      if (!over) supervise();
    });
  };
  t.teardown(() => (over = true));
  supervise();
  await until(() => killed === 1, 'the first to have ended');
  await processor(async (delivery) => counted(delivery), 'old');
  await until(() => bad.heard.includes('poison'), 'the answer');
  over = true;
  t.is(killed, 1);
  t.deepEqual(await effects(), ['poison']);
  t.is(await look.xlen(keys.deadLetters), 0);
});

/** The scripts as processors call them, each with one entry at most. */
async function scripts(t: ExecutionContext, { look }: Awaited<ReturnType<typeof cluster>>) {
  const settings = { addr: `${look.options.host}:${look.options.port}`, db: 0, clientTimeoutMs: 5000 };
  const commands = openConnection(settings, 'commands', () => undefined);
  t.teardown(() => commands.disconnect());
  await until(() => commands.status === 'ready', 'the connection');
  const received = new Map<string, number>();
  return {
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
  for (let i = 0; i < 30; i++) {
    const release = releases[i % 2] ?? '';
    const { tag } = await take(release, release);
    if (tag === '') continue;
    order.push(release);
    await requeueOne(release, release, tag);
  }
  t.deepEqual(
    order,
    Array.from({ length: 10 }, (_, i) => releases[i % 2]),
  );
  t.is((await lettersOf(world)).length, 1);
});

test('a requeue that does not count keeps an entry that other releases failed often', async (t) => {
  const world = await cluster(t);
  const { join, claim: take, requeue: requeueOne } = await scripts(t, world);
  await join('p', 'own');
  const text = `${entry('CP-1', 'a', 1, 1).slice(0, -1)},"attempts":{"other":5,"own":2}}`;
  await world.look.rpush(keys.reclaimed, `8\n${text}`);
  await requeueOne('p', 'own', (await take('p', 'own')).tag, false);
  t.deepEqual(await world.look.lrange(keys.reclaimed, 0, -1), [`8\n${text}`]);
  t.deepEqual(await lettersOf(world), []);
});

test('nothing is handed over to a release that stops or is dead, of a text that is no envelope, or of an unknown release', async (t) => {
  const world = await cluster(t);
  const { join, claim: take, handOver: give } = await scripts(t, world);
  await join('p', 'own');
  await join('q', 'other');
  await world.look.lpush(keys.requests, 'rubbish');
  t.false(await give('p', 'own', (await take('p', 'own')).tag), 'rubbish');
  await world.look.lpush(keys.requests, entry('CP-1', 'a', 1, 1));
  const { tag } = await take('p', 'own');
  await world.look.hset(keys.process('q'), 'leaving', '1');
  t.false(await give('p', 'own', tag), 'it stops');
  await world.look.hdel(keys.process('q'), 'leaving');
  await world.look.zadd(keys.members('processor'), '1', 'q');
  t.false(await give('p', 'own', tag), 'its lease has ended');
  await world.look.zadd(keys.members('processor'), String(Date.now() + 60_000), 'q');
  t.true(await give('p', 'own', tag));
  t.false(await give('p', 'own', tag), 'it is gone');
  t.is((await take('q', '')).entries.length, 1, 'a process of an unknown release claims anything');
});
