/** The load shapes, each with the operator's own scaling and with HorizontalPodAutoscalers of several targets. */
import type { ScalingPolicy } from '../scaling/decision.ts';
import { type Figures, figuresOf, meanOf } from './figures.ts';
import { hpa } from './hpa.ts';
import { ownScaler } from './own-scaler.ts';
import { CAPACITY, type Shape, shifted } from './shapes.ts';
import { run, type Scaler } from './world.ts';

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
const USUAL_TARGET = CAPACITY;
const TARGETS = [0.7, 10, USUAL_TARGET, 100, 500] as const;

/**
 * Each shape begins at these times, s. A scaler that acts every 15 s reacts after 1 to 15 s, and one run would show its luck.
 */
export const PHASES = [0, 3, 6, 9, 12] as const;

export interface Result {
  readonly scaler: string;
  /** Of all phases. */
  readonly figures: Figures;
}

export interface Comparison {
  readonly shape: Shape;
  readonly own: Result;
  readonly usual: Result;
  /** The one that drained soonest; of several, the one with the fewest pod-minutes. */
  readonly best: Result;
}

export function compare(shape: Shape): Comparison {
  const hpaOf = (target: number) => resultOf(shape, () => hpa({ ...POLICY, target }));
  const usual = hpaOf(USUAL_TARGET);
  const best = TARGETS.filter((target) => target !== USUAL_TARGET)
    .map(hpaOf)
    .reduce((one, other) => (isBetter(other.figures, one.figures) ? other : one), usual);
  return { shape, own: resultOf(shape, () => ownScaler(POLICY)), usual, best };
}

function resultOf(shape: Shape, create: () => Scaler): Result {
  const figures = PHASES.map((phase) => {
    const { conditions, disturbedAt } = shifted(shape, phase);
    return figuresOf(run(conditions, create(), replicasBefore(shape)), disturbedAt);
  });
  return { scaler: create().name, figures: meanOf(figures) };
}

/** What the load before the disturbance needs, with processors that are busy for 80 % of their time. */
export const replicasBefore = ({ conditions }: Shape): number =>
  Math.max(1, Math.ceil(conditions.arrivals(0) / (0.8 * CAPACITY)));

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

function row(name: string, { scaler, figures }: Result, needed: number): string {
  const { drainSeconds } = figures;
  const cells = [
    name,
    scaler,
    `${figures.peakReplicas} (${needed})`,
    drainSeconds === undefined ? 'not drained' : Math.round(drainSeconds),
    Math.round(figures.lateSeconds),
    Math.round(figures.oldestSeconds),
    Math.round(figures.podMinutes),
    Math.round(figures.changes),
  ];
  return `| ${cells.join(' | ')} |`;
}
