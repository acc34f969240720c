/** The operator's own decision as a scaler of the model. Its state is only what the status of a cluster keeps. */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';
import type { ScalingPolicy } from '../scaling/decision.ts';
import { decideProcessors } from '../scaling/processors.ts';
import type { Scaler } from './world.ts';

export function ownScaler(spec: ScalingPolicy): Scaler {
  let kept: string | undefined;
  return {
    name: 'operator',
    decide({ now, replicas, readyReplicas, signals }) {
      const previous = kept === undefined ? {} : (JSON.parse(kept) as AutoscalingStatus);
      const decision = decideProcessors({
        spec: { ...spec, mode: 'Internal' },
        deployment: { replicas, readyReplicas, rolling: false, starting: replicas - readyReplicas },
        signals,
        previous,
        now,
      });
      kept = JSON.stringify(decision.autoscaling);
      return { replicas: decision.replicas, why: decision.autoscaling.reason ?? '' };
    },
  };
}
