/** What Deployments, StatefulSets and Pods say of themselves, as far as the operator looks. Pure. */
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
    readonly template?: {
      readonly spec?: {
        readonly containers?: readonly { readonly image?: string }[];
        readonly volumes?: readonly {
          readonly name: string;
          readonly secret?: { readonly secretName?: string };
        }[];
      };
    };
    /** Of a StatefulSet. */
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
  readonly wanted: number;
  readonly replicas: number;
  readonly ready: number;
  /** Pods of an old and of the current template side by side. */
  readonly rolling: boolean;
  /** Its controller has not looked at the last change (of size or template) yet. */
  readonly unseen: boolean;
}

export function stateOf(workload: Workload | undefined): WorkloadState {
  const { replicas = 0, readyReplicas = 0, updatedReplicas = 0, observedGeneration } = workload?.status ?? {};
  const wanted = workload?.spec?.replicas ?? 0;
  const unseen = workload !== undefined && (observedGeneration ?? 0) < (workload.metadata.generation ?? 0);
  return { wanted, replicas, ready: readyReplicas, rolling: updatedReplicas < replicas, unseen };
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

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** A volume that is being made, a node that is on its way: no news before, ms. */
const SCHEDULING_MS = 30_000;
/** A container that crashed again and again is not well because it was started anew, ms. */
const CRASHING_MS = 60_000;

/** A Pod that is not ready for so long needs somebody, whatever it says of itself, ms. */
const UNREADY_MS = 120_000;

/** Why a Pod does not run: not schedulable, no image, crashing, never ready. @param now ms since 1970 */
export function podTrouble(pod: Pod, now: number): string | undefined {
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
      return `Pod ${metadata.name} waits: ${why.join(': ')}`;
    }
    const crash = younger(container.state?.running?.startedAt, CRASHING_MS) ? crashOf(container) : undefined;
    if (crash !== undefined) return `Pod ${metadata.name} ${crash}`;
  }
  return unready(pod, younger);
}

/** A Secret that is not there, a volume that hangs on another node: such Pods wait with no word of a reason in their status. */
function unready(
  { metadata, status }: Pod,
  younger: (time: string | undefined, ms: number) => boolean,
): string | undefined {
  const ready = (status?.conditions ?? []).find(({ type }) => type === 'Ready');
  // A Pod that is ending is not ready for as long as its stations take.
  if (ready?.status !== 'False' || metadata.deletionTimestamp !== undefined) return undefined;
  if (ready.lastTransitionTime === undefined || younger(ready.lastTransitionTime, UNREADY_MS))
    return undefined;
  const waiting = status?.containerStatuses?.find(({ state }) => state?.waiting !== undefined)?.state
    ?.waiting;
  const how = waiting?.reason === undefined ? 'see its log' : `it waits: ${waiting.reason}; see its Events`;
  return `Pod ${metadata.name} is not ready since ${ready.lastTransitionTime}: ${how}`;
}

function crashOf({ ready, restartCount = 0, lastState }: ContainerStatus): string | undefined {
  const { terminated } = lastState ?? {};
  if (ready === true || restartCount < 2 || terminated === undefined || terminated.exitCode === 0) {
    return undefined;
  }
  const { reason = 'Error', exitCode } = terminated;
  return `was restarted ${restartCount} times, last after ${reason} (exit code ${exitCode}); see its log with --previous`;
}
