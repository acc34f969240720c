/** The model of a cluster, and the HorizontalPodAutoscaler beside the operator. */
import test from 'ava';
import { figuresOf } from '../../../operator/whatif/figures.ts';
import { hpa } from '../../../operator/whatif/hpa.ts';
import { type Conditions, run, type Scaler, type View } from '../../../operator/whatif/world.ts';

const BASE: Conditions = {
  seconds: 600,
  arrivals: () => 40,
  capacity: () => 50,
  startupSeconds: () => 10,
  concurrency: 1,
};
/** Has this number of processors from a time on; keeps what it saw. */
function fixed(replicas: number, from = 0): Scaler & { readonly views: View[] } {
  const views: View[] = [];
  return {
    name: 'fixed',
    views,
    decide(view) {
      views.push(view);
      return { replicas: views.length * 5 >= from ? replicas : view.replicas, why: 'test' };
    },
  };
}

test('enough processors: nothing waits, and the signals show the load and the capacity', (t) => {
  const scaler = fixed(2);
  const { moments } = run(BASE, scaler, 2);
  t.true(moments.every(({ backlog }) => backlog === 0));
  const signals = scaler.views.at(-1)?.signals ?? {};
  t.like(signals, { arrivalRate: 40, recentArrivalRate: 40 });
  t.like(signals.queue, { depth: 0, oldestSeconds: 0, inFlight: 1, ageMs: 0 });
  const { work } = signals;
  t.is(Math.round((work?.completed ?? 0) / (work?.busySeconds ?? 1)), 50);
  t.is(Math.round((signals.activity?.handlerSeconds ?? 0) * 1000), 20);
});

test('too few processors: the backlog grows by the difference, and its age with it', (t) => {
  const scaler = fixed(1);
  const { moments } = run({ ...BASE, arrivals: () => 60 }, scaler, 1);
  const last = moments.at(-1);
  t.is(Math.round(last?.backlog ?? 0), 6000);
  t.is(Math.round(last?.oldestSeconds ?? 0), 100);
  t.is(Math.round(scaler.views.at(-1)?.signals.queue?.oldestSeconds ?? 0), 100);
});

test('a new Pod works after its start-up; a removed one at once no more', (t) => {
  const { moments } = run({ ...BASE, arrivals: () => 200 }, fixed(3, 300), 1);
  t.like(moments[305], { replicas: 3, ready: 1, completed: 50 });
  t.like(moments[315], { replicas: 3, ready: 3, completed: 150 });
  const smaller = run({ ...BASE, arrivals: () => 200 }, fixed(1, 300), 3);
  t.like(smaller.moments[305], { replicas: 1, ready: 1, completed: 50 });
});

test('a shared limit makes more processors useless; failing messages take five deliveries', (t) => {
  const slow = run({ ...BASE, sharedCapacity: () => 30 }, fixed(8), 8);
  t.is(slow.moments.at(-1)?.completed, 30);
  const failing = run({ ...BASE, arrivals: () => 20, failing: () => 0.5 }, fixed(1), 1);
  t.is(Math.round(failing.moments.at(-1)?.backlog ?? 0), Math.round(600 * (20 - 50 / 3)));
});

test('without metrics the last reading grows old, and then nothing is known', (t) => {
  const scaler = fixed(2);
  run({ ...BASE, blind: (second) => second > 300 }, scaler, 2);
  t.is(scaler.views.find(({ signals }) => signals.arrivalRate === undefined) === undefined, false);
  t.true((scaler.views.at(-1)?.signals.queue?.ageMs ?? Infinity) > 15_000);
});

test('the same seed makes the same run, another one another', (t) => {
  const arrivals = (seed: number) =>
    run({ ...BASE, seed }, fixed(2), 2).moments.map(({ arrived }) => arrived);
  t.deepEqual(arrivals(1), arrivals(1));
  t.notDeepEqual(arrivals(1), arrivals(2));
  const mean = arrivals(3).reduce((sum, one) => sum + one, 0) / BASE.seconds;
  t.true(Math.abs(mean - 40) < 1, `${mean}`);
});

const POLICY = { minReplicas: 1, maxReplicas: 20, target: 100 };
const START = Date.parse('2026-01-05T00:00:00Z');
/** The numbers that an HPA sets, for totals that it reads every 15 s. */
function numbersOf(totals: readonly (number | undefined)[], first: number): number[] {
  const scaler = hpa(POLICY);
  const numbers: number[] = [];
  for (const [index, total] of totals.entries()) {
    const replicas = numbers.at(-1) ?? first;
    const queue =
      total === undefined ? {} : { queue: { depth: total, inFlight: 0, oldestSeconds: 0, ageMs: 0 } };
    const now = START + index * 15_000;
    numbers.push(scaler.decide({ now, replicas, readyReplicas: replicas, signals: queue }).replicas);
  }
  return numbers;
}

const RULES: readonly (readonly [string, readonly (number | undefined)[], number, readonly number[]])[] = [
  ['total divided by the target, rounded up', [450], 4, [5]],
  ['within 10 % of the target nothing changes', [439, 361], 4, [4, 4]],
  ['at most four more in 15 s', [2000, 2000], 1, [5, 10]],
  ['or twice as many', [2000], 8, [16]],
  ['never above the maximum', [9000, 9000], 16, [20, 20]],
  ['without the metric no change', [undefined, undefined], 7, [7, 7]],
  [
    'a scale-in waits for the window of 300 s',
    [500, ...Array.from({ length: 20 }, () => 0)],
    5,
    [...Array.from({ length: 20 }, () => 5), 1],
  ],
];
for (const [name, totals, first, numbers] of RULES) {
  test(`HPA: ${name}`, (t) => {
    t.deepEqual(numbersOf(totals, first), [...numbers]);
  });
}

test('a run whose last second is late is not drained', (t) => {
  const late = figuresOf(run({ ...BASE, arrivals: () => 60 }, fixed(1), 1), 0);
  t.is(late.drainSeconds, undefined);
  t.is(late.podMinutes, 10);
  t.is(figuresOf(run(BASE, fixed(1), 1), 0).drainSeconds, 0);
});
