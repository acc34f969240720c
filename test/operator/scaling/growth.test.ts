/** A simulated cluster: the number follows the load, and stops where more processors do not help. Modes. */
import test from 'ava';
import { assert, integer, property, record } from 'fast-check';
import type { AutoscalingStatus } from '../../../operator/api/ocpp-cluster.ts';
import type { ProcessorScaleDecision, ProcessorScaleInput } from '../../../operator/scaling/decision.ts';
import type { Signals } from '../../../operator/scaling/demand.ts';
import { decideProcessors } from '../../../operator/scaling/processors.ts';
import { input, load, NOW, simulate, SPEC, type World } from './situations.ts';

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
