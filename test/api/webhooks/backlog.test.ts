/** What waits for a webhook: its bounds, its pace, and what a recovering endpoint gets. On the memory bus. */
import test from 'ava';
import { Registry } from 'prom-client';
import { Delivery } from '../../../services/api/webhooks/delivery.ts';
import { HEAD, type Lane, Lanes, leftOf } from '../../../services/api/webhooks/lanes.ts';
import { createWebhookMetrics } from '../../../services/api/webhooks/metrics.ts';
import type { Post } from '../../../services/api/webhooks/post.ts';
import { NEW, type StoredWebhook, WebhookStore } from '../../../services/api/webhooks/store.ts';
import type { Waiting } from '../../../services/api/webhooks/waiting.ts';
import { memoryClient } from '../../../services/client/memory-client.ts';
import { createMemoryBus } from '../../../services/transport/memory/bus.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

interface Sent {
  readonly station: string;
  readonly n: number;
}

interface World {
  readonly post: (event: Sent) => ReturnType<Post>;
  readonly types?: readonly string[];
  readonly hasRoom?: () => boolean;
  /** Of the clock: how much faster it is than that of the machine. */
  readonly speed?: number;
  /** As an owner before left it: by station, the positions of parked events, or only their number. */
  readonly parked?: Readonly<Record<string, readonly string[] | number>>;
  readonly stored?: Partial<StoredWebhook>;
}

const delivered = { kind: 'delivered' } as const;
const failed = { kind: 'failed', why: 'status 503' } as const;
const refused = { kind: 'refused', why: 'status 422' } as const;
const never = new Promise<never>(() => undefined);

/** A delivery that runs, and what it stores. */
async function start({ post, types = [], hasRoom = () => true, speed = 1, parked = {}, stored = {} }: World) {
  const bus = createMemoryBus();
  const store = new WebhookStore(bus.state, 'a');
  const began = Date.now();
  const clock = { now: () => began + (Date.now() - began) * speed };
  const first = { ...NEW, cursor: '0-1', owner: 'me', ...stored };
  await store.take(undefined, first);
  const eventOf = (station: string, position: string): Waiting => {
    const text = JSON.stringify({ id: position, subject: station, data: { n: '0' } });
    return { position, id: position, station, text };
  };
  const lanes = Object.entries(parked).map(([station, some]) => {
    const added =
      typeof some === 'number' ? [eventOf(station, '5000-0')] : some.map((at) => eventOf(station, at));
    return { station, added, removed: [], parked: typeof some === 'number' ? some : some.length };
  });
  await store.settle('me', first, { lanes, deadLetters: [] });
  const states: StoredWebhook[] = [];
  const metrics = createWebhookMetrics(new Registry(), () => clock.now());
  const stopping = new AbortController();
  const settings = { name: 'a', url: 'http://a', types, timeoutSeconds: 1, deadLetterAfterSeconds: 1e6 };
  const running = new Delivery(
    {
      settings: { ...settings, secretFile: '', caFile: '', needsCa: false },
      source: '/ocpp',
      events: memoryClient(bus).events(),
      store,
      post(_id, body) {
        const { subject, data } = JSON.parse(body) as { subject: string; data: { n: string } };
        return post({ station: subject, n: Number(data.n) });
      },
      clock,
      log: memoryLog(),
      metrics: { ...metrics, report: (_name, state) => states.push(state) },
      leaseMs: 10_000,
      hasRoom,
      stopping: stopping.signal,
    },
    first,
  ).run();
  return {
    store,
    states,
    emit(stationId: string, n: number, type = 'noted') {
      bus.state.emit({ type, stationId, fields: { n: `${n}` } });
    },
    last: () => states.at(-1) ?? first,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

test.serial(
  'an event that every station refuses becomes dead letters, and the endpoint is not down',
  async (t) => {
    const took: string[] = [];
    const stations = ['A', 'B', 'C', 'D', 'E'];
    await using own = await start({
      speed: 50,
      async post({ station, n }) {
        if (n === 1) return refused;
        took.push(`${station}${n}`);
        return delivered;
      },
    });
    for (const n of [1, 2]) for (const station of stations) own.emit(station, n);
    await until(() => took.length === stations.length, 'what follows', 5000);
    await until(async () => (await own.store.letterCount()) === stations.length, 'dead letters');
    for (const { attempts, reason } of await own.store.letters())
      t.deepEqual([attempts, reason], [3, 'refused: status 422']);
    t.true(own.states.every(({ downSince }) => downSince === ''));
  },
);

test.serial(
  'an endpoint that was down is up when it refuses an event, whose refusals count on',
  async (t) => {
    let answer: typeof failed | typeof refused = failed;
    await using own = await start({ speed: 50, post: async ({ n }) => (n === 1 ? answer : delivered) });
    for (const station of ['A', 'B', 'C', 'D']) own.emit(station, 1);
    await until(() => own.last().downSince !== '', 'down');
    t.is(await own.store.letterCount(), 0);
    answer = refused;
    await until(async () => (await own.store.letterCount()) === 4, 'dead letters');
    await until(() => own.last().downSince === '', 'up');
    const lanes = new Lanes();
    lanes.add({ position: '1-0', id: '1', station: 'A', text: '{}' });
    const lane = lanes.next(0);
    if (lane === undefined) throw new Error('it is due');
    [lane.failures, lane.refusals, lane.dueAt] = [7, 2, 99];
    lanes.hurry();
    t.like(lane, { failures: 2, refusals: 2, dueAt: 0 });
  },
);

test.serial(
  'a full backlog of others makes no dead letter of an event that fails once; that of its own station does',
  async (t) => {
    let attempts = 0;
    await using own = await start({
      // More than is parked at most; the one that was stored never ends.
      parked: { other: 100_000 },
      post: async ({ station }) => (station === 'other' ? never : attempts++ === 0 ? failed : delivered),
    });
    own.emit('A', 1);
    await until(() => attempts === 2, 'the second attempt');
    t.is(await own.store.letterCount(), 0);
    await using full = await start({ parked: { A: 2000 }, post: async () => failed });
    await until(async () => (await full.store.letterCount()) > 0, 'a dead letter');
    t.is((await full.store.letters())[0]?.reason, 'backlog-full: status 503');
  },
);

test.serial('without room in Redis nothing is parked, and the cursor waits', async (t) => {
  let hasRoom = false;
  let isDown = true;
  const took: number[] = [];
  await using own = await start({
    hasRoom: () => hasRoom,
    speed: 20,
    async post({ n }) {
      if (isDown) return failed;
      took.push(n);
      return delivered;
    },
  });
  // Three times as many as it reads ahead.
  for (let n = 1; n <= 3000; n++) own.emit(`CP-${n % 10}`, n);
  await until(() => own.states.some(({ downSince }) => downSince !== ''), 'down');
  const before = own.states.length;
  await until(() => own.states.length > before + 2, 'further writes');
  t.like(own.last(), { parked: 0, cursor: '0-1', gaps: 0 });
  hasRoom = true;
  await until(() => own.last().parked === 3000, 'parked');
  t.not(own.last().cursor, '0-1');
  isDown = false;
  await until(() => took.length === 3000, 'all', 20_000);
  t.is(await own.store.letterCount(), 0);
});

test.serial('at most 20 000 events are parked while the endpoint is down', async (t) => {
  await using own = await start({ post: async () => failed });
  for (let n = 1; n <= 23_000; n++) own.emit(`CP-${n % 2000}`, n);
  await until(() => own.last().parked >= 20_000, 'a full backlog', 20_000);
  const before = own.states.length;
  await until(() => own.states.length > before + 2, 'further writes');
  t.true(own.last().parked < 22_500, `${own.last().parked}`);
});

test.serial(
  'what is not wanted is read fast, and a full window parks nothing of an endpoint that keeps up',
  async (t) => {
    let count = 0;
    await using own = await start({
      types: ['noted'],
      async post() {
        count++;
        return delivered;
      },
    });
    const began = performance.now();
    for (let n = 1; n <= 20_000; n++) own.emit(`CP-${n % 500}`, n, n % 2 === 0 ? 'noted' : 'other');
    await until(() => count === 10_000, 'all', 20_000);
    const seconds = (performance.now() - began) / 1000;
    // A window of 1000 that moves only with the writes, at most twice a second, needs 10 s on any machine.
    t.true(seconds < 9.5, `${seconds} s`);
    t.true(own.states.every(({ parked }) => parked === 0));
  },
);

test.serial('a station that is slow is parked when the window is full: others go on', async (t) => {
  let count = 0;
  const slow = Promise.withResolvers<typeof delivered>();
  await using own = await start({
    async post({ station }) {
      if (station === 'slow') return slow.promise;
      count++;
      return delivered;
    },
  });
  for (let n = 1; n <= 1200; n++) own.emit('slow', n);
  for (let n = 1; n <= 3000; n++) own.emit(`CP-${n % 100}`, n);
  await until(() => count === 3000, 'the others', 10_000);
  t.is(own.last().parked, 1200);
  slow.resolve(delivered);
});

test.serial('a new owner keeps the age of what it has not read yet', async (t) => {
  const parked = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`CP-${n}`, ['5000-0']]));
  await using own = await start({ parked, stored: { waitingSince: '4000' }, post: () => never });
  own.emit('new', 1);
  await until(() => own.states.length > 0, 'its first write');
  t.is(own.states[0]?.waitingSince, '4000');
});

