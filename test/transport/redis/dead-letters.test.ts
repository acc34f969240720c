/** Dead letters on a real Redis: how entries become dead letters, and how a person lists, replays and drops them. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { DeadLetters } from '../../../services/transport/redis/dead-letters/dead-letters.ts';
import { openConnection } from '../../../services/transport/redis/connection/connection.ts';
import { Keys } from '../../../services/transport/redis/keys.ts';
import { deadLetter } from '../../../services/transport/redis/dead-letters/dead-letter.ts';
import type { MessageHandler } from '../../../services/transport/transport.ts';
import { cluster, counted, done, entry, station } from './processes.ts';
import { until } from '../../support/until.ts';

const keys = new Keys('ocpp');

/** A cluster and its dead letters. */
async function world(...[t, options]: Parameters<typeof cluster>) {
  const made = await cluster(t, options);
  const { addr } = made.redis;
  const commands = openConnection({ addr, db: 0, clientTimeoutMs: 5000 }, 'commands', () => undefined);
  const letters = new DeadLetters(commands, keys, addr);
  t.teardown(() => letters[Symbol.asyncDispose]());
  await until(() => commands.status === 'ready', 'the connection');
  const wait = (count: number) =>
    until(async () => (await letters.count()) === count, `${count} dead letters`);
  return { ...made, commands, letters, wait };
}

test('what fails again and again becomes a dead letter, and the others flow', async (t) => {
  const { processor, proxy, letters, wait, effects, errors } = await world(t);
  const gateway = await proxy();
  const counts: number[] = [];
  const transport = await processor(async (delivery) => {
    if (delivery.frame.id !== 'poison') return counted(delivery);
    counts.push(delivery.deliveryCount);
    throw new Error('no such\nmeter');
  });
  const bad = await station(gateway, 'bad');
  const good = await station(gateway, 'good');
  await bad.call('poison');
  for (const id of ['a', 'b', 'c']) {
    await good.call(id);
    await until(() => good.heard.includes(id), `the answer to ${id}`);
  }
  await wait(1);
  t.deepEqual(counts, [1, 2, 3, 4, 5]);
  t.deepEqual(await effects(), ['a', 'b', 'c']);
  const [letter] = await letters.list(10);
  t.like(letter, { reason: 'its handler failed: no such meter', deliveries: 5 });
  t.like(JSON.parse(letter?.entry ?? ''), { charge_point_id: 'bad', message_id: 'poison' });
  t.true(errors.some((error) => error.message.includes('poison')));
  t.is((await transport.load()).deadLetters, 1);
});

test('a handler that insists on a record as it is not: a dead letter without an effect, and the others flow', async (t) => {
  const { processor, proxy, letters, wait, effects } = await world(t);
  const gateway = await proxy();
  const tried: unknown[] = [];
  await processor(async (delivery) => {
    if (delivery.frame.id !== 'bad') return counted(delivery);
    tried.push([delivery.deliveryCount, delivery.unexpected]);
    return { ...counted(delivery), expects: { key: 'none', fields: { owner: 'x' } } };
  });
  const [bad, good] = [await station(gateway, 'bad'), await station(gateway, 'good')];
  await bad.call('bad');
  await good.call('a');
  await until(() => good.heard.includes('a'), 'the answer to a');
  await wait(1);
  t.deepEqual(
    tried,
    [1, 2, 3, 4, 5].flatMap((count) => [
      [count, undefined],
      [count, true],
    ]),
  );
  t.deepEqual(await effects(), ['a']);
  t.deepEqual(bad.heard, []);
  t.like((await letters.list(10))[0], { reason: 'its handler expects a record as it is not', deliveries: 5 });
});

const INVALID: readonly (readonly [name: string, outcome: unknown])[] = [
  ['a BigInt', { writes: [], events: [], answer: { kind: 'result', payload: { n: 1n } } }],
  ['no writes', { writes: null, events: [] }],
  [
    'a field that is no text',
    { writes: [{ kind: 'set', key: 'k', fields: { a: Object.create(null) } }], events: [] },
  ],
  ['an event without fields', { writes: [], events: [{ type: 'x', stationId: 'bad' }] }],
  ['a response without payload', { writes: [], events: [], answer: { kind: 'result' } }],
];

