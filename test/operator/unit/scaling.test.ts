/** The rules of processor autoscaling one by one, and together in a simulated cluster. */
import test from 'ava';
import { array, assert, integer, property, record } from 'fast-check';
import type { AutoscalingStatus } from '../../../operator/api/ocpp-cluster.ts';
import { CAPACITY_PRIOR, smoothCapacity } from '../../../operator/scaling/capacity.ts';
import type {
  ProcessorScaleDecision,
  ProcessorScaleInput,
  ScalingPolicy,
} from '../../../operator/scaling/decision.ts';
import { demandOf, type Load, type Signals, type Work } from '../../../operator/scaling/demand.ts';
import { decideProcessors } from '../../../operator/scaling/processors.ts';
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

test('the recommendation follows the arrivals, and lets no waiting frame grow old', (t) => {
  const ready = 4;
  const at = (arrivalRate: number, queue: object = {}, recentArrivalRate = arrivalRate): Load => ({
    arrivalRate,
    recentArrivalRate,
    queue: { ...IDLE, ...queue },
  });
  const cases: readonly (readonly [string, Load, number])[] = [
    ['nothing', at(0), 0],
    ['arrivals, with processors busy for 90 % at most', at(250), 3],
    ['the same at the limit', at(360), 4],
    ['a little more', at(361), 5],
    ['a backlog of 1000 in 10 s', at(0, { depth: 1000 }), 1],
    ['a backlog of 5001 in 10 s', at(0, { depth: 5001 }), 6],
    ['arrivals and frames that just pass', at(250, { depth: 900, oldestSeconds: 0.9 }), 3],
    ['arrivals and a backlog: one more', at(250, { depth: 900, oldestSeconds: 4 }), 4],
    ['arrivals and a small backlog that the spare time drains', at(250, { depth: 20, oldestSeconds: 4 }), 3],
    ['work in flight is not waiting', at(250, { inFlight: 1000 }), 3],
    ['old frames: more than there are', at(0, { depth: 50, oldestSeconds: 15 }), 6],
    ['very old: twice as many', at(0, { depth: 50, oldestSeconds: 500 }), 8],
    ['one stuck frame is no load', at(0, { depth: 3, oldestSeconds: 500 }), 1],
    ['a burst that nothing waits for', at(80, {}, 400), 1],
    ['a step, which the mean does not show yet', at(80, { depth: 50, oldestSeconds: 1 }, 400), 5],
    ['a step between two readings, which only the queue shows', at(80, { depth: 800, oldestSeconds: 2 }), 6],
    ['a short burst', at(80, { depth: 800, oldestSeconds: 1.9 }), 2],
  ];
  for (const [name, load, replicas] of cases)
    t.is(demandOf(load, { capacity: 100, ready }, 10).replicas, replicas, name);
  const hung = demandOf(at(0, { depth: 50, oldestSeconds: 500 }), { capacity: 100, ready: 0 }, 10);
  t.is(hung.replicas, 2, 'none is ready and frames grow old: another processor may help');
  const draining = { capacity: 100, ready, activity: { completedPerSecond: 120, busyShare: 1 } };
  const fewer = demandOf(at(100, { depth: 50, oldestSeconds: 500 }), draining, 10);
  t.is(fewer.replicas, 2, 'old frames become fewer');
  const one = { capacity: 45, ready: 1, activity: { completedPerSecond: 45, busyShare: 1 } };

  const asked = { ...at(42, { depth: 343, oldestSeconds: 6.2 }, 46), sessions: 400 };
  t.is(demandOf(asked, one, 10).replicas, 4, '400 stations that wait for answers would send 160/s');
  const rising = at(80, {}, 180);
  t.is(
    demandOf(rising, { capacity: 45, ready: 4, activity: { completedPerSecond: 160, busyShare: 0.8 } }, 10)
      .replicas,
    2,
  );
  t.is(
    demandOf(rising, { capacity: 45, ready: 4, activity: { completedPerSecond: 160, busyShare: 1 } }, 10)
      .replicas,
    5,
    'no time for a mean',
  );
  const many = { ...asked, sessions: 40_000 };
  t.is(demandOf(many, one, 10).replicas, 2, '40 000 that send a message in 15 minutes would send no more');
  const { least } = demandOf(at(361), { capacity: 100, ready }, 10);
  t.is(least, 5, 'noise adds and removes no processor in turn');
  t.is(demandOf(at(301), { capacity: 100, ready }, 10).least, 5);
});

