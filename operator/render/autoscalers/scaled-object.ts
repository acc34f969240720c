/**
 * Mode KEDA: a ScaledObject with a trigger that asks Prometheus, by default for the recommendation of the operator. Needs KEDA
 * 2.17, the first version with fallback.behavior.
 */
import type { V2HorizontalPodAutoscalerBehavior } from '@kubernetes/client-node';
import type { KubeObject } from '../../kube/object-store.ts';
import { nameOf, owned, type RenderInput } from '../render-input.ts';
import { SCALED_OBJECTS, TRIGGER_AUTHENTICATIONS } from '../resources.ts';
import { targetOf } from './scale-policy.ts';

/** Shown by `kubectl get scaledobject`; known from KEDA 2.18 on. What stops the scale-in is selectPolicy, in every version. */
const PAUSED_SCALE_IN = { 'autoscaling.keda.sh/paused-scale-in': 'true' };

/** Failed readings of the trigger in a row, after which the fallback applies. Until then the number is held, too. */
const FAILURES = 3;

export function scaledObject(input: RenderInput, behavior: V2HorizontalPodAutoscalerBehavior): KubeObject[] {
  const { prometheus, minReplicas, maxReplicas } = input.spec.processor.autoscaling;
  if (prometheus === undefined || input.serves?.(SCALED_OBJECTS) !== true) return [];
  const authentication = triggerAuthentication(input);
  const spec = {
    scaleTargetRef: targetOf(input),
    minReplicaCount: minReplicas,
    maxReplicaCount: maxReplicas,
    // While Prometheus does not answer, the number stays: KEDA requires `replicas` and does not use it then.
    fallback: { failureThreshold: FAILURES, replicas: maxReplicas, behavior: 'currentReplicas' },
    advanced: { horizontalPodAutoscalerConfig: { behavior } },
    triggers: [trigger(input, prometheus.url)],
  };
  const annotations = input.pauseScaleIn === true ? { annotations: PAUSED_SCALE_IN } : {};
  return [...authentication, owned(input, SCALED_OBJECTS, 'processor', { spec }, annotations)];
}

/** AverageValue: KEDA has a fallback for no other type before 2.18, and Value would multiply by the current number. */
function trigger(input: RenderInput, serverAddress: string): object {
  const { keda, prometheus } = input.spec.processor.autoscaling;
  const name = keda.triggerAuthentication ?? ownAuthentication(input);
  const byToken = keda.triggerAuthentication === undefined && prometheus?.tokenSecretRef !== undefined;
  return {
    type: 'prometheus',
    metricType: 'AverageValue',
    metadata: {
      serverAddress,
      query: keda.query ?? recommendation(input),
      threshold: keda.threshold,
      // An absent series is an error, not 0.
      ignoreNullValues: 'false',
      ...(byToken && { authModes: 'bearer' }),
    },
    ...(name !== undefined && { authenticationRef: { name } }),
  };
}

/** max: around a change of the leader two operator Pods may have a series. */
const recommendation = ({ namespace, cluster }: RenderInput) =>
  `max(ocpp_operator_processors_recommended{namespace="${namespace}",cluster="${cluster.metadata.name}"})`;

function ownAuthentication(input: RenderInput): string | undefined {
  const { prometheus } = input.spec.processor.autoscaling;
  const isNeeded = prometheus?.caSecretRef !== undefined || prometheus?.tokenSecretRef !== undefined;
  return isNeeded ? nameOf(input.cluster, 'processor') : undefined;
}

/** KEDA reads the Secrets itself. It uses the CA only together with an authentication mode, here the bearer token. */
function triggerAuthentication(input: RenderInput): KubeObject[] {
  const { keda, prometheus } = input.spec.processor.autoscaling;
  if (keda.triggerAuthentication !== undefined || ownAuthentication(input) === undefined) return [];
  const { caSecretRef, tokenSecretRef } = prometheus ?? {};
  const secretTargetRef = [
    ...(tokenSecretRef === undefined ? [] : [{ parameter: 'bearerToken', ...tokenSecretRef }]),
    ...(caSecretRef === undefined ? [] : [{ parameter: 'ca', ...caSecretRef }]),
  ];
  return [owned(input, TRIGGER_AUTHENTICATIONS, 'processor', { spec: { secretTargetRef } })];
}