for (const [name, outcome] of INVALID) {
  test(`an invalid outcome (${name}) becomes a dead letter, and the others flow`, async (t) => {
    const { processor, proxy, letters, wait, effects, errors } = await world(t);
    const gateway = await proxy();
    await processor(async (delivery) =>
      delivery.frame.id === 'poison' ? (outcome as ReturnType<typeof done>) : counted(delivery),
    );
    const bad = await station(gateway, 'bad');
    const good = await station(gateway, 'good');
    await bad.call('poison');
    for (const id of ['a', 'b']) {
      await good.call(id);
      await until(() => good.heard.includes(id), `the answer to ${id}`);
    }
    await wait(1);
    t.deepEqual(await effects(), ['a', 'b']);
    t.regex(
      (await letters.list(10))[0]?.reason ?? '',
      /^its handler returned an outcome that cannot be stored/,
    );
    t.true(errors.some((error) => /poison of station bad/.test(error.message)));
  });
}

test('what kills its processor again and again becomes a dead letter, and the others flow', async (t) => {
  const { redis, proxy, letters, wait, effects, look } = await world(t);
  const gateway = await proxy();
  const bad = await station(gateway, 'bad');
  const good = await station(gateway, 'good');
  const script = fileURLToPath(new URL('./dying-processor.ts', import.meta.url));
  let [over, killed] = [false, 0];
  // As a Deployment does: one that is gone is replaced.
  const supervise = () => {
    const child = spawn(process.execPath, [script, redis.addr], { stdio: 'inherit' });
    t.teardown(() => child.kill('SIGKILL'));
    child.once('exit', (_, signal) => {
      killed += signal === 'SIGKILL' ? 1 : 0;
      if (!over) supervise();
    });
  };
  t.teardown(() => (over = true));
  await bad.call('poison');
  await good.call('a');
  await until(async () => (await look.llen('ocpp:requests')) === 2, 'both in one take');
  supervise();
  await wait(1);
  await until(() => good.heard.length === 1, 'the answer to what was in the same hands');
  await good.call('b');
  await until(() => good.heard.length === 2, 'the next answer');
  over = true;
  t.is(killed, 5);
  t.deepEqual(await effects(), ['a', 'b']);
  t.like((await letters.list(1))[0], {
    reason: 'its processor ended, each time, before there was an outcome',
    deliveries: 5,
  });
});

test('an unreadable entry becomes a dead letter with the reason', async (t) => {
  const { processor, proxy, look, letters, wait } = await world(t);
  const gateway = await proxy();
  await look.lpush('ocpp:requests', 'rubbish', '[2,"1","Heartbeat",{}]', '{"charge_point_id":"X"}');
  await processor(async (delivery) => counted(delivery));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await wait(3);
  const all = await letters.list(10);
  t.like(all[0], { reason: 'the entry is not valid JSON', deliveries: 1, entry: 'rubbish' });
  t.regex(all[1]?.reason ?? '', /an OCPP-J array without envelope/);
  await t.throwsAsync(letters.replay(all[0]?.id ?? ''), { code: 'bad-envelope' });
  t.is(await letters.count(), 3, 'it stays');
});

