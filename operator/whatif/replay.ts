/** Replays a recording: its arrivals through the model, with the operator's own scaling and with a HorizontalPodAutoscaler. */
import { type Figures, figuresOf } from './figures.ts';
import { hpa } from './hpa.ts';
import { ownScaler } from './own-scaler.ts';
import type { Policy } from './policy.ts';
import type { Recording } from './recording.ts';
import { type Conditions, run, type Run } from './world.ts';

export interface ReplayOptions {
  /** Time until a new Pod is ready. */
  readonly startupSeconds: number;
  /** Messages per processor of the HorizontalPodAutoscaler; absent: what a processor handles in a second. */
  readonly hpaTarget?: number | undefined;
}

export interface Replay {
  readonly own: Run;
  readonly hpa: Run;
  readonly figures: { readonly own: Figures; readonly hpa: Figures };
  readonly hpaTarget: number;
  /** What a busy processor handled per second, in the middle. */
  readonly capacity: number;
}

export function replay(recording: Recording, policy: Policy, options: ReplayOptions): Replay {
  const at =
    <T>(values: readonly T[], missing: T) =>
    (second: number) =>
      values[second] ?? missing;
  const capacity = median(recording.capacity);
  const conditions: Conditions = {
    seconds: recording.seconds,
    arrivals: at(recording.arrivals, 0),
    capacity: at(recording.capacity, capacity),
    blind: at(recording.blind, true),
    startupSeconds: () => options.startupSeconds,
    concurrency: policy.concurrency,
  };
  const { minReplicas, maxReplicas } = policy.autoscaling;
  const first = recording.recorded[0]?.replicas ?? minReplicas;
  const replicas = Math.min(maxReplicas, Math.max(minReplicas, first));
  const hpaTarget = options.hpaTarget ?? Math.max(1, Math.round(capacity));
  const own = run(conditions, ownScaler(policy.autoscaling), replicas);
  const other = run(conditions, hpa({ minReplicas, maxReplicas, target: hpaTarget }), replicas);
  return {
    own,
    hpa: other,
    figures: { own: figuresOf(own, 0), hpa: figuresOf(other, 0) },
    hpaTarget,
    capacity,
  };
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 1;