test.serial('the heads of all lanes together are bounded; what is read later keeps its order', (t) => {
  const lanes = new Lanes();
  const stored = new Map<string, Waiting[]>();
  const took = new Map<string, number[]>();
  const stations = Array.from({ length: 600 }, (_, n) => `CP-${n}`);
  let position = 0;
  for (let n = 1; n <= 30; n++)
    for (const station of stations) {
      const id = `${++position}-0`;
      lanes.add({ position: id, id: `${n}`, station, text: '' });
    }
  const held = () => [...lanes.all].reduce((sum, { head }) => sum + head.length, 0);
  const busy: Lane[] = [];
  for (let lane = lanes.next(0); lane !== undefined; lane = lanes.next(0)) busy.push(lane);
  t.is(busy.length, stations.length);
  for (const lane of lanes.all) stored.set(lane.station, [...lanes.park(lane)]);
  t.is(lanes.parked, 18_000);
  // One in flight of each lane, at most.
  t.true(held() <= 5000 + stations.length, `${held()}`);
  for (const lane of busy) lanes.done(lane);
  t.true(held() <= 5000, `${held()}`);
  for (let lane = lanes.next(0); lane !== undefined; lane = lanes.next(0)) {
    const all = stored.get(lane.station) ?? [];
    if (leftOf(lane) > 0 && lane.head.length === 0) {
      all.splice(0, lanes.takeSettled(lane).length);
      lanes.load(lane, all.slice(0, HEAD));
    }
    const waiting = lanes.firstOf(lane);
    if (waiting !== undefined)
      took.set(lane.station, [...(took.get(lane.station) ?? []), Number(waiting.id)]);
    lanes.settle(lane);
    lanes.done(lane);
    if (held() > 5000) t.fail(`${held()}`);
  }
  const wanted = Array.from({ length: 30 }, (_, index) => index + 1);
  for (const station of stations) t.deepEqual(took.get(station), wanted);
});
