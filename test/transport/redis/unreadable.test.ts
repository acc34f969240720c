/** Texts that could not be understood: kept within a quota of each station, in memory and on a real Redis. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { createMemoryBus } from '../../../services/transport/memory/bus.ts';
import { openConnection } from '../../../services/transport/redis/connection/connection.ts';
import { keepUnreadable } from '../../../services/transport/redis/dead-letters/keep-unreadable.ts';
import { Keys } from '../../../services/transport/redis/keys.ts';
import { UnreadableTexts } from '../../../services/transport/redis/dead-letters/unreadable.ts';
import type { Gateway } from '../../../services/transport/transport.ts';
import {
  RAW_TEXT_KEPT,
  UNREADABLE_KEPT,
  UNREADABLE_QUOTA,
  UNREADABLE_QUOTA_SECONDS,
  type UnreadableText,
} from '../../../services/transport/unreadable.ts';
import { UnreadableQuota } from '../../../services/transport/unreadable.ts';
import { until } from '../../support/until.ts';
import { cluster } from './processes.ts';

const keys = new Keys('ocpp');

const unreadable = (stationId: string, text = '{}'): UnreadableText => ({
  stationId,
  protocol: 'ocpp1.6',
  epoch: 7,
  at: Date.now(),
  reason: 'no\nframe',
  text,
});

async function world(t: Parameters<typeof cluster>[0]) {
  const made = await cluster(t);
  const { addr } = made.redis;
  const commands = openConnection({ addr, db: 0, clientTimeoutMs: 5000 }, 'commands', () => undefined);
  const texts = new UnreadableTexts(commands, keys, addr);
  t.teardown(() => texts[Symbol.asyncDispose]());
  await until(() => commands.status === 'ready', 'the connection');
  return { ...made, commands, texts };
}

/** Resolves when all that was given to the gateway before has reached Redis. */
async function settled(gateway: Gateway, texts: UnreadableTexts): Promise<void> {
  const id = `last-${Math.random()}`;
  gateway.events.keepUnreadable(unreadable(id));
  await until(async () => (await texts.list(1, undefined, id)).length === 1, 'the last text');
}

test('an unreadable text is kept with all that is known of it', async (t) => {
  const { proxy, texts } = await world(t);
  const gateway = await proxy();
  const before = Date.now() - 1000;
  gateway.events.keepUnreadable(unreadable('CP:é{1}', 'a\0b\u00FC'));
  await until(async () => (await texts.count()) === 1, 'the text');
  const [kept] = await texts.list(10);
  const { id = '', at = 0, ...rest } = kept ?? {};
  t.regex(id, /^\d+-\d+$/);
  t.true(at >= before && at <= Date.now() + 1000);
  t.like(rest, {
    stationId: 'CP:é{1}',
    protocol: 'ocpp1.6',
    connection: 7,
    reason: 'no frame',
    text: 'a\0b\u00FC',
  });
  t.deepEqual(await texts.get(id), kept);
});

test('a station has a quota over all proxies, and its garbage leaves room for the others', async (t) => {
  const { proxy, texts, look } = await world(t);
  const [one, other] = [await proxy(), await proxy()];
  for (let i = 0; i < 15; i++) one.events.keepUnreadable(unreadable('CP-1', `one ${i}`));
  await settled(one, texts);
  for (let i = 0; i < 15; i++) other.events.keepUnreadable(unreadable('CP-1', `other ${i}`));
  other.events.keepUnreadable(unreadable('CP-2'));
  await settled(other, texts);
  t.is((await texts.list(100, undefined, 'CP-1')).length, UNREADABLE_QUOTA);
  t.is((await texts.list(100, undefined, 'CP-2')).length, 1);
  const ttl = await look.ttl('ocpp:unreadable-quota:CP-1');
  t.true(ttl > UNREADABLE_QUOTA_SECONDS - 60 && ttl <= UNREADABLE_QUOTA_SECONDS);
});

test('a flood of garbage is no load on Redis: a proxy sends no more than the quota of a station', async (t) => {
  const { proxy, texts, look } = await world(t);
  const gateway = await proxy();
  await settled(gateway, texts);
  const calls = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await look.info('commandstats'))?.[1] ?? 0);
  await look.config('RESETSTAT');
  for (let i = 0; i < 10_000; i++) gateway.events.keepUnreadable(unreadable('CP-1'));
  await settled(gateway, texts);
  // The proxy's own scripts (its outbox, its lease) are among them.
  t.true((await calls()) < UNREADABLE_QUOTA + 100);
});

test('the stream is bounded in number and bytes; the newest are kept', async (t) => {
  const { commands, look, texts } = await world(t);
  const name = (i: number) => `${i}`.padEnd(255, '\u20AC');
  const keep = (i: number, text: string) => {
    const facts = { protocol: 'ocpp2.0.1', epoch: Date.now(), reason: 'r'.repeat(1000) } as const;
    return keepUnreadable(commands, keys, { ...facts, stationId: name(i), text });
  };
  const longest = '\uFFFD'.repeat(RAW_TEXT_KEPT);
  for (let i = 0; i < UNREADABLE_KEPT; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, j) => keep(i + j, longest)));
  }
  t.true(await keep(UNREADABLE_KEPT, 'x'.repeat(RAW_TEXT_KEPT)));
  t.is(await texts.count(), UNREADABLE_KEPT);
  t.is((await texts.list(1))[0]?.stationId, name(1));
  const [newest] = await texts.list(1, undefined, name(UNREADABLE_KEPT));
  t.is(newest?.text.length, RAW_TEXT_KEPT, 'of a text of ASCII all is kept');
  const bytes = Number(await look.memory('USAGE', keys.unreadable, 'SAMPLES', 0));
  t.true(bytes < 64 * 1024 * 1024 && bytes > 40 * 1024 * 1024, `${bytes} bytes`);
});

