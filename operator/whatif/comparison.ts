/** The load shapes, each with the operator's own scaling and with HorizontalPodAutoscalers of several targets. */
import type { ScalingPolicy } from '../scaling/processors.ts';
import { type Figures, figuresOf } from './figures.ts';
import { hpa } from './hpa.ts';
import { ownScaler } from './own-scaler.ts';
import { CAPACITY, type Shape } from './shapes.ts';
import { run, type Run, type Scaler } from './world.ts';

/** The defaults of spec.processor.autoscaling. */
export const POLICY: ScalingPolicy = {
  mode: 'Internal',
  minReplicas: 1,
  maxReplicas: 20,
  targetDrainSeconds: 10,
  scaleDownStabilizationSeconds: 300,
};

/**
 * Messages per processor that the HorizontalPodAutoscalers aim at. The usual one is what a processor handles in a second: the
 * accepted delay divided by the time for a message. 0.7 is the share of its time that a processor with concurrency 1 is busy.
 */
export const USUAL_TARGET = CAPACITY;
export const TARGETS = [0.7, 10, 25, USUAL_TARGET, 100, 250, 500] as const;

export interface Result {
  readonly run: Run;
  readonly figures: Figures;
}

export interface Comparison {
  readonly shape: Shape;
  readonly own: Result;
  readonly usual: Result;
  /** The one that drained soonest; of several, the one with the fewest pod-minutes. */
  readonly best: Result;
}

export function compare(shape: Shape, policy: ScalingPolicy = POLICY): Comparison {
  const hpas = TARGETS.map((target) => [target, resultOf(shape, hpa({ ...policy, target }))] as const);
  const [first, ...others] = hpas.map(([, result]) => result);
  const usual = hpas.find(([target]) => target === USUAL_TARGET)?.[1];
  if (first === undefined || usual === undefined) throw new Error('there is no usual target');
  const best = others.reduce((one, other) => (isBetter(other.figures, one.figures) ? other : one), first);
  return { shape, own: resultOf(shape, ownScaler(policy)), usual, best };
}

/** Both begin with what the load before the disturbance needs, with processors that are busy for 80 % of their time. */
export function resultOf(shape: Shape, scaler: Scaler): Result {
  const { conditions, disturbedAt } = shape;
  const replicas = Math.max(1, Math.ceil(conditions.arrivals(0) / (0.8 * CAPACITY)));
  const result = run(conditions, scaler, replicas);
  return { run: result, figures: figuresOf(result, disturbedAt) };
}

function isBetter(one: Figures, other: Figures): boolean {
  const [a, b] = [one.drainSeconds ?? Infinity, other.drainSeconds ?? Infinity];
  return a < b || (a === b && one.podMinutes < other.podMinutes);
}

const HEAD = [
  '| shape | scaled by | most processors (needed) | time to drain, s | late, s | greatest age, s | pod-minutes | changes |',
  '|---|---|---|---|---|---|---|---|',
];

/** A table in Markdown. */
export function shapesTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(({ shape, own, usual, best }) => {
    const hpas = best === usual ? [usual] : [usual, best];
    return [
      row(`**${shape.name}**: ${shape.what}`, own, shape.needed),
      ...hpas.map((result) => row('', result, shape.needed)),
    ];
  });
  return [...HEAD, ...rows].join('\n');
}

function row(name: string, { run: { scaler }, figures }: Result, needed: number): string {
  const cells = [
    name,
    scaler,
    `${figures.peakReplicas} (${needed})`,
    figures.drainSeconds ?? 'not drained',
    figures.lateSeconds,
    figures.oldestSeconds,
    Math.round(figures.podMinutes),
    figures.changes,
  ];
  return `| ${cells.join(' | ')} |`;
}