test('capacity is completions per busy second of processors that work, smoothed by busy time', (t) => {
  const work = (completed: number, busySeconds: number, seconds = busySeconds): Work => ({
    completed,
    busySeconds,
    seconds,
  });
  t.is(smoothCapacity(undefined, undefined), undefined);
  t.is(smoothCapacity(200, undefined), 200, 'the last good value is kept');
  t.is(smoothCapacity(200, work(0, 3)), 200);
  t.is(smoothCapacity(undefined, work(10, 0.1)), undefined, 'a moment is no first measurement');
  t.is(smoothCapacity(undefined, work(100, 2)), 50, 'the first measurement counts in full');
  t.is(smoothCapacity(200, work(5, 1, 5)), 200, 'an idle process spends its time on other things');
  t.true((smoothCapacity(10, work(50, 1, 5)) ?? 0) > 10, 'which only lowers the figure');
  const little = smoothCapacity(500, work(10, 0.1)) ?? 0;
  t.true(Math.abs(little - 500) < 10, 'a tenth of a second has little weight');
  const much = smoothCapacity(500, work(2000, 20)) ?? 0;
  t.true(Math.abs(much - 100) < 10, '20 s of busy time have full weight');
  t.is(smoothCapacity(Number.NaN, undefined), undefined);
  t.true(CAPACITY_PRIOR > 0);
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
  { name: 'scale-out is immediate', given: input(2, load(450)), replicas: 5, reason: 'FollowingQueue' },
  {
    name: 'scale-out from a small number adds at most four',
    given: input(2, load(1800)),
    replicas: 6,
    says: /scale-out to 20 in steps/,
  },
  { name: 'scale-out from a large number at most doubles it', given: input(8, load(1800)), replicas: 16 },
  {
    name: 'the next scale-out step waits 15 s',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(14), from: 2 } } }),
    replicas: 6,
    says: /within 15 s/,
  },
  {
    name: 'a part of a step leaves the rest for the same 15 s',
    given: input(3, load(1800), { previous: { scaleOut: { since: ago(5), from: 2 } } }),
    replicas: 6,
  },
  {
    name: 'after 15 s it continues',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(15), from: 2 } } }),
    replicas: 12,
  },
  {
    name: 'a time slightly in the future, by another leader, counts as now',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(-20), from: 2 } } }),
    replicas: 6,
    says: /within 15 s/,
  },
  {
    name: 'a leader with a clock one hour ahead does not block the next leader for an hour',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(-3600), from: 2 } } }),
    replicas: 12,
  },
  {
    name: 'a scale-in does not delay a scale-out',
    given: input(6, load(810), { previous: { lastScaleTime: ago(2), lastScaleDirection: 'Down' } }),
    replicas: 9,
  },
  {
    name: 'frames that wait while Pods start ask for no more of them',
    given: input(4, load(260, { depth: 30_000, oldestSeconds: 20 }), {
      deployment: { replicas: 4, readyReplicas: 1, rolling: false },
      previous: { lastScaleTime: ago(10), lastScaleDirection: 'Up' },
    }),
    replicas: 4,
  },
  {
    name: 'arrivals that rise meanwhile do',
    given: input(4, load(500, { depth: 30_000, oldestSeconds: 20 }), {
      deployment: { replicas: 4, readyReplicas: 1, rolling: false },
      previous: { lastScaleTime: ago(10), lastScaleDirection: 'Up' },
    }),
    replicas: 7,
  },
  {
    name: 'Pods that do not become ready hinder nothing for long',
    given: input(4, load(360, { depth: 30_000, oldestSeconds: 20 }), {
      deployment: { replicas: 4, readyReplicas: 1, rolling: false },
      previous: {
        lastScaleTime: ago(120),
        lastScaleDirection: 'Up',
        growth: { replicas: 1, since: ago(130), completedPerSecond: 100 },
      },
    }),
    replicas: 8,
  },
  {
    name: 'no processor is ready and a frame waits: one more at once',
    given: input(1, load(1, { depth: 1, oldestSeconds: 0.1 }), {
      deployment: { replicas: 1, readyReplicas: 0, rolling: false },
    }),
    replicas: 2,
    says: /no processor is ready while frames wait: one more is started/,
  },
  {
    name: 'and not another one in the next pass',
    given: input(2, load(1, { depth: 9, oldestSeconds: 3 }), {
      deployment: { replicas: 2, readyReplicas: 0, rolling: false },
      previous: { outage: { replicas: 1 } },
    }),
    replicas: 2,
  },
  {
    name: 'a processor that has just started is waited for',
    given: input(1, load(1, { depth: 1, oldestSeconds: 0.1 }), {
      deployment: { replicas: 1, readyReplicas: 0, rolling: false, starting: 1 },
    }),
    replicas: 1,
  },
  {
    name: 'work in flight is no backlog, however much it is',
    given: input(4, load(320, { inFlight: 1280 })),
    replicas: 4,
    reason: 'FollowingQueue',
  },
  {
    name: 'a load that was above the maximum a moment ago is still called limited',
    given: input(20, load(1690), { previous: { lastLimitedTime: ago(60) } }),
    replicas: 20,
    reason: 'Limited',
  },
  {
    name: 'and after two minutes no longer',
    given: input(20, load(1690), { previous: { lastLimitedTime: ago(120) } }),
    replicas: 20,
    reason: 'FollowingQueue',
  },
  {
    name: 'a CPU limit that stops the processors is said',
    given: input(2, {
      ...load(100),
      activity: { completedPerSecond: 100, busyShare: 0.5, throttledShare: 0.4 },
    }),
    replicas: 2,
    says: /the CPU limit stops the processors for 40 % of the time/,
  },
  {
    name: 'never above the maximum',
    given: input(18, load(8100)),
    replicas: 20,
    reason: 'Limited',
    says: /90 recommended; at most maxReplicas \(20\)/,
  },
  { name: 'scale-in removes one per minute', given: input(5, load(0), { previous: calm(1) }), replicas: 4 },
  {
    name: 'scale-in from a large number removes a quarter',
    given: input(40, load(0), { spec: { ...SPEC, maxReplicas: 99 }, previous: calm(1) }),
    replicas: 30,
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
    name: 'a window that is shorter than the time between two decisions scales in, too',
    given: input(5, load(0), {
      spec: { ...SPEC, scaleDownStabilizationSeconds: 0 },
      previous: { recommendedReplicas: 1, recommendations: [{ at: ago(5), replicas: 1 }] },
    }),
    replicas: 4,
  },
  {
    name: 'but not after a time without figures',
    given: input(5, load(0), {
      spec: { ...SPEC, scaleDownStabilizationSeconds: 0 },
      previous: { recommendations: [{ at: ago(5), replicas: 5 }] },
    }),
    replicas: 5,
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
    given: input(2, { ...load(450), arrivalsIncomplete: true }),
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
  {
    name: 'a Prometheus that does not answer holds, and its words are repeated',
    given: input(
      5,
      { ...load(0), problem: 'http://prometheus:9090 did not answer within 3 s' },
      { previous: calm(1) },
    ),
    replicas: 5,
    ...HELD,
    says: /^holding 5: http:\/\/prometheus:9090 did not answer within 3 s$/,
  },
  {
    name: 'mode HPA follows spec.processor.replicas',
    given: input(5, load(810), { spec: { ...SPEC, mode: 'HPA' }, fixedReplicas: 7 }),
    replicas: 7,
    reason: 'FollowingQueue',
    says: /the HorizontalPodAutoscaler decides \(7\); .* 9 recommended/,
  },
  {
    name: 'mode KEDA says that the load is unknown, as KEDA then holds, too',
    given: input(5, {}, { spec: { ...SPEC, mode: 'KEDA' }, fixedReplicas: 5 }),
    replicas: 5,
    ...HELD,
    says: /KEDA decides \(5\); holding 5/,
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
            } satisfies Work,
          }),
          activity: {
            completedPerSecond: done / seconds,
            busyShare: Math.min(1, done / capacity / (seconds * world.replicas)),
          },
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

