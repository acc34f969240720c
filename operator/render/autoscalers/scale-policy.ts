/** What both kinds of autoscalers have in common: the object that they scale, and how fast. */
import type { V2HorizontalPodAutoscalerBehavior } from '@kubernetes/client-node';
import type { RenderInput } from '../render-input.ts';

/** Its scale subresource maps spec.replicas to spec.processor.replicas. */
export const targetOf = ({ cluster }: RenderInput) => ({
  apiVersion: cluster.apiVersion,
  kind: cluster.kind,
  name: cluster.metadata.name,
});

/** About the steps of mode Internal: out at most +4 or x2 in 15 s, in one Pod or a quarter a minute after the window. */
export function behaviorOf(
  stabilizationSeconds: number,
  pauseScaleIn: boolean,
): V2HorizontalPodAutoscalerBehavior {
  return {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    },
    scaleDown: {
      stabilizationWindowSeconds: stabilizationSeconds,
      selectPolicy: pauseScaleIn ? 'Disabled' : 'Max',
      policies: [
        { type: 'Pods', value: 1, periodSeconds: 60 },
        { type: 'Percent', value: 25, periodSeconds: 60 },
      ],
    },
  };
}
