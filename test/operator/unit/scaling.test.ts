/** The rules of processor autoscaling one by one, and together in a simulated cluster. */
import test from 'ava';
import { array, assert, integer, property, record } from 'fast-check';
import type { AutoscalingStatus } from '../../../operator/api/ocpp-cluster.ts';
import {
  decideProcessors,
  type ProcessorScaleDecision,
  type ProcessorScaleInput,
  type ScalingPolicy,
} from '../../../operator/scaling/processors.ts';
import {
  CAPACITY_PRIOR,
  type Signals,
  smoothCapacity,
  recommendation,
} from '../../../operator/scaling/demand.ts';
import { highest, recommend } from '../../../operator/scaling/window.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const SPEC: ScalingPolicy = {
  mode: 'Internal',
  minReplicas: 1,
  maxReplicas: 20,
  targetDrainSeconds: 10,
  scaleDownStabilizationSeconds: 300,
};
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
const IDLE = { depth: 0, oldestSeconds: 0, inFlight: 0, ageMs: 1000 };
const load = (arrivalRate: number, queue: object = {}): Signals => ({
  arrivalRate,
  queue: { ...IDLE, ...queue },
});

/** A cluster of `replicas` ready processors, each with a capacity of 100/s. */
function input(
  replicas: number,
  signals: Signals,
  more: Partial<ProcessorScaleInput> = {},
): ProcessorScaleInput {
  return {
    spec: SPEC,
    deployment: { replicas, readyReplicas: replicas, rolling: false },
    signals,
    now: NOW,
    ...more,
    previous: { desiredReplicas: replicas, capacityPerReplica: 100, ...more.previous },
  };
}
/** The window recommends `replicas`, and there was no recent scaling. */
const calm = (replicas: number): AutoscalingStatus => ({ recommendations: [{ at: ago(200), replicas }] });

test('the recommendation processes the backlog in time at the given arrival rate', (t) => {
  const ready = 4;
  const cases: readonly (readonly [string, Signals & { queue: object }, number])[] = [
    ['nothing', load(0) as never, 0],
    ['arrivals alone', load(250) as never, 3],
    ['a backlog of 1000 in 10 s', load(0, { depth: 1000 }) as never, 1],
    ['both', load(250, { depth: 900, inFlight: 100 }) as never, 4],
    ['old messages: more than there are', load(0, { depth: 50, oldestSeconds: 15 }) as never, 6],
    ['very old: twice as many', load(0, { depth: 50, oldestSeconds: 500 }) as never, 8],
    ['one stuck message is no load', load(0, { depth: 3, oldestSeconds: 500 }) as never, 1],
  ];
  for (const [name, signals, replicas] of cases) {
    t.is(recommendation(signals as never, 100, ready, 10), replicas, name);
  }
  const hung = load(0, { depth: 50, oldestSeconds: 500 });
  t.is(
    recommendation(hung as never, 100, 0, 10),
    2,
    'none is ready and messages grow old: another processor may help',
  );
});

test('capacity is completions per busy second, smoothed by busy time', (t) => {
  t.is(smoothCapacity(undefined, undefined), CAPACITY_PRIOR);
  t.is(smoothCapacity(200, undefined), 200, 'the last good value is kept');
  t.is(smoothCapacity(200, { completed: 0, busySeconds: 3 }), 200);
  const little = smoothCapacity(undefined, { completed: 10, busySeconds: 0.1 });
  t.true(Math.abs(little - CAPACITY_PRIOR) < 10, 'a tenth of a second has little weight');
  const much = smoothCapacity(undefined, { completed: 2000, busySeconds: 20 });
  t.true(Math.abs(much - 100) < 10, '20 s of busy time have full weight');
  t.is(smoothCapacity(Number.NaN, undefined), CAPACITY_PRIOR);
});

