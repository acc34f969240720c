/** The fields of Deployments, StatefulSets and Pods that the operator reads, and their state. Pure. */
import type { KubeObject } from '../kube/object-store.ts';

interface WorkloadCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** Of a container; others than those of the spec may have `valueFrom`. */
export interface Variable {
  readonly name: string;
  readonly value?: string;
}

/** Deployment or StatefulSet. */
export interface Workload extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec?: {
        readonly containers?: readonly { readonly image?: string; readonly env?: readonly Variable[] }[];
        readonly volumes?: readonly {
          readonly name: string;
          readonly secret?: { readonly secretName?: string };
        }[];
      };
    };
    /** StatefulSet only. */
    readonly volumeClaimTemplates?: readonly {
      readonly spec?: { readonly resources?: { readonly requests?: Readonly<Record<string, string>> } };
    }[];
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly conditions?: readonly WorkloadCondition[];
  };
}

interface Termination {
  readonly reason?: string;
  readonly exitCode: number;
}

export interface Pod extends KubeObject {
  readonly spec?: {
    /** Absent: it is not scheduled yet. */
    readonly nodeName?: string;
    readonly volumes?: readonly {
      readonly name: string;
      readonly persistentVolumeClaim?: { readonly claimName: string };
    }[];
    readonly containers?: readonly {
      readonly env?: readonly Variable[];
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly WorkloadCondition[];
    readonly containerStatuses?: readonly {
      readonly ready?: boolean;
      /** Its startup probe has succeeded. */
      readonly started?: boolean;
      readonly restartCount?: number;
      readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly running?: { readonly startedAt?: string };
        readonly terminated?: Termination;
      };
      readonly lastState?: { readonly terminated?: Termination };
    }[];
  };
}

export type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

export interface WorkloadState {
  readonly desired: number;
  readonly replicas: number;
  readonly ready: number;
  /** Pods of an old and of the current template run at the same time. */
  readonly rolling: boolean;
  /** Its controller has not processed the last change (of size or template): observedGeneration lags behind. */
  readonly generationNotObserved: boolean;
}

export function stateOf(workload: Workload | undefined): WorkloadState {
  const { replicas = 0, readyReplicas = 0, updatedReplicas = 0, observedGeneration } = workload?.status ?? {};
  const desired = workload?.spec?.replicas ?? 0;
  const generationNotObserved =
    workload !== undefined && (observedGeneration ?? 0) < (workload.metadata.generation ?? 0);
  const rolling = updatedReplicas < replicas;
  return { desired, replicas, ready: readyReplicas, rolling, generationNotObserved };
}

/** It has stations even if it is not ready: one that hangs is not ready either. */
export const hasStarted = ({ status }: Pod): boolean =>
  status?.containerStatuses?.some(({ started }) => started === true) === true;

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');

/** Time in ms since 1970. Undefined: it is not ready. */
export function readySince(pod: Pod): number | undefined {
  const condition = pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True');
  const at = Date.parse(condition?.lastTransitionTime ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** Why a Deployment or StatefulSet cannot create its Pods (quota, admission, a rejected field). */
export function workloadFailure(workload: Workload | undefined): string | undefined {
  const found = (workload?.status?.conditions ?? []).find(
    ({ type, status, reason }) =>
      (type === 'ReplicaFailure' && status === 'True') ||
      (type === 'Progressing' && reason === 'ProgressDeadlineExceeded'),
  );
  if (found === undefined || workload === undefined) return undefined;
  return `${workload.kind} ${workload.metadata.name}: ${found.message ?? found.reason ?? 'not progressing'}`;
}
