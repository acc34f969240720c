/** What holds of the decision in any conditions: random loads, capacities, start-up delays and times without metrics. */
import test from 'ava';
import { array, assert, boolean, integer, property, record } from 'fast-check';
import { decideProcessors } from '../../../operator/scaling/processors.ts';
import type { ScalingPolicy } from '../../../operator/scaling/decision.ts';
import { ownScaler } from '../../../operator/whatif/own-scaler.ts';
import { type Conditions, run, type Scaler } from '../../../operator/whatif/world.ts';

const POLICIES = record({
  minReplicas: integer({ min: 1, max: 4 }),
  more: integer({ min: 0, max: 30 }),
  targetDrainSeconds: integer({ min: 1, max: 60 }),
  scaleDownStabilizationSeconds: integer({ min: 60, max: 300 }),
}).map(({ more, minReplicas, targetDrainSeconds, scaleDownStabilizationSeconds }): ScalingPolicy => {
  const maxReplicas = minReplicas + more;
  return { mode: 'Internal', minReplicas, maxReplicas, targetDrainSeconds, scaleDownStabilizationSeconds };
});

/** The load of each part of a run, relative to one processor, and whether its metrics are missing. */
const PART = record({
  load: integer({ min: 0, max: 300 }),
  capacity: integer({ min: 15, max: 140 }),
  startupSeconds: integer({ min: 0, max: 90 }),
  isBlind: boolean(),
});
const CLUSTERS = record({
  policy: POLICIES,
  capacity: integer({ min: 5, max: 1000 }),
  concurrency: integer({ min: 1, max: 200 }),
  seed: integer({ min: 1, max: 1_000_000 }),
});
const PART_SECONDS = 180;
/** Of properties that noise could break once in a thousand runs. */
const SEED = 13;

/** Random parts, each for three minutes. @param seconds of the run: the last part lasts */
function conditionsOf(
  { capacity, concurrency, seed }: { capacity: number; concurrency: number; seed: number },
  parts: readonly { load: number; capacity: number; startupSeconds: number; isBlind: boolean }[],
  seconds: number,
): Conditions {
  const partAt = (second: number) =>
    parts[Math.min(parts.length - 1, Math.floor(second / PART_SECONDS))] ?? {
      load: 0,
      capacity: 100,
      startupSeconds: 0,
      isBlind: false,
    };
  return {
    seconds,
    seed,
    concurrency,
    arrivals: (second) => (partAt(second).load * capacity) / 100,
    capacity: (second) => (partAt(second).capacity * capacity) / 100,
    startupSeconds: (second) => partAt(second).startupSeconds,
    blind: (second) => partAt(second).isBlind,
  };
}

/** Calls `look` with every decision. */
function watched(
  policy: ScalingPolicy,
  look: (before: number, after: number, isKnown: boolean) => void,
): Scaler {
  const scaler = ownScaler(policy);
  return {
    name: scaler.name,
    decide(view) {
      const decision = scaler.decide(view);
      const { queue, arrivalRate } = view.signals;
      look(
        view.replicas,
        decision.replicas,
        arrivalRate !== undefined && (queue?.ageMs ?? Infinity) <= 15_000,
      );
      return decision;
    },
  };
}

test('the bounds are always held, and unknown data never changes the number', (t) => {
  let unknown = 0;
  assert(
    property(CLUSTERS, array(PART, { minLength: 1, maxLength: 10 }), (cluster, parts) => {
      const { policy } = cluster;
      let holds = true;
      const scaler = watched(policy, (before, after, isKnown) => {
        if (after < policy.minReplicas || after > policy.maxReplicas) holds = false;
        if (!isKnown && after !== before) holds = false;
        if (!isKnown) unknown += 1;
      });
      run(conditionsOf(cluster, parts, parts.length * PART_SECONDS), scaler, policy.minReplicas);
      return holds;
    }),
    { numRuns: 50 },
  );
  t.true(unknown > 50, `${unknown} decisions without data`);
});

test('a fallen load comes down to what it needs, whatever was before', (t) => {
  const later = record({ load: integer({ min: 0, max: 300 }) });
  assert(
    property(CLUSTERS, array(PART, { minLength: 1, maxLength: 6 }), later, (cluster, parts, { load }) => {
      const { policy } = cluster;
      const calm = { load, capacity: 100, startupSeconds: 5, isBlind: false };
      const drained = parts.length * PART_SECONDS;
      const steps = policy.maxReplicas - policy.minReplicas;
      const seconds = drained + 600 + policy.scaleDownStabilizationSeconds + 80 * steps;
      const { moments } = run(conditionsOf(cluster, [...parts, calm], seconds), ownScaler(policy), 1);
      const last = moments.at(-1);
      // Room for noise: a scale-in leaves processors busy for 70 % of their time.
      const enough = Math.ceil(load / 100 / 0.65) + 1;
      const isOverloaded = load / 100 > policy.maxReplicas * 0.85;
      return isOverloaded || (last?.replicas ?? 0) <= Math.max(policy.minReplicas, enough);
    }),
    { numRuns: 25, seed: SEED },
  );
  t.pass();
});

