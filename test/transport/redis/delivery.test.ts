/** Which processor handles an entry, and how often it takes effect, on a real Redis: processors marked dead, scripts that run twice. */
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Redis } from 'ioredis';
import { createMemoryBus } from '../../../services/transport/memory/bus.ts';
import { openConnection } from '../../../services/transport/redis/connection/connection.ts';
import { register } from '../../../services/transport/redis/lease/register.ts';
import { claim } from '../../../services/transport/redis/queue/claim.ts';
import { Keys } from '../../../services/transport/redis/keys.ts';
import {
  type Delivery,
  type Gateway,
  type MessageHandler,
  type Outcome,
  REGISTRATION_STATUSES,
} from '../../../services/transport/transport.ts';
import { cluster, counted, done, entry, station } from './processes.ts';
import { until } from '../../support/until.ts';

test('what a processor held when its lease ran out is handled by another, once in effect', async (t) => {
  const { processor, proxy, look, effects, lapse } = await cluster(t);
  const gateway = await proxy();
  let stuck: (() => void) | undefined;
  const counts: number[] = [];
  const handler: MessageHandler = async (delivery) => {
    if (delivery.frame.id === 'a') counts.push(delivery.deliveryCount);
    if (counts.length === 1 && stuck === undefined) {
      await new Promise<void>((resolve) => (stuck = resolve));
    }
    return counted(delivery);
  };
  const first = await processor(handler);
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => stuck !== undefined, 'the first processor to have it');
  const [held] = await look.zrange('ocpp:processors', '0', '0');
  await processor(handler);
  await lapse('processors', held ?? '');
  await until(() => one.heard.includes('a'), 'the answer');
  t.deepEqual(counts, [1, 2]);
  stuck?.();
  await one.call('b');
  await until(() => one.heard.length === 2, 'the next answer');
  t.deepEqual(one.heard, ['a', 'b']);
  t.deepEqual(await effects(), ['a', 'b']);
  await until(() => first.isRunning(), 'the first to have registered again');
  t.is(await look.zcard('ocpp:processors'), 2);
});

for (const store of ['memory', 'redis'] as const) {
  test(`what the last BootNotification was answered goes with a delivery, ${store}`, async (t) => {
    const seen: (readonly [string, string | undefined])[] = [];
    const handler: MessageHandler = async ({ frame, registration }) => {
      seen.push([frame.id, registration]);
      return done();
    };
    const gateway = await (store === 'redis' ? viaRedis(t, handler) : viaMemory(t, handler));
    const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
    const connection = await gateway.open(session, { deliver: () => true, revoked: () => undefined });
    for (const [i, registration] of [undefined, ...REGISTRATION_STATUSES].entries()) {
      const frame = { type: 2, id: `${i}`, action: 'Heartbeat', payload: {} } as const;
      const incoming = { frame, text: `[2,"${i}","Heartbeat",{}]`, receivedAt: 1, sequence: i + 1 };
      await connection.forward(registration === undefined ? incoming : { ...incoming, registration });
    }
    await until(() => seen.length === 4, 'all to be handled');
    t.deepEqual(
      seen.toSorted(([one], [other]) => one.localeCompare(other)),
      [
        ['0', undefined],
        ['1', 'Accepted'],
        ['2', 'Pending'],
        ['3', 'Rejected'],
      ],
    );
  });
}

async function viaRedis(t: ExecutionContext, handler: MessageHandler): Promise<Gateway> {
  const { processor, proxy } = await cluster(t);
  await processor(handler);
  return proxy();
}

async function viaMemory(t: ExecutionContext, handler: MessageHandler): Promise<Gateway> {
  const bus = createMemoryBus();
  bus.transport.onMessage(handler);
  await bus.transport.start();
  t.teardown(() => bus.transport.stop());
  return bus.gateway('proxy');
}

test('an entry that is in the queue twice has one effect and one answer', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  const one = await station(gateway, 'CP-1');
  // No processor yet: the entry of the CALL can be seen and copied, as a repeated LPUSH would.
  await one.call('a');
  await until(async () => (await look.llen('ocpp:requests')) === 1, 'the entry');
  const [raw] = await look.lrange('ocpp:requests', 0, 0);
  await look.lpush('ocpp:requests', raw ?? '');
  await processor(async (delivery) => counted(delivery));
  await until(() => one.heard.length > 0, 'the answer');
  await one.call('b');
  await until(() => one.heard.length > 1, 'the next answer');
  t.deepEqual(one.heard, ['a', 'b']);
  t.deepEqual(await effects(), ['a', 'b']);
});

/** claim.lua as a processor calls it, on a connection of its own. */
async function claimer(t: ExecutionContext, look: Redis) {
  const keys = new Keys('ocpp');
  const settings = { addr: `${look.options.host}:${look.options.port}`, db: 0, clientTimeoutMs: 5000 };
  const commands = openConnection(settings, 'commands', () => undefined);
  t.teardown(() => commands.disconnect());
  await until(() => commands.status === 'ready', 'the connection');
  const join = (processId: string) =>
    register(commands, keys, { role: 'processor', processId, leaseMs: 60_000, clientIds: [] });
  const take = (received: number, processId = 'p1', most = 20, slow = false) =>
    claim(commands, keys, { processId, received, most, pollLeaseMs: 60_000, slow, release: '' });
  return { keys, take, join };
}