test('an outcome that cannot be stored has no effect at all: it is a dead letter, and the others flow', async (t) => {
  const { processor, proxy, look, letters, wait, effects, errors } = await world(t);
  const gateway = await proxy();
  await look.set('ocpp:wrong', 'no stream');
  await look.lpush('ocpp:answered:odd', 'no answer');
  const bad = await station(gateway, 'bad');
  const long = await station(gateway, 'long');
  const half = await station(gateway, 'half');
  const odd = await station(gateway, 'odd');
  const good = await station(gateway, 'good');
  await bad.call('refused');
  await long.call('too long');
  await half.call('half a second');
  await odd.call('odd key');
  await good.call('a');
  await until(async () => (await look.llen('ocpp:requests')) === 5, 'all in one take');
  const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, 'x']));
  await processor(async (delivery) => {
    const first = { kind: 'set', key: 'half', fields: { id: 'x' } } as const;
    switch (delivery.frame.id) {
      case 'refused':
        return done({
          writes: [first, { kind: 'append', key: 'wrong', fields: { id: 'x' }, maxLength: 10 }],
        });
      case 'too long':
        return done({ writes: [first, { kind: 'set', key: 'long', fields }] });
      case 'half a second':
        return done({
          writes: [first, { kind: 'set', key: 'brief', fields: { id: 'x' }, expireSeconds: 0.5 }],
        });
      case 'odd key':
        return done({ writes: [first], businessKey: 'odd' });
      default:
        return counted(delivery);
    }
  });
  await until(() => good.heard.includes('a'), 'the answer to the other');
  await wait(4);
  t.deepEqual(await effects(), ['a']);
  t.is(await look.exists('ocpp:half'), 0);
  const reported = (await letters.list(10)).map(({ reason, entry: text }) => [
    reason,
    JSON.parse(text).message_id,
  ]);
  t.deepEqual(reported.slice(0, 3), [
    ['ocpp:wrong is a string, not a stream', 'refused'],
    ['too many fields for ocpp:long', 'too long'],
    ['0.5 is no whole number, for ocpp:brief', 'half a second'],
  ]);
  t.regex(reported[3]?.[0] ?? '', /WRONGTYPE/);
  t.is(reported[3]?.[1], 'odd key');
  const telling = () => errors.filter(({ message }) => message.includes(keys.deadLetters));
  await until(() => telling().length === 4, 'all reports');
});

for (const first of ['replayed', 'sent again'] as const) {
  test(`a stop that failed is billed once after the handler was mended, ${first} first`, async (t) => {
    const { processor, proxy, look, letters, wait, effects } = await world(t);
    const gateway = await proxy();
    let mended = false;
    const answers: string[] = [];
    const handler: MessageHandler = async (delivery) => {
      if (!mended) throw new Error('a bug');
      const answer = { kind: 'result', payload: { n: answers.push(delivery.frame.id) } } as const;
      return { ...counted(delivery), answer, businessKey: 'stop:17' };
    };
    await processor(handler);
    const before = await station(gateway, 'CP-1');
    await before.call('stop');
    await wait(1);
    await before.client.stop();
    mended = true;
    const after = await station(gateway, 'CP-1');
    const replay = async () => {
      const [letter] = await letters.list(1);
      const handled = answers.length + 1;
      await letters.replay(letter?.id ?? '');
      await until(() => answers.length === handled, 'the replayed one to be handled');
      await until(async () => (await look.hlen(await processingOf(look))) === 0, 'it to be finished');
    };
    const sendAgain = async () => {
      await after.call('stop again');
      await until(() => after.heard.length === 1, 'the answer to the station');
    };
    for (const step of first === 'replayed' ? [replay, sendAgain] : [sendAgain, replay]) await step();
    t.deepEqual(await effects(), [first === 'replayed' ? 'stop' : 'stop again']);
    t.deepEqual(
      [before.heard, after.heard],
      [[], ['stop again']],
      'no connection gets the response of the replayed one',
    );
    t.is(await look.exists('ocpp:responses:CP-1'), 0);
    t.is(await letters.count(), 0);
  });
}

async function processingOf(look: Awaited<ReturnType<typeof cluster>>['look']): Promise<string> {
  const [pid = ''] = await look.zrange('ocpp:processors', '0', '0');
  return keys.processing(pid);
}

test('letters are listed in pages, replayed once however many try, dropped one by one', async (t) => {
  const { look, letters } = await world(t);
  for (let i = 0; i < 5; i++) {
    await look.xadd(
      keys.deadLetters,
      `${1000 + i}-1`,
      'reason',
      'r',
      'deliveries',
      '5',
      'entry',
      entry('CP', `${i}`, 7, 1),
    );
  }
  const idsOf = async (...page: Parameters<DeadLetters['list']>) =>
    (await letters.list(...page)).map(({ id }) => id);
  t.deepEqual(await idsOf(2), ['1000-1', '1001-1']);
  t.deepEqual(await idsOf(2, '1001-1'), ['1002-1', '1003-1']);
  t.deepEqual(await idsOf(2, '1004-1'), []);
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => letters.replay('1002-1')));
  t.is(tries.filter(({ status }) => status === 'fulfilled').length, 1);
  const [queued = ''] = await look.lrange(keys.requests, 0, -1);
  t.is(await look.llen(keys.requests), 1);
  t.like(JSON.parse(queued), { message_id: '2', payload: [2, '2', 'Heartbeat', {}], replayed: '1002-1' });
  await letters.drop('1003-1');
  t.deepEqual(await idsOf(10), ['1000-1', '1001-1', '1004-1']);
  for (const act of ['get', 'replay', 'drop'] as const) {
    for (const id of ['1003-1', '9-9', 'x', '-']) {
      await t.throwsAsync(letters[act](id), { code: 'no-dead-letter' }, `${act} ${id}`);
    }
  }
});

