/** Processors of two releases on a real Redis: what one fails is for the other, and a dead letter only when both failed it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createTransport } from '../../services/library/transport-factory.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import type { HandOver, MessageHandler, Outcome } from '../../services/transport/transport.ts';
import { until } from '../support/until.ts';
import { cluster, counted, done, mute, station } from './redis/processes.ts';

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
    for (let i = 0; i < rounds || (counts.length === 0 && i < 500); i++) {
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

test('a fact that one release failed and another one handled too late is a dead letter, unless it was sent again meanwhile', async (t) => {
  for (const late of ['another connection', 'a later CALL', 'sent again', 'in time'] as const) {
    const world = await cluster(t);
    const gateway = await world.proxy();
    const handled: string[] = [];
    let [fail, isHeld] = [() => undefined as void, false];
    await world.processor(() => {
      isHeld = true;
      return new Promise((resolve) => (fail = () => resolve(done({ deadLetter: REASON }))));
    }, 'new');
    const one = await station(gateway, 'CP-1');
    await one.call('a');
    await until(() => isHeld, 'the new release to have it');
    if (late === 'a later CALL') await world.look.hset(keys.session('CP-1'), 'sequence', '9');
    if (late === 'another connection') await world.look.hincrby(keys.session('CP-1'), 'connection', 1);
    if (late === 'sent again') {
      await world.look.hincrby(keys.session('CP-1'), 'connection', 1);
      await world.look.set(keys.answered('stop:1'), '{}');
    }
    const old = await world.processor(async (delivery) => {
      handled.push(delivery.frame.id);
      return { ...counted(delivery), businessKey: 'stop:1' };
    }, 'old');
    fail();
    await until(() => handled.length > 0, 'the old release');
    await until(async () => (await old.load()).inFlight === 0, 'the end');
    const letters = await lettersOf(world);
    t.is(letters.length, late === 'another connection' || late === 'a later CALL' ? 1 : 0, late);
    if (letters.length > 0) t.like(JSON.parse(letters[0]?.text ?? ''), { message_id: 'a' });
    t.deepEqual(await world.effects(), late === 'in time' ? ['a'] : []);
  }
});

test('a hand-over whose reply is lost makes no dead letter, and counts once', async (t) => {
  const world = await cluster(t);
  const link = await mute(t, world.redis.port, 'Hands over an entry');
  const redis = { addr: `127.0.0.1:${link.port}`, db: 0, clientTimeoutMs: 5000 };
  const bad = createTransport({ kind: 'redis', redis, channelPrefix: 'ocpp', name: 'bad', release: 'new' });
  let isHeld = false;
  let fail: () => void = () => undefined;
  bad.onMessage(() => {
    isHeld = true;
    return new Promise((resolve) => (fail = () => resolve(done({ writes: null } as unknown as Outcome))));
  });
  const reports: string[] = [];
  bad.onError(({ message }) => reports.push(message));
  let handedOver = 0;
  bad.onHandOver?.(() => handedOver++);
  t.teardown(() => bad.stop());
  await bad.start();
  const one = await station(await world.proxy(), 'CP-1');
  await one.call('a');
  await until(() => isHeld, 'the new release to have it');
  await world.processor(async (delivery) => counted(delivery), 'old');
  fail();
  await until(() => one.heard.includes('a'), 'the answer');
  link.heal();
  await until(() => reports.some((text) => text.includes('cannot be stored')), 'the report');
  t.regex(reports.find((text) => text.includes('cannot be stored')) ?? '', /it is in ocpp:rescued now/);
  t.is(handedOver, 1);
  t.deepEqual(await lettersOf(world), []);
});
