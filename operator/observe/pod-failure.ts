/** Why a Pod does not run: unschedulable, no image, crashing, never ready. Pure. */
import type { Component } from '../render/render-input.ts';
import type { ContainerStatus, Pod } from './workloads.ts';

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

/** Time allowed for creating a volume or adding a node, ms. */
const SCHEDULING_MS = 30_000;
/** A container that crashed has recovered once it has been ready for this time, ms. */
const RECOVERED_MS = 60_000;
/** A Pod that is not ready for longer is reported, whatever its status says, ms. */
const UNREADY_MS = 120_000;

/** The field that raises the memory limit of a component. */
const MEMORY_LIMIT: Readonly<Record<Component, string>> = {
  'ws-proxy': 'spec.proxy.podTemplate.resources.limits.memory',
  processor: 'spec.processor.podTemplate.resources.limits.memory',
  redis: 'spec.redis.embedded.podTemplate.resources.limits.memory',
  api: 'spec.api.podTemplate.resources.limits.memory',
  'bill-sink': 'spec.billing.sink.podTemplate.resources.limits.memory',
};

/**
 * @param now ms since 1970
 * @param event what its Events say, for a Pod whose status gives no reason
 */
export function podFailure(pod: Pod, now: number, event?: string): string | undefined {
  const { phase } = pod.status ?? {};
  // Kubernetes has replaced it already.
  if (phase === 'Failed' || phase === 'Succeeded') return undefined;
  const silent = silentNode(pod);
  // A terminating Pod is not ready until its stations have left, and its program may end as it likes.
  if (silent !== undefined || pod.metadata.deletionTimestamp !== undefined) return silent;
  if (event !== undefined && lacksReason(pod, now))
    return `Pod ${pod.metadata.name} does not start: ${event}`;
  return unscheduled(pod, now) ?? containerFailure(pod, now) ?? unready(pod, now);
}

/** A Pod that waits for longer has a problem; a second is what its volumes and its sandbox usually take, ms. */
const STARTING_MS = 8000;

/** Whether the Pod does not start and its status does not say why: its Events, or those of its volume claims, do. */
export function lacksReason(pod: Pod, now: number): boolean {
  const { metadata, spec, status } = pod;
  if (metadata.deletionTimestamp !== undefined || status?.phase !== 'Pending') return false;
  if (isYounger(metadata.creationTimestamp, STARTING_MS, now)) return false;
  if (spec?.nodeName === undefined) return claimsOf(pod).length > 0;
  const statuses = status.containerStatuses ?? [];
  return statuses.every(({ state }) => state?.waiting?.reason === 'ContainerCreating');
}

export const claimsOf = ({ spec }: Pod): string[] =>
  (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);

/** Reasons of the Ready condition that a kubelet writes. */
const OF_KUBELET = new Set([
  'ContainersNotReady',
  'ReadinessGatesNotReady',
  'UnknownContainerStatuses',
  'PodCompleted',
  'PodFailed',
]);

/**
 * When a node stops answering, Kubernetes sets the Pod to not ready and leaves everything else as the kubelet reported it
 * last. A kubelet that answers gives a reason.
 */
function silentNode(pod: Pod): string | undefined {
  const { metadata, spec, status } = pod;
  const ready = conditionOf(pod, 'Ready');
  const statuses = status?.containerStatuses ?? [];
  const alive = statuses.length > 0 && statuses.every((one) => one.ready === true);
  if (ready?.status !== 'False' || OF_KUBELET.has(ready.reason ?? '') || !alive) return undefined;
  return (
    `Pod ${metadata.name} cannot be reached: its node ${spec?.nodeName ?? ''} does not answer. Kubernetes replaces ` +
    'the Pod after some minutes; if the machine is off, see "When the node of the embedded Redis is lost" in docs/operations.md'
  );
}

const isYounger = (time: string | undefined, ms: number, now: number) => now - Date.parse(time ?? '') < ms;

const conditionOf = ({ status }: Pod, type: string) =>
  (status?.conditions ?? []).find((one) => one.type === type);

function unscheduled(pod: Pod, now: number): string | undefined {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  if (isYounger(scheduled.lastTransitionTime, SCHEDULING_MS, now)) return undefined;
  return `Pod ${pod.metadata.name} cannot be scheduled: ${scheduled.message ?? 'no node fits'}`;
}

function containerFailure(pod: Pod, now: number): string | undefined {
  for (const container of pod.status?.containerStatuses ?? []) {
    const { reason, message } = container.state?.waiting ?? {};
    const crash = crashOf(pod, container, now);
    if (reason !== undefined && STUCK.has(reason)) {
      const why = [reason, message, crash].filter((one) => one !== undefined);
      return `Pod ${pod.metadata.name} is waiting: ${why.join(': ')}`;
    }
    if (crash !== undefined) return `Pod ${pod.metadata.name} ${crash}`;
  }
  return undefined;
}

/**
 * The last crash, until the container has been ready for a while: a crash loop alternates between waiting, running and
 * terminated, and must look the same in each.
 */
function crashOf(pod: Pod, container: ContainerStatus, now: number): string | undefined {
  const { restartCount = 0, state, lastState } = container;
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended === undefined || (state?.running !== undefined && hasRecovered(pod, container, now)))
    return undefined;
  // Redis ends with 0 to read a new password, and is ready again at once.
  if (ended.exitCode === 0 && (restartCount < 2 || container.ready === true)) return undefined;
  const { reason = 'Error', exitCode } = ended;
  const times = restartCount === 1 ? 'once' : `${restartCount} times`;
  const happened = restartCount === 0 ? `ended with ${reason}` : `restarted ${times}, last after ${reason}`;
  return `${happened} (exit code ${exitCode}); ${remedy(pod, reason)}`;
}

function hasRecovered(pod: Pod, { ready, state }: ContainerStatus, now: number): boolean {
  const { status, lastTransitionTime } = conditionOf(pod, 'Ready') ?? {};
  const started = Date.parse(state?.running?.startedAt ?? '');
  const changed = Date.parse(lastTransitionTime ?? '') || started;
  if (ready === true) return now - Math.max(started, changed) >= RECOVERED_MS;
  // It was ready in between and has another problem now.
  return status === 'False' && changed - started >= RECOVERED_MS;
}

function remedy({ metadata }: Pod, reason: string): string {
  const component = metadata.labels?.['app.kubernetes.io/component'];
  const field = MEMORY_LIMIT[component as Component] as string | undefined;
  if (reason === 'OOMKilled' && field !== undefined) return `it needs more memory: raise ${field}`;
  return 'see kubectl logs --previous';
}

/** A missing Secret, a volume still attached to another node: the status of such Pods gives no reason. */
function unready(pod: Pod, now: number): string | undefined {
  const ready = conditionOf(pod, 'Ready');
  if (ready?.status !== 'False' || ready.lastTransitionTime === undefined) return undefined;
  if (isYounger(ready.lastTransitionTime, UNREADY_MS, now)) return undefined;
  const statuses = pod.status?.containerStatuses ?? [];
  const waiting = statuses.find(({ state }) => state?.waiting !== undefined)?.state?.waiting;
  const hint = waiting?.reason === undefined ? 'see its log' : `${waiting.reason}; see its Events`;
  return `Pod ${pod.metadata.name} has not been ready since ${ready.lastTransitionTime}: ${hint}`;
}