test('one processor waits and the others rest, until there is more than it should claim alone', async (t) => {
  const { look } = await cluster(t);
  const { keys, take, join } = await claimer(t, look);
  for (const pid of ['p1', 'p2']) await join(pid);
  const seen = { p1: 0, p2: 0 };
  /** Claims with `queued` entries in the queue. @returns what to do next, and whether another one is woken */
  const step = async (pid: 'p1' | 'p2', queued: number, most = 20, slow = false) => {
    await look.del(keys.wakeUpTokens, keys.requests);
    for (let i = 0; i < queued; i++) await look.lpush(keys.requests, `${i}`);
    const reply = await take(seen[pid], pid, most, slow);
    if (reply.length > 1) seen[pid] = Number(reply.at(-2));
    return [reply[0], await look.llen(keys.wakeUpTokens)];
  };
  t.deepEqual(await step('p1', 0), ['wait', 0], 'the first one waits');
  t.deepEqual(await step('p2', 0), ['rest', 0]);
  t.deepEqual(await step('p1', 2, 20, true), ['rest', 1], 'a slow processor lets another one wait');
  t.deepEqual(await step('p2', 0), ['wait', 0]);
  t.deepEqual(await step('p2', 16), ['claim', 1], 'many are work for two');
  t.deepEqual(await step('p1', 0), ['rest', 0], 'the poll lease stays where it was');
  t.deepEqual(await step('p2', 5, 3), ['claim', 1], 'no room for more');
  t.deepEqual(await step('p1', 0), ['wait', 0]);
  await look.rpush(keys.reclaimed, '2\nreclaimed');
  t.deepEqual(await step('p1', 0), ['busy', 1], 'a reclaimed one is claimed with nothing in flight');
  t.deepEqual(await step('p2', 0), ['busy', 1]);
});

test('a claim whose reply was lost hands the same entries out again, first and alone', async (t) => {
  const { look } = await cluster(t);
  const { keys, take, join } = await claimer(t, look);
  t.deepEqual(await take(0), ['gone'], 'without a registration');
  await join('p1');
  await look.lpush(keys.requests, 'one', 'two');
  const first = await take(0);
  t.deepEqual([first[2], first[4]], ['one', 'two']);
  await look.lpush(keys.requests, 'three');
  t.deepEqual(await take(0), first, 'the reply was lost');
  const next = await take(Number(first[3]));
  t.is(next[2], 'three');
  await look.lpush(keys.requests, 'younger');
  await look.lpush(keys.staging('p1'), 'landed');
  const both = await take(Number(next[1]));
  t.deepEqual([both[2], both[4]], ['landed', 'younger']);
  // Reclaimed entries are handed out alone, and only to a processor that holds nothing.
  await look.rpush(keys.reclaimed, '2\nreclaimed');
  await look.lpush(keys.requests, 'four');
  const last = Number(both[3]);
  t.deepEqual(await take(last), ['busy']);
  await look.del(keys.processing('p1'));
  t.deepEqual((await take(last)).slice(2), ['2\nreclaimed']);
});

test('after all have stopped in good order, every key left has an owner or an expiry', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const gateway = await proxy();
  const transport = await processor(async (delivery) => done({ businessKey: `k:${delivery.frame.id}` }));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await one.client.stop();
  await gateway.stop();
  await transport.stop();
  const lasting: string[] = [];
  for (const key of await look.keys('*')) if ((await look.ttl(key)) < 0) lasting.push(key);
  // The two counters, the marker, the directory of stations and the stream of events are the cluster's own.
  const own = ['disconnected', 'epoch', 'events', 'known-stations', 'running', 'store'];
  t.deepEqual(
    lasting.sort(),
    own.map((name) => `ocpp:${name}`),
  );
});

test('processors that come and go under load leave nothing where no program looks', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const gateway = await proxy();
  const handled = new Set<string>();
  const stations = await Promise.all(Array.from({ length: 20 }, (_, i) => station(gateway, `CP-${i}`)));
  const note = async (delivery: Delivery) => {
    handled.add(`${delivery.stationId} ${delivery.frame.id}`);
    return done();
  };
  for (let round = 0; round < 25; round++) {
    const transport = await processor(note);
    for (const one of stations) void one.call(`m${round}`);
    await wait(round % 5);
    await transport.stop();
  }
  await processor(note);
  await until(() => handled.size === 20 * 25, 'every message');
  t.deepEqual(await look.keys('*:landing:*'), []);
});

test('a processor that leaves in good order counts no delivery', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const gateway = await proxy();
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  for (let round = 0; round < 6; round++) {
    let has = false;
    const leaving = await processor(async () => {
      has = true;
      return new Promise<Outcome>(() => undefined);
    });
    await until(() => has, 'the delivery');
    await leaving.stop(0);
  }
  t.is(await look.xlen('ocpp:dead-letters'), 0);
  const counts: number[] = [];
  await processor(async (delivery) => {
    counts.push(delivery.deliveryCount);
    return counted(delivery);
  });
  await until(() => one.heard.includes('a'), 'the answer');
  t.deepEqual(counts, [1]);
});

test('reclaimed entries are claimed by the only processor while a steady load goes on', async (t) => {
  const { processor, look } = await cluster(t);
  const seen = new Set<string>();
  await processor(async ({ frame }) => {
    seen.add(frame.id);
    return done();
  });
  let count = 0;
  const load = setInterval(() => {
    count++;
    void look.lpush('ocpp:requests', entry('CP-1', `load-${count}`, 1, count));
  }, 5);
  t.teardown(() => clearInterval(load));
  await until(() => seen.size > 20, 'the load is handled');
  const reclaimed = Array.from({ length: 5 }, (_, i) => `2\n${entry('CP-2', `reclaimed-${i}`, 1, i + 1)}`);
  await look.lpush('ocpp:rescued', ...reclaimed);
  await until(() => seen.has('reclaimed-4') && seen.has('reclaimed-0'), 'the reclaimed entries', 5000);
  t.true(count > 20, 'the load went on');
});