test('dead letters are bounded in number and in bytes: the oldest are dropped', async (t) => {
  const { commands, look, letters } = await world(t);
  const add = async (text: string, kept?: number) => {
    await look.hset(keys.processing('p'), '1', text);
    const letter = { processId: 'p', tag: '1', reason: 'why' };
    await deadLetter(commands, keys, kept === undefined ? letter : { ...letter, kept });
  };
  for (let i = 0; i < 12; i++) await add(`${i}`, 10);
  t.deepEqual(
    (await letters.list(20)).map((letter) => letter.entry),
    ['2', '3', '4', '5', '6', '7', '8', '9', '10', '11'],
  );
  const long = 'x'.repeat(1024 * 1024);
  for (let i = 0; i < 80; i++) await add(`${i}${long}`);
  const bytes = Number(await look.memory('USAGE', keys.deadLetters));
  t.true(bytes < 80 * 1024 * 1024 && bytes > 40 * 1024 * 1024, `${bytes} bytes`);
  const kept = await letters.list(100);
  t.true(kept.at(-1)?.entry.startsWith('79x'), 'the newest is there');
});

test('the program lists, shows, replays and drops, and says what it cannot do', async (t) => {
  const { look, redis } = await world(t);
  const put = (id: string, text: string) =>
    look.xadd(keys.deadLetters, id, 'reason', 'a bug', 'deliveries', '5', 'entry', text);
  const now = Date.now();
  const old = entry('CP-OLD', 'o', 1, 1).replace(/"timestamp":"[^"]*"/, '"timestamp":"2020-01-01T00:00:00Z"');
  await put(`${now}-0`, old);
  await put(`${now}-1`, entry('CP-1', 'a', 1, 1));
  await put(`${now}-2`, 'rubbish');
  await put(`${now}-3`, entry('CP-1', 'b', 1, 2));
  const run = (...args: string[]) =>
    new Promise<{ code: unknown; text: string }>((resolve) => {
      const program = join(import.meta.dirname, '../../../services/dead-letters/main.ts');
      const env = { PATH: process.env['PATH'], REDIS_ADDR: redis.addr };
      execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, text: stdout + stderr }),
      );
    });
  const [nothing, list, show, missing] = await Promise.all([
    run(),
    run('list'),
    run('show', `${now}-1`),
    run('drop', '1-1'),
  ]);
  t.is(nothing.code, 2);
  t.regex(nothing.text, /replay --all/);
  t.is(list.code, 0);
  t.regex(list.text, new RegExp(`^${now}-1 .* CP-1 {2}Heartbeat "a" {2}delivered 5x {2}a bug$`, 'm'));
  t.regex(list.text, /-2 .* unreadable/);
  t.regex(show.text, /^station {5}CP-1 \(ocpp1.6\)$/m);
  t.deepEqual(missing, { code: 1, text: 'dead-letters: there is no dead letter 1-1 (any more)\n' });
  const all = await run('replay', '--all');
  t.is(all.code, 1, 'something is left');
  t.regex(all.text, /-0 stays: older than a day/);
  t.regex(all.text, /-2 stays: dead letter \d+-2 cannot be read: the entry is not valid JSON/);
  t.regex(all.text, /2 in the queue again, 2 left/);
  t.is(await look.llen(keys.requests), 2);
  const [one, other] = await Promise.all([run('replay', `${now}-0`), run('drop', `${now}-2`)]);
  t.deepEqual([one.code, other.code], [0, 0]);
  t.is((await run('list')).text, 'no dead letters\n');
});
