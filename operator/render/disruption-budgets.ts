/**
 * PodDisruptionBudgets: the drain of a node evicts one Pod of a component at a time. With one Pod there is none, as it would
 * block the drain. The lowest possible number of Pods decides, so that scaling does not create and delete the budget again and again.
 */
import type { V1PodDisruptionBudgetSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../kube/object-store.ts';
import { DISRUPTION_BUDGETS } from './resources.ts';
import { type Component, owned, selectorLabels, type RenderInput } from './render-input.ts';

export function processorDisruptionBudget(input: RenderInput): KubeObject[] {
  const { autoscaling } = input.spec.processor;
  const minimum = autoscaling.mode === 'Off' ? input.processorReplicas : autoscaling.minReplicas;
  return minimum > 1 ? [disruptionBudget(input, 'processor')] : [];
}

export function proxyDisruptionBudget(input: RenderInput): KubeObject[] {
  const { autoscaling, replicas } = input.spec.proxy;
  return (autoscaling?.minReplicas ?? replicas) > 1 ? [disruptionBudget(input, 'ws-proxy')] : [];
}

export function apiDisruptionBudget(input: RenderInput): KubeObject[] {
  return input.spec.api.replicas > 1 ? [disruptionBudget(input, 'api')] : [];
}

function disruptionBudget(input: RenderInput, component: Component): KubeObject {
  const spec = {
    maxUnavailable: 1,
    // An unready Pod must not block the drain of its node.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: selectorLabels(input.cluster, component) },
  } satisfies V1PodDisruptionBudgetSpec;
  return owned(input, DISRUPTION_BUDGETS, component, { spec });
}
