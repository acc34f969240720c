/** The fields of Deployments, StatefulSets and Pods that the operator reads, their state, and why they fail. Pure. */
import type { KubeObject } from '../kube/object-store.ts';

interface WorkloadCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** Deployment or StatefulSet. */
export interface Workload extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec?: {
        readonly containers?: readonly {
          readonly image?: string;
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
        }[];
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
      readonly ready?: boolean;
      readonly restartCount?: number;
      readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly running?: { readonly startedAt?: string };
      };
      readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly exitCode: number } };
    }[];
  };
}

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

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');

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

/** Waiting reasons that do not resolve by themselves. */
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

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** Time allowed for creating a volume or adding a node, ms. */
const SCHEDULING_MS = 30_000;
/** A container that crashed repeatedly still counts as crashing for this time after a restart, ms. */
const CRASHING_MS = 60_000;

/** A Pod that is not ready for longer is reported, whatever its status says, ms. */
const UNREADY_MS = 120_000;

/** Why a Pod does not run: unschedulable, no image, crashing, never ready. @param now ms since 1970 */
export function podFailure(pod: Pod, now: number): string | undefined {
  const { metadata, status } = pod;
  const younger = (time: string | undefined, ms: number) => now - Date.parse(time ?? '') < ms;
  const scheduled = (status?.conditions ?? []).find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    if (younger(scheduled.lastTransitionTime, SCHEDULING_MS)) return undefined;
    return `Pod ${metadata.name} cannot be scheduled: ${scheduled.message ?? 'no node fits'}`;
  }
  for (const container of status?.containerStatuses ?? []) {
    const { reason, message } = container.state?.waiting ?? {};
    if (reason !== undefined && STUCK.has(reason)) {
      const crash = crashOf(container);
      const why = [reason, message, crash].filter((one) => one !== undefined);
      return `Pod ${metadata.name} is waiting: ${why.join(': ')}`;
    }
    const crash = younger(container.state?.running?.startedAt, CRASHING_MS) ? crashOf(container) : undefined;
    if (crash !== undefined) return `Pod ${metadata.name} ${crash}`;
  }
  return unready(pod, younger);
}

/** A missing Secret, a volume still attached to another node: the status of such Pods gives no reason. */
function unready(
  { metadata, status }: Pod,
  younger: (time: string | undefined, ms: number) => boolean,
): string | undefined {
  const ready = (status?.conditions ?? []).find(({ type }) => type === 'Ready');
  // A draining Pod is not ready until its stations have left.
  if (ready?.status !== 'False' || metadata.deletionTimestamp !== undefined) return undefined;
  if (ready.lastTransitionTime === undefined || younger(ready.lastTransitionTime, UNREADY_MS))
    return undefined;
  const waiting = status?.containerStatuses?.find(({ state }) => state?.waiting !== undefined)?.state
    ?.waiting;
  const hint = waiting?.reason === undefined ? 'see its log' : `${waiting.reason}; see its Events`;
  return `Pod ${metadata.name} has not been ready since ${ready.lastTransitionTime}: ${hint}`;
}

function crashOf({ ready, restartCount = 0, lastState }: ContainerStatus): string | undefined {
  const { terminated } = lastState ?? {};
  if (ready === true || restartCount < 2 || terminated === undefined || terminated.exitCode === 0) {
    return undefined;
  }
  const { reason = 'Error', exitCode } = terminated;
  return `restarted ${restartCount} times, last after ${reason} (exit code ${exitCode}); see kubectl logs --previous`;
}