interface Rule {
  readonly name: string;
  readonly given: ProcessorScaleInput;
  readonly replicas: number;
  readonly reason?: string;
  readonly says?: RegExp;
}
const HELD = { reason: 'SignalsMissing' };
const RULES: readonly Rule[] = [
  { name: 'scale-out is immediate', given: input(2, load(500)), replicas: 5, reason: 'FollowingQueue' },
  {
    name: 'scale-out from a small number adds at most four',
    given: input(2, load(2000)),
    replicas: 6,
    says: /scale-out to 20 in steps/,
  },
  { name: 'scale-out from a large number at most doubles it', given: input(8, load(2000)), replicas: 16 },
  {
    name: 'the next scale-out step waits 15 s',
    given: input(6, load(2000), { previous: { lastScaleTime: ago(14), lastScaleDirection: 'Up' } }),
    replicas: 6,
    says: /within 15 s/,
  },
  {
    name: 'after 15 s it continues',
    given: input(6, load(2000), { previous: { lastScaleTime: ago(15), lastScaleDirection: 'Up' } }),
    replicas: 12,
  },
  {
    name: 'a time slightly in the future, by another leader, counts as now',
    given: input(6, load(2000), { previous: { lastScaleTime: ago(-20), lastScaleDirection: 'Up' } }),
    replicas: 6,
    says: /within 15 s/,
  },
  {
    name: 'a leader with a clock one hour ahead does not block the next leader for an hour',
    given: input(6, load(2000), { previous: { lastScaleTime: ago(-3600), lastScaleDirection: 'Up' } }),
    replicas: 12,
  },
  {
    name: 'a scale-in does not delay a scale-out',
    given: input(6, load(900), { previous: { lastScaleTime: ago(2), lastScaleDirection: 'Down' } }),
    replicas: 9,
  },
  {
    name: 'never above the maximum',
    given: input(18, load(9000)),
    replicas: 20,
    reason: 'Limited',
    says: /90 recommended; at most maxReplicas \(20\)/,
  },
  { name: 'scale-in removes one per minute', given: input(5, load(0), { previous: calm(1) }), replicas: 4 },
  {
    name: 'scale-in from a large number removes a tenth',
    given: input(40, load(0), { spec: { ...SPEC, maxReplicas: 99 }, previous: calm(1) }),
    replicas: 36,
  },
  {
    name: 'no scale-in before the minute is over',
    given: input(5, load(0), { previous: { ...calm(1), lastScaleTime: ago(59) } }),
    replicas: 5,
    says: /next step within 60 s/,
  },
  {
    name: 'a short window shortens the interval',
    given: input(5, load(0), {
      spec: { ...SPEC, scaleDownStabilizationSeconds: 10 },
      previous: { recommendations: [{ at: ago(9), replicas: 1 }], lastScaleTime: ago(11) },
    }),
    replicas: 4,
  },
  {
    name: 'no scale-in below the recommendations in the window',
    given: input(5, load(0), { previous: { recommendations: [{ at: ago(299), replicas: 5 }] } }),
    replicas: 5,
    says: /held by the 300 s stabilization window/,
  },
  {
    name: 'without history it waits for the whole window',
    given: input(5, load(0)),
    replicas: 5,
    says: /window/,
  },
  {
    name: 'no scale-in during a rollout',
    given: input(5, load(0), {
      previous: calm(1),
      deployment: { replicas: 5, readyReplicas: 5, rolling: true },
    }),
    replicas: 5,
    says: /no scale-in to \d+ during a rollout/,
  },
  {
    name: 'no scale-in while fewer Pods are ready than recommended',
    given: input(5, load(250), {
      previous: calm(3),
      deployment: { replicas: 5, readyReplicas: 2, rolling: false },
    }),
    replicas: 5,
    says: /not ready/,
  },
  {
    name: 'surplus Pods that no node can run are removed, ready ones stay',
    given: input(40, load(0), {
      spec: { ...SPEC, maxReplicas: 40 },
      previous: calm(1),
      deployment: { replicas: 40, readyReplicas: 38, rolling: false },
    }),
    replicas: 38,
  },
  {
    name: 'a missing reading of the queue holds',
    given: input(5, { arrivalRate: 0 }, { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  {
    name: 'a missing arrival rate holds',
    given: input(5, { queue: IDLE }, { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  {
    name: 'a stale reading holds',
    given: input(5, load(0, { ageMs: 15_001 }), { previous: calm(1) }),
    replicas: 5,
    ...HELD,
    says: /15 s old/,
  },
  {
    name: 'NaN holds',
    given: input(5, load(0, { depth: Number.NaN }), { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  {
    name: 'an infinite rate holds',
    given: input(5, load(Infinity), { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  { name: 'a negative rate holds', given: input(5, load(-1), { previous: calm(1) }), replicas: 5, ...HELD },
  {
    name: 'with a proxy not read yet, scale-out follows the known rate',
    given: input(2, { ...load(500), arrivalsIncomplete: true }),
    replicas: 5,
    reason: 'FollowingQueue',
  },
  {
    name: 'with a proxy not read yet there is no scale-in',
    given: input(5, { ...load(0), arrivalsIncomplete: true }, { previous: calm(1) }),
    replicas: 5,
    reason: 'FollowingQueue',
    says: /no scale-in while the metrics of a ws-proxy Pod are missing/,
  },
  {
    name: 'a new maximum applies at once, even without readings',
    given: input(5, {}, { spec: { ...SPEC, maxReplicas: 3 } }),
    replicas: 3,
    ...HELD,
  },
  {
    name: 'a new minimum applies at once',
    given: input(1, {}, { spec: { ...SPEC, minReplicas: 3 } }),
    replicas: 3,
    ...HELD,
  },
  {
    name: 'an edited Deployment is reverted',
    given: input(2, load(150), { deployment: { replicas: 9, readyReplicas: 2, rolling: false } }),
    replicas: 2,
  },
  {
    name: 'a new cluster starts with the minimum',
    given: { spec: { ...SPEC, minReplicas: 2 }, signals: {}, previous: {}, now: NOW },
    replicas: 2,
    ...HELD,
  },
  {
    name: 'the message shows the minimum',
    given: input(2, load(0), { spec: { ...SPEC, minReplicas: 2 } }),
    replicas: 2,
    says: /0 recommended; at least minReplicas \(2\)/,
  },
  {
    name: 'mode Off uses spec.processor.replicas',
    given: input(5, load(900), { spec: { ...SPEC, mode: 'Off' }, fixedReplicas: 2 }),
    replicas: 2,
    reason: 'Off',
  },
  {
    name: 'mode Off without it keeps the current number',
    given: input(5, load(900), { spec: { ...SPEC, mode: 'Off' } }),
    replicas: 5,
  },
  {
    name: 'mode Internal ignores spec.processor.replicas and says so',
    given: input(2, load(150), { fixedReplicas: 9 }),
    replicas: 2,
    says: /spec\.processor\.replicas is ignored/,
  },
];

test('each rule of processor autoscaling', (t) => {
  for (const { name, given, replicas, reason, says } of RULES) {
    const decision = decideProcessors(given);
    t.is(decision.replicas, replicas, `${name}: ${decision.condition.message}`);
    t.is(decision.autoscaling.desiredReplicas, replicas, name);
    if (reason !== undefined) t.is(decision.condition.reason, reason, name);
    if (says !== undefined) t.regex(decision.condition.message, says, name);
    const active = decision.condition.status === 'True';
    t.is(active, !['SignalsMissing', 'Off'].includes(decision.condition.reason), name);
  }
});

test('the maximum of the window is exact up to its resolution, and its length is bounded', (t) => {
  const step = record({
    replicas: integer({ min: 1, max: 1000 }),
    seconds: integer({ min: 1, max: 40 }),
  });
  assert(
    property(array(step, { maxLength: 300 }), integer({ min: 1, max: 3600 }), (steps, windowSeconds) => {
      const windowMs = windowSeconds * 1000;
      let now = NOW;
      let kept: ReturnType<typeof recommend> = [];
      const all: { at: number; replicas: number }[] = [];
      for (const { replicas, seconds } of steps) {
        now += seconds * 1000;
        all.push({ at: now, replicas });
        kept = recommend(kept, replicas, now, windowMs);
        const within = (ms: number) =>
          Math.max(...all.filter(({ at }) => at >= now - ms).map((one) => one.replicas));
        const value = highest(kept) ?? 0;
        // Entries in the oldest 2 % of the window may be dropped with their bucket.
        if (value < within(windowMs * 0.96) || value > within(windowMs) || kept.length > 52) return false;
      }
      return true;
    }),
  );
  t.pass();
});

interface World {
  replicas: number;
  queue: number;
  memory: AutoscalingStatus;
  now: number;
}

/** Five seconds of a cluster whose processors really handle `capacity` per second. */
function simulate(
  world: World,
  spec: ScalingPolicy,
  rate: number,
  capacity: number,
  blind = false,
): ProcessorScaleDecision {
  const seconds = 5;
  const done = Math.min(world.queue + rate * seconds, world.replicas * capacity * seconds);
  world.queue += rate * seconds - done;
  world.now += seconds * 1000;
  const decision = decideProcessors({
    spec,
    deployment: { replicas: world.replicas, readyReplicas: world.replicas, rolling: false },
    signals: blind
      ? {}
      : {
          ...load(rate, { depth: world.queue, oldestSeconds: world.queue / (world.replicas * capacity) }),
          ...(done > 0 && {
            work: {
              completed: done,
              busySeconds: done / capacity,
              seconds: seconds * world.replicas,
              completedPerSecond: done / seconds,
            },
          }),
        },
    previous: world.memory,
    now: world.now,
  });
  world.memory = decision.autoscaling;
  world.replicas = decision.replicas;
  return decision;
}

const LOAD = record({
  rate: integer({ min: 0, max: 3000 }),
  capacity: integer({ min: 50, max: 2000 }),
  spec: record({
    minReplicas: integer({ min: 1, max: 5 }),
    more: integer({ min: 0, max: 60 }),
    targetDrainSeconds: integer({ min: 1, max: 60 }),
    scaleDownStabilizationSeconds: integer({ min: 60, max: 600 }),
  }).map(({ more, ...rest }) =>
    Object.assign(rest, { mode: 'Internal' as const, maxReplicas: rest.minReplicas + more }),
  ),
});

test('the number follows the load, and without load returns to the minimum', (t) => {
  assert(
    property(LOAD, ({ rate, capacity, spec }) => {
      const world: World = { replicas: spec.minReplicas, queue: 0, memory: {}, now: NOW };
      const inBounds = () => world.replicas >= spec.minReplicas && world.replicas <= spec.maxReplicas;
      for (let step = 0; step < 120; step += 1) {
        simulate(world, spec, rate, capacity);
        if (!inBounds()) return false;
      }
      const enough = Math.min(spec.maxReplicas, Math.ceil(rate / capacity));
      if (world.replicas < enough) return false;
      // With spare capacity the initial backlog is gone too.
      if (2 * enough < spec.maxReplicas && world.queue > rate * spec.targetDrainSeconds) return false;
      const peak = world.replicas;

      // A new leader each time: only the status survives.
      world.memory = JSON.parse(JSON.stringify(world.memory)) as AutoscalingStatus;
      world.queue = 0;
      let before = world.replicas;
      const steps = (spec.scaleDownStabilizationSeconds + 60 * (peak - spec.minReplicas + 1)) / 5 + 20;
      for (let step = 0; step < steps; step += 1) {
        simulate(world, spec, 0, capacity);
        if (world.replicas > before || !inBounds()) return false;
        before = world.replicas;
      }
      return world.replicas === spec.minReplicas;
    }),
    { numRuns: 60 },
  );
  t.pass();
});

test('without readings the number stays, however long, and afterwards waits for the whole window', (t) => {
  assert(
    property(LOAD, integer({ min: 1, max: 400 }), ({ rate, capacity, spec }, blindSteps) => {
      const world: World = { replicas: spec.minReplicas, queue: 0, memory: {}, now: NOW };
      for (let step = 0; step < 60; step += 1) simulate(world, spec, rate, capacity);
      const { replicas } = world;
      for (let step = 0; step < blindSteps; step += 1) {
        const { condition } = simulate(world, spec, 0, capacity, true);
        if (world.replicas !== replicas || condition.status !== 'False') return false;
      }
      world.queue = 0;
      simulate(world, spec, 0, capacity);
      return world.replicas === replicas;
    }),
    { numRuns: 40 },
  );
  t.pass();
});
