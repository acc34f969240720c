/** What Deployments, StatefulSets and Pods say of themselves, as far as the operator looks. Pure. */
import type { KubeObject } from '../kube/object-store.ts';

interface WorkloadCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Deployment or StatefulSet. */
export interface Workload extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly conditions?: readonly WorkloadCondition[];
  };
}

export interface Pod extends KubeObject {
  readonly spec?: {
    readonly containers?: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly WorkloadCondition[];
    readonly containerStatuses?: readonly {
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

export interface WorkloadState {
  readonly wanted: number;
  readonly replicas: number;
  readonly ready: number;
  /** Pods of an old and of the current template side by side, or the controller has not looked yet. */
  readonly rolling: boolean;
}

export function stateOf(workload: Workload | undefined): WorkloadState {
  const { replicas = 0, readyReplicas = 0, updatedReplicas = 0, observedGeneration } = workload?.status ?? {};
  const wanted = workload?.spec?.replicas ?? 0;
  const unseen = workload !== undefined && (observedGeneration ?? 0) < (workload.metadata.generation ?? 0);
  return { wanted, replicas, ready: readyReplicas, rolling: unseen || updatedReplicas < replicas };
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');

/** Why a Deployment or StatefulSet cannot make its Pods (quota, admission, a refused field). */
export function workloadTrouble(workload: Workload | undefined): string | undefined {
  const found = (workload?.status?.conditions ?? []).find(
    ({ type, status, reason }) =>
      (type === 'ReplicaFailure' && status === 'True') ||
      (type === 'Progressing' && reason === 'ProgressDeadlineExceeded'),
  );
  if (found === undefined || workload === undefined) return undefined;
  return `${workload.kind} ${workload.metadata.name}: ${found.message ?? found.reason ?? 'not progressing'}`;
}

/** A container that waits for these will not start by waiting. */
const STUCK = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

/** Why a Pod does not run: not schedulable, no image, crashing. */
export function podTrouble({ metadata, status }: Pod): string | undefined {
  const scheduled = (status?.conditions ?? []).find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    return `Pod ${metadata.name} cannot be scheduled: ${scheduled.message ?? 'no node fits'}`;
  }
  for (const { state } of status?.containerStatuses ?? []) {
    const { reason, message } = state?.waiting ?? {};
    if (reason !== undefined && STUCK.has(reason)) {
      return `Pod ${metadata.name} waits: ${reason}${message === undefined ? '' : `: ${message}`}`;
    }
  }
  return undefined;
}
