/** Situations in which the scaler of the processors decides. */
import type { AutoscalingStatus } from '../../../operator/api/ocpp-cluster.ts';
import type {
  ProcessorScaleDecision,
  ProcessorScaleInput,
  ScalingPolicy,
} from '../../../operator/scaling/decision.ts';
import type { Signals, Work } from '../../../operator/scaling/demand.ts';
import { decideProcessors } from '../../../operator/scaling/processors.ts';

export const NOW = Date.parse('2026-11-23T12:00:00Z');
export const SPEC: ScalingPolicy = {
  mode: 'Internal',
  minReplicas: 1,
  maxReplicas: 20,
  targetDrainSeconds: 10,
  scaleDownStabilizationSeconds: 300,
};
export const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
export const IDLE = { depth: 0, oldestSeconds: 0, inFlight: 0, ageMs: 1000 };
export const load = (arrivalRate: number, queue: object = {}): Signals => ({
  arrivalRate,
  queue: { ...IDLE, ...queue },
});

/** A cluster of `replicas` ready processors, each with a capacity of 100/s. */
export function input(
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
export const calm = (replicas: number): AutoscalingStatus => ({
  recommendations: [{ at: ago(200), replicas }],
});

export interface World {
  replicas: number;
  queue: number;
  memory: AutoscalingStatus;
  now: number;
}

/** Five seconds of a cluster whose processors really handle `capacity` per second. */
export function simulate(
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
