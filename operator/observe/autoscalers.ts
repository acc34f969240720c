/** The autoscaler of the processors as the cluster has it: which one the mode uses, and which one is left over. Pure. */
import type { DefaultedProcessorAutoscaling } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';

export type Mode = DefaultedProcessorAutoscaling['mode'];

export interface AutoscalerCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A HorizontalPodAutoscaler or a ScaledObject. */
export interface Autoscaler extends KubeObject {
  readonly status?: { readonly conditions?: readonly AutoscalerCondition[] | null };
}

export interface Autoscalers {
  readonly HPA?: Autoscaler | undefined;
  readonly KEDA?: Autoscaler | undefined;
}

/** Of this mode; undefined while it does not exist, and in the modes that have none. */
export const autoscalerOf = (found: Autoscalers | undefined, mode: Mode): Autoscaler | undefined =>
  mode === 'HPA' || mode === 'KEDA' ? found?.[mode] : undefined;

/**
 * Whether the autoscaler of the other mode still exists. KEDA's webhook refuses a ScaledObject whose target already has a
 * HorizontalPodAutoscaler. One that is being deleted does not count: its finalizer needs KEDA, which may be gone.
 */
export function hasOtherAutoscaler(found: Autoscalers | undefined, mode: Mode): boolean {
  const other = mode === 'HPA' ? found?.KEDA : mode === 'KEDA' ? found?.HPA : undefined;
  return other !== undefined && other.metadata.deletionTimestamp === undefined;
}