/** A cluster whose processors wait for something that answers `most` messages per second, however many they are. */
function slowDependency(most: number, seconds: number, signals: Partial<Signals> = {}) {
  const world = { replicas: 1, ready: 1, queue: 0, memory: {} as AutoscalingStatus, now: NOW };
  const decisions: ProcessorScaleDecision[] = [];
  const peaks: number[] = [];
  for (let passed = 0; passed < seconds; passed += 5) {
    const done = Math.min(world.queue + 300 * 5, most * 5);
    world.queue += 300 * 5 - done;
    world.now += 5000;
    const decision = decideProcessors({
      spec: { ...SPEC, maxReplicas: 50 },
      deployment: { replicas: world.replicas, readyReplicas: world.ready, rolling: false },
      signals: {
        ...load(300, { depth: world.queue, oldestSeconds: world.queue / most }),
        work: {
          completed: done,
          busySeconds: world.ready * 5,
          seconds: world.ready * 5,
        },
        activity: { completedPerSecond: done / 5, busyShare: 1 },
        ...signals,
      },
      previous: JSON.parse(JSON.stringify(world.memory)) as AutoscalingStatus,
      now: world.now,
    });
    // A new Pod is ready five seconds later.
    world.ready = world.replicas;
    world.replicas = decision.replicas;
    world.memory = decision.autoscaling;
    decisions.push(decision);
    peaks.push(decision.replicas);
  }
  return { decisions, peak: Math.max(...peaks), last: decisions.at(-1), world };
}

