/** Node drains take one Pod of a component at a time. */
import type { V1PodDisruptionBudgetSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../kube/object-store.ts';
import { DISRUPTION_BUDGETS } from './resources.ts';
import { owned, selectorLabels, type View } from './render-input.ts';

export function disruptionBudget(view: View, component: 'ws-proxy' | 'processor'): KubeObject {
  const spec = {
    maxUnavailable: 1,
    // A Pod that is not ready anyway must not hold up the drain of its node.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: selectorLabels(view.cluster, component) },
  } satisfies V1PodDisruptionBudgetSpec;
  return owned(view, DISRUPTION_BUDGETS, component, { spec });
}