test('on a constant load with noise the number settles: at most one change in 300 s', (t) => {
  assert(
    property(CLUSTERS, integer({ min: 10, max: 1500 }), ({ policy, ...cluster }, load) => {
      const spec = { ...policy, scaleDownStabilizationSeconds: 300, maxReplicas: 30 };
      const constant = { load, capacity: 100, startupSeconds: 5, isBlind: false };
      const { changes } = run(conditionsOf(cluster, [constant], 4800), ownScaler(spec), spec.minReplicas);
      const settled = changes.filter(({ second }) => second > 1800);
      return settled.every(({ second }, index) => second - (settled[index - 1]?.second ?? -Infinity) >= 300);
    }),
    { numRuns: 25, seed: SEED },
  );
  t.pass();
});

/** With fewer messages per second, chance hides that some of them pile up (docs/decisions/0017). */
const FAST_CLUSTERS = CLUSTERS.filter(({ capacity }) => capacity >= 20);

test('a slow dependency never runs to the maximum', (t) => {
  assert(
    property(
      FAST_CLUSTERS,
      integer({ min: 150, max: 400 }),
      integer({ min: 30, max: 90 }),
      (cluster, load, share) => {
        const policy = { ...cluster.policy, minReplicas: 1, maxReplicas: 60, targetDrainSeconds: 10 };
        const before = { load, capacity: 100, startupSeconds: 5, isBlind: false };
        const conditions = conditionsOf(cluster, [before], 2400);
        const arrivals = (load * cluster.capacity) / 100;
        const { moments } = run(
          {
            ...conditions,
            sharedCapacity: (second) => (second > 600 ? (arrivals * share) / 100 : Infinity),
          },
          ownScaler(policy),
          Math.ceil(load / 80),
        );
        return Math.max(...moments.map(({ replicas }) => replicas)) < policy.maxReplicas;
      },
    ),
    { numRuns: 25, seed: SEED },
  );
  t.pass();
});

test('a load that comes in waves to a shared bottleneck does not raise the number with each wave', (t) => {
  for (const length of [40, 120]) {
    const conditions: Conditions = {
      seconds: 5400,
      seed: SEED,
      concurrency: 1,
      arrivals: (second) => (Math.floor(second / length) % 2 === 0 ? 70 : 115),
      capacity: () => 50,
      sharedCapacity: () => 100,
      startupSeconds: () => 5,
    };
    const policy = { mode: 'Internal', minReplicas: 1, maxReplicas: 20, targetDrainSeconds: 10 } as const;
    for (const scaleDownStabilizationSeconds of [0, 60, 300]) {
      const { moments } = run(conditions, ownScaler({ ...policy, scaleDownStabilizationSeconds }), 2);
      const most = Math.max(...moments.map(({ replicas }) => replicas));
      t.true(
        most <= 12,
        `${most} of 20 with waves of ${length} s and a window of ${scaleDownStabilizationSeconds} s`,
      );
    }
  }
});

test('a longer queue never asks for fewer processors', (t) => {
  const now = Date.parse('2026-01-05T00:00:00Z');
  const situation = record({
    policy: POLICIES,
    replicas: integer({ min: 1, max: 30 }),
    notReady: integer({ min: 0, max: 30 }),
    capacity: integer({ min: 1, max: 1000 }),
    arrivalRate: integer({ min: 0, max: 5000 }),
    oldestSeconds: integer({ min: 0, max: 300 }),
    depth: integer({ min: 0, max: 10_000 }),
    longer: integer({ min: 0, max: 100_000 }),
    scaledSecondsAgo: integer({ min: 0, max: 400 }),
  });
  assert(
    property(situation, ({ policy, replicas, notReady, capacity, arrivalRate, oldestSeconds, ...more }) => {
      const readyReplicas = Math.max(0, replicas - notReady);
      const at = (seconds: number) => new Date(now - seconds * 1000).toISOString();
      const decided = (depth: number) =>
        decideProcessors({
          spec: policy,
          deployment: { replicas, readyReplicas, rolling: false, starting: replicas - readyReplicas },
          signals: {
            arrivalRate,
            recentArrivalRate: arrivalRate,
            queue: { depth, oldestSeconds, inFlight: readyReplicas, ageMs: 1000 },
          },
          previous: {
            desiredReplicas: replicas,
            capacityPerReplica: capacity,
            lastScaleTime: at(more.scaledSecondsAgo),
            recommendations: [{ at: at(200), replicas: 1 }],
          },
          now,
        }).replicas;
      return decided(more.depth + more.longer) >= decided(more.depth);
    }),
    { numRuns: 1000 },
  );
  t.pass();
});
