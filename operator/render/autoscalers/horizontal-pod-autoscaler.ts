/** Mode HPA: a HorizontalPodAutoscaler with one external metric, by default the recommendation of the operator. */
import type {
  V2HorizontalPodAutoscalerBehavior,
  V2HorizontalPodAutoscalerSpec,
} from '@kubernetes/client-node';
import type { KubeObject } from '../../kube/object-store.ts';
import { owned, type RenderInput } from '../render-input.ts';
import { HORIZONTAL_POD_AUTOSCALERS } from '../resources.ts';
import { targetOf } from './scale-policy.ts';

export function horizontalPodAutoscaler(
  input: RenderInput,
  behavior: V2HorizontalPodAutoscalerBehavior,
): KubeObject {
  const { minReplicas, maxReplicas, hpa } = input.spec.processor.autoscaling;
  const matchLabels = hpa.matchLabels ?? {
    namespace: input.namespace,
    cluster: input.cluster.metadata.name,
  };
  const spec = {
    scaleTargetRef: targetOf(input),
    minReplicas,
    maxReplicas,
    metrics: [
      {
        type: 'External',
        external: {
          metric: { name: hpa.metricName, selector: { matchLabels } },
          // The value is a number of Pods, so Value, which multiplies by the current number, would run away.
          target: { type: 'AverageValue', averageValue: hpa.averageValue },
        },
      },
    ],
    behavior,
  } satisfies V2HorizontalPodAutoscalerSpec;
  return owned(input, HORIZONTAL_POD_AUTOSCALERS, 'processor', { spec });
}
