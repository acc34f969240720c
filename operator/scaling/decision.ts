/** What a decision on the number of processors takes and gives. */
import type { AutoscalingStatus, Condition, DefaultedProcessorAutoscaling } from '../api/ocpp-cluster.ts';
import type { Demand, Load, Signals } from './demand.ts';

/** spec.processor.autoscaling, as far as it concerns the number. */
export type ScalingPolicy = Pick<
  DefaultedProcessorAutoscaling,
  'mode' | 'minReplicas' | 'maxReplicas' | 'targetDrainSeconds' | 'scaleDownStabilizationSeconds'
>;

export interface ProcessorDeployment {
  readonly replicas: number;
  readonly readyReplicas: number;
  /** Pods of the old and of the new template run at the same time. */
  readonly rolling: boolean;
  /** Pods that were created a moment ago and are not ready yet. */
  readonly starting?: number;
}

export interface ProcessorScaleInput {
  readonly spec: ScalingPolicy;
  /** spec.processor.replicas: applies in all modes but Internal. */
  readonly fixedReplicas?: number;
  /** The current Deployment; absent before it exists. */
  readonly deployment?: ProcessorDeployment;
  readonly signals: Signals;
  readonly previous: AutoscalingStatus;
  /** Scale-in is paused by annotation. */
  readonly holdScaleIn?: boolean;
  /** ms since 1970 */
  readonly now: number;
  /** Older readings count as missing, ms. */
  readonly staleMs?: number;
}

export interface ProcessorScaleDecision {
  readonly replicas: number;
  readonly autoscaling: AutoscalingStatus;
  /** AutoscalingActive. */
  readonly condition: Pick<Condition, 'status' | 'reason' | 'message'>;
  /** To be written to spec.processor.replicas: another one decides from now on, and begins with the present number. */
  readonly seedReplicas?: number;
}

/** What the load asks for, in every mode. */
export interface Recommendation {
  /** The present number. */
  readonly current: number;
  /** A text: why it is unknown. */
  readonly load: Load | string;
  readonly capacity: number | undefined;
  /** Before bounds, windows and steps. */
  readonly demand: Demand | undefined;
  /** The same, but no more than helps. Undefined: unknown. */
  readonly replicas: number | undefined;
  readonly limits: readonly string[];
  /** The state to keep. */
  readonly kept: AutoscalingStatus;
}
