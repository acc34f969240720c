/** What the operator's scaling achieves on each load shape, and that docs/autoscaling.md has the table that the model computes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compare, PHASES, POLICY, replicasBefore, shapesTable } from '../../../operator/whatif/comparison.ts';
import { ownScaler } from '../../../operator/whatif/own-scaler.ts';
import { type Shape, SHAPES, shifted } from '../../../operator/whatif/shapes.ts';
import { SHAPES_PAGE, withTable } from '../../../operator/whatif/shapes-page.ts';
import { type Moment, run } from '../../../operator/whatif/world.ts';

const comparisons = SHAPES.map((shape) => compare(shape));

const comparisonOf = (name: string) => {
  const found = comparisons.find(({ shape }) => shape.name === name);
  if (found === undefined) throw new Error(`there is no shape "${name}"`);
  return found;
};

/** One run for each phase: the moments from `from` to `to`, in seconds after the disturbance began. */
function momentsOf(name: string, from: number, to: number): readonly (readonly Moment[])[] {
  return PHASES.map((phase) => {
    const shape: Shape = shifted(comparisonOf(name).shape, phase);
    const { moments } = run(shape.conditions, ownScaler(POLICY), replicasBefore(shape));
    return moments.slice(shape.disturbedAt + from, shape.disturbedAt + to);
  });
}
const most = (moments: readonly Moment[]) => Math.max(...moments.map(({ replicas }) => replicas));

test('the table of the page is the one that the model computes', (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../..', SHAPES_PAGE), 'utf8');
  t.is(page, withTable(page, shapesTable(comparisons)), 'npm run whatif -- --shapes --write');
});

for (const name of ['step', 'ramp', 'morning peak', 'storm after an outage']) {
  const { own, usual, best } = comparisonOf(name);
  const drain = own.figures.drainSeconds ?? Infinity;
  test(`${name}: the backlog drains sooner than with a HorizontalPodAutoscaler of the usual target`, (t) => {
    t.true(drain < (usual.figures.drainSeconds ?? Infinity));
    t.true(own.figures.lateSeconds < usual.figures.lateSeconds);
  });
  test(`${name}: no HorizontalPodAutoscaler drains the backlog sooner`, (t) => {
    t.true(drain <= (best.figures.drainSeconds ?? Infinity), `${drain} s, ${best.scaler}`);
  });
  test(`${name}: at most 1.2 times the pod-minutes of the best HorizontalPodAutoscaler`, (t) => {
    t.true(own.figures.podMinutes <= 1.2 * best.figures.podMinutes, `${own.figures.podMinutes}`);
  });
}

test('step: at most one processor more than the load needs at 85 % of their time', (t) => {
  const { own, shape } = comparisonOf('step');
  t.true(own.figures.peakReplicas <= Math.ceil(shape.needed / 0.85) + 1, `${own.figures.peakReplicas}`);
});

test('slow dependency: the number stays far from the maximum while more processors do not help', (t) => {
  for (const moments of momentsOf('slow dependency', 0, 900)) t.true(most(moments) <= 10, `${most(moments)}`);
});

test('flapping: few changes in half an hour', (t) => {
  const { own } = comparisonOf('flapping');
  t.true(own.figures.changes <= 8, `${own.figures.changes}`);
  for (const moments of momentsOf('flapping', 120, 1800)) {
    const numbers = moments.map(({ replicas }) => replicas);
    const changes = numbers.filter((replicas, index) => index > 0 && replicas !== numbers[index - 1]);
    t.true(changes.length <= 2, `${changes.join(', ')} after the first waves`);
  }
});

test('ten minutes without metrics: the number is held', (t) => {
  for (const moments of momentsOf('ten minutes without metrics', 121, 720))
    t.is(new Set(moments.map(({ replicas }) => replicas)).size, 1);
});

test('slow start: Pods that are not ready yet are no reason for more', (t) => {
  for (const moments of momentsOf('slow start', 0, 900))
    t.true(most(moments) < POLICY.maxReplicas, `${most(moments)}`);
});

test('poison flood: the number returns to what the remaining load needs', (t) => {
  for (const moments of momentsOf('poison flood', 0, 2600)) t.true((moments.at(-1)?.replicas ?? 0) <= 4);
});