test('processors that complete no more messages are not added, and the evidence is said', (t) => {
  const evidence: readonly (readonly [Partial<Signals>, RegExp])[] = [
    [{ storeSeconds: 0.12 }, /Redis takes 120 ms for an answer/],
    [{}, /they are busy for 100 % of the time; look whether the CPUs of the nodes are used up/],
  ];
  for (const [signals, says] of evidence) {
    const { peak, last } = slowDependency(100, 3600, signals);
    t.true(peak <= 16, `${peak}`);
    t.is(last?.condition.reason, 'NoGain');
    t.is(last?.condition.status, 'True');
    t.regex(
      last?.condition.message ?? '',
      /no scale-out above \d+, as it does not help: \d+ processors complete 100\/s/,
    );
    t.regex(last?.condition.message ?? '', says);
  }
});

test('the ceiling ends when the processors complete more, and when the load has gone', (t) => {
  const { world } = slowDependency(100, 600);
  const { ceiling } = world.memory;
  t.is(ceiling?.completedPerSecond, 100);
  const next = (signals: Signals, laterMs = 5000) =>
    decideProcessors({
      spec: { ...SPEC, maxReplicas: 50 },
      deployment: { replicas: world.replicas, readyReplicas: world.replicas, rolling: false },
      signals,
      previous: world.memory,
      now: world.now + laterMs,
    });
  const waiting = load(2000, { depth: 50_000, oldestSeconds: 300 });
  t.is(next(waiting).autoscaling.ceiling?.since, ceiling?.since);
  t.deepEqual(next({}).autoscaling.ceiling, ceiling, 'unknown figures end nothing');
  const seconds = world.replicas * 5;
  const work = { completed: 1000, busySeconds: seconds, seconds };
  const recovered = next({ ...waiting, work, activity: { completedPerSecond: 200, busyShare: 1 } });
  t.is(recovered.autoscaling.ceiling, undefined);
  t.true(recovered.replicas > world.replicas);
  const calm = next(load(10));
  t.is(calm.autoscaling.ceiling?.replicas, ceiling?.replicas, 'the next wave needs it again');
  t.not(calm.condition.reason, 'NoGain');
  t.is(next(load(10), 600_000).autoscaling.ceiling, undefined);
});

test('processors that all help are added to the maximum', (t) => {
  const world: World = { replicas: 1, queue: 0, memory: {}, now: NOW };
  for (let step = 0; step < 60; step += 1) {
    simulate(world, { ...SPEC, maxReplicas: 40 }, 4000, 100);
    t.is(world.memory.ceiling, undefined);
  }
  t.is(world.replicas, 40);
});

test('without a ceiling that helps, some processors more are tried now and then, and taken back', (t) => {
  const { decisions } = slowDependency(100, 7200);
  const numbers = decisions.map(({ replicas }) => replicas);
  const ceiling = decisions.at(-1)?.autoscaling.ceiling?.replicas ?? 0;
  t.true(ceiling > 0);
  const probe = ceiling + Math.ceil(ceiling / 4);
  const later = numbers.slice(120);
  t.deepEqual(new Set(later.filter((number) => number > probe || number < ceiling)), new Set());
  const begins = later.filter((number, index) => number === probe && later[index - 1] !== probe);
  t.true(begins.length >= 3 && begins.length <= 8, `${begins.length} probes in two hours`);
  t.is(later.at(-1), later.at(-1) === probe ? probe : ceiling);
});

