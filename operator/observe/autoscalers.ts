/** The autoscaler of the processors as the cluster has it: its state, and whether one of another mode is left over. Pure. */
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

/** By the mode that has it; undefined while it does not exist. */
export interface Autoscalers {
  readonly HPA?: Autoscaler | undefined;
  readonly KEDA?: Autoscaler | undefined;
}

/**
 * Whether the autoscaler of the other mode still exists. KEDA's webhook refuses a ScaledObject whose target already has a
 * HorizontalPodAutoscaler. One that is being deleted does not count: its finalizer needs KEDA, which may be gone.
 */
export function hasOtherAutoscaler(found: Autoscalers | undefined, mode: Mode): boolean {
  const other = mode === 'HPA' ? found?.KEDA : mode === 'KEDA' ? found?.HPA : undefined;
  return other !== undefined && other.metadata.deletionTimestamp === undefined;
}