test('texts of one station are found in pages among those of many, and dropped one by one', async (t) => {
  const { look, texts } = await world(t);
  const pipeline = look.pipeline();
  for (let i = 0; i < 1200; i++) {
    const station = i % 100 === 0 ? 'CP-X' : `CP-${i}`;
    const facts = ['station', station, 'protocol', 'p', 'connection', '1', 'reason', 'r', 'text', `${i}`];
    pipeline.xadd(keys.unreadable, `${1000 + i}-1`, ...facts);
  }
  await pipeline.exec();
  const of = async (...page: Parameters<typeof texts.list>) =>
    (await texts.list(...page)).map(({ text }) => text);
  t.deepEqual(await of(5, undefined, 'CP-X'), ['0', '100', '200', '300', '400']);
  t.deepEqual(await of(100, '1400-1', 'CP-X'), ['500', '600', '700', '800', '900', '1000', '1100']);
  t.deepEqual(await of(100, '2199-1', 'CP-X'), []);
  t.deepEqual(await of(2, '1001-1'), ['2', '3']);
  await texts.drop('1000-1');
  t.is(await texts.count(), 1199);
  for (const act of ['get', 'drop'] as const) {
    for (const id of ['1000-1', 'x', '-']) {
      await t.throwsAsync(texts[act](id), { code: 'no-unreadable-text' }, `${act} ${id}`);
    }
  }
});

test('in memory the same quota holds, and ends with its time', async (t) => {
  let now = 1000;
  const bus = createMemoryBus({ now: () => now });
  const gateway = bus.gateway('proxy');
  for (let i = 0; i < UNREADABLE_QUOTA + 5; i++) gateway.events.keepUnreadable(unreadable('CP-1', `${i}`));
  gateway.events.keepUnreadable(unreadable('CP-2'));
  t.is(bus.state.stream('unreadable').length, UNREADABLE_QUOTA + 1);
  now += UNREADABLE_QUOTA_SECONDS * 1000;
  gateway.events.keepUnreadable(unreadable('CP-1', 'later'));
  t.like(bus.state.stream('unreadable').at(-1), { station: 'CP-1', protocol: 'ocpp1.6', text: 'later' });
});

test('what is remembered of stations over their quota is bounded', (t) => {
  const quota = new UnreadableQuota();
  for (let i = 0; i < 50_000; i++) quota.take(`CP-${i}`, i);
  t.is(quota.size, 20_000);
  const taken = Array.from({ length: 30 }, () => quota.take('CP-0', 0)).filter(Boolean).length;
  t.is(taken, UNREADABLE_QUOTA);
  t.false(quota.take('CP-0', UNREADABLE_QUOTA_SECONDS * 1000 - 1));
  t.true(quota.take('CP-0', UNREADABLE_QUOTA_SECONDS * 1000));
});

test('the program lists, shows and drops unreadable texts, and says what it cannot do', async (t) => {
  const { look, redis } = await world(t);
  const facts = ['protocol', 'ocpp1.6', 'connection', '7', 'reason', 'no JSON', 'text', '[2,"\u001B[2J'];
  await look.xadd(keys.unreadable, '1000-0', 'station', 'CP-1', ...facts);
  await look.xadd(keys.unreadable, '2000-0', 'station', 'CP-2', ...facts);
  const run = (...args: string[]) =>
    new Promise<{ code: unknown; text: string }>((resolve) => {
      const program = join(import.meta.dirname, '../../../services/dead-letters/main.ts');
      const env = { PATH: process.env['PATH'], REDIS_ADDR: redis.addr };
      execFile(process.execPath, [program, 'unreadable', ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, text: stdout + stderr }),
      );
    });
  const line = String.raw`1000-0  1970-01-01T00:00:01.000Z  CP-1  ocpp1.6  no JSON  "[2,\"\u001b[2J"`;
  const [all, one, after, show, missing, nothing, tooMany] = await Promise.all([
    run('list'),
    run('list', '--station', 'CP-1'),
    run('list', '--station', 'CP-1', '1000-0'),
    run('show', '1000-0'),
    run('drop', '1-1'),
    run(),
    run('show', '1', '2'),
  ]);
  t.is(
    all.text,
    `${line}\n${line.replace('1000-0', '2000-0').replace('01.000', '02.000').replace('CP-1', 'CP-2')}\n`,
  );
  t.is(one.text, `${line}\n`);
  t.is(after.text, 'no more\n');
  t.is(show.code, 0);
  t.regex(show.text, /^station {5}CP-1 \(ocpp1.6\)\nconnection {2}7\nreason {6}no JSON\ntext {8}"\[2,/m);
  t.deepEqual(missing, { code: 1, text: 'dead-letters: there is no unreadable text 1-1 (any more)\n' });
  for (const { code, text } of [nothing, tooMany]) {
    t.is(code, 2);
    t.regex(text, /unreadable list \[--station ID\] \[AFTER\]/);
  }
  t.deepEqual(await run('drop', '1000-0'), { code: 0, text: '1000-0 is dropped\n' });
  t.is(await look.xlen(keys.unreadable), 1);
});
