/**
 * The autoscaler of the processors in modes HPA and KEDA. It scales the OcppCluster, never the Deployment: the operator is
 * the only writer of Deployment.spec.replicas in every mode, and copies spec.processor.replicas into it.
 */
import type { KubeObject } from '../../kube/object-store.ts';
import type { RenderInput } from '../render-input.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import { behaviorOf } from './scale-policy.ts';
import { scaledObject } from './scaled-object.ts';

/**
 * Nothing while spec.processor.replicas is not set: the API server answers a read of the scale subresource with 500 then, and
 * neither autoscaler works. A scale of 0 turns a HorizontalPodAutoscaler off.
 */
export function processorAutoscaler(input: RenderInput): KubeObject[] {
  const { replicas, autoscaling } = input.spec.processor;
  if (replicas === undefined || input.holdAutoscaler === true) return [];
  const behavior = behaviorOf(autoscaling.scaleDownStabilizationSeconds, input.pauseScaleIn === true);
  if (autoscaling.mode === 'HPA') return [horizontalPodAutoscaler(input, behavior)];
  return autoscaling.mode === 'KEDA' ? scaledObject(input, behavior) : [];
}