test('a ceiling that was a mistake ends with a probe', (t) => {
  const { world } = slowDependency(100, 600);
  const { ceiling } = world.memory;
  const most = ceiling?.replicas ?? 0;
  const own = (ceiling?.completedPerSecond ?? 0) / most;
  let { memory, replicas, now } = world;
  for (let step = 0; step < 400 && memory.ceiling !== undefined; step += 1) {
    now += 5000;
    // Each processor does what it can, as the messages only became dearer.
    const decision = decideProcessors({
      spec: { ...SPEC, maxReplicas: 50 },
      deployment: { replicas, readyReplicas: replicas, rolling: false },
      signals: {
        ...load(300, { depth: 50_000, oldestSeconds: 300 }),
        activity: { completedPerSecond: replicas * own, busyShare: 1 },
      },
      previous: memory,
      now,
    });
    ({ replicas, autoscaling: memory } = decision);
  }
  t.is(memory.ceiling, undefined);
  t.true(now - world.now < 1_200_000, 'within 20 minutes');
});

test('in mode HPA the recommendation does not fall while the load is not known in full', (t) => {
  const recommended = (more: Partial<ProcessorScaleInput>, signals: Signals = load(100)) =>
    decideProcessors({
      ...input(10, signals, { spec: { ...SPEC, mode: 'HPA' }, fixedReplicas: 10 }),
      ...more,
    }).autoscaling.recommendedReplicas;
  t.is(recommended({}), 2);
  t.is(recommended({}, { ...load(100), arrivalsIncomplete: true }), 10);
  t.is(recommended({ deployment: { replicas: 10, readyReplicas: 10, rolling: true } }), 10);
  t.is(recommended({}, {}), undefined, 'absent, so that the autoscaler holds');
});

test('a pass between two readings decides as the one before', (t) => {
  const old = load(500, { depth: 8000, oldestSeconds: 40 });
  const activity = { completedPerSecond: 790, busyShare: 1 };
  const work = { completed: 4000, busySeconds: 40, seconds: 40 };
  const first = decideProcessors(input(8, { ...old, activity, work }));
  const second = decideProcessors(input(8, { ...old, activity }));
  t.is(second.replicas, first.replicas);
  t.deepEqual(second.autoscaling.growth, first.autoscaling.growth);
});

test('a change of the mode keeps the number of processors', (t) => {
  const internal = decideProcessors(input(7, load(560), { fixedReplicas: 2 }));
  t.is(internal.replicas, 7);
  t.is(internal.autoscaling.ignoredReplicas, 2);
  for (const mode of ['Off', 'HPA', 'KEDA'] as const) {
    const pass = (previous: AutoscalingStatus, fixedReplicas?: number) =>
      decideProcessors({
        ...input(7, load(560), { spec: { ...SPEC, mode } }),
        previous,
        ...(fixedReplicas !== undefined && { fixedReplicas }),
      });
    const first = pass(internal.autoscaling, 2);
    t.deepEqual([first.replicas, first.seedReplicas], [7, 7], `${mode}: 2 is a leftover`);
    const stale = pass(first.autoscaling, 2);
    t.deepEqual([stale.replicas, stale.seedReplicas], [7, 7], `${mode}: the cache does not show it yet`);
    const seen = pass(stale.autoscaling, 7);
    t.deepEqual([seen.replicas, seen.seedReplicas], [7, undefined], mode);
    const scaled = pass(seen.autoscaling, 2);
    t.deepEqual([scaled.replicas, scaled.seedReplicas], [2, undefined], `${mode}: now it is an order`);
    const ordered = pass(internal.autoscaling, 5);
    t.deepEqual([ordered.replicas, ordered.seedReplicas], [5, undefined], `${mode}: changed with the mode`);
    const without = pass(decideProcessors(input(7, load(560))).autoscaling);
    t.deepEqual([without.replicas, without.seedReplicas], [7, mode === 'Off' ? undefined : 7], mode);
    const back = decideProcessors({
      ...input(7, load(0), { fixedReplicas: 2 }),
      previous: scaled.autoscaling,
    });
    t.is(back.replicas, 2, 'back in mode Internal the number is where it was');
  }
});
