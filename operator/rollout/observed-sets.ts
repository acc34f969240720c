/** The proxy sets of a cluster, from its Deployments and Pods and from what the Pods report. Pure. */
import { quantity } from '../api/quantity.ts';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import { idOf, isPodOf, type Observed, podsOf } from '../observe/observe.ts';
import { podFailure } from '../observe/pod-failure.ts';
import { isReady, type Pod, type Workload } from '../observe/workloads.ts';
import { nameOf } from '../render/render-input.ts';
import { SERVED_UNTIL_ANNOTATION, SET_LABEL, TEMPLATE_ANNOTATION } from '../render/revision.ts';
import type { PodReports } from './pod-reports.ts';
import type { ProxyPod, ProxySet } from './proxy-set.ts';
import { timeOf } from './step.ts';

export interface SetSources {
  readonly cluster: OcppCluster;
  readonly observed: Observed;
  readonly reports: PodReports;
  /** Open station sockets by Pod id, from metrics. */
  readonly sessionsOf?: ReadonlyMap<string, number> | undefined;
  /** The template that the spec asks for, and its hash. */
  readonly rendered: { readonly template: object; readonly hash: string };
  /** ms since 1970 */
  readonly now: number;
}

export function observedSets(sources: SetSources): ProxySet[] {
  const { observed } = sources;
  const pods = podsOf(observed, 'ws-proxy');
  return observed.proxySets.map((set) => ({
    name: set.metadata.name,
    template: templateOf(set, sources.rendered),
    replicas: set.spec?.replicas ?? 0,
    lastUsedAt: lastUsedAt(set),
    pods: pods.filter((pod) => isPodOf(pod, set) && !hasEnded(pod)).map((pod) => proxyPod(pod, sources)),
  }));
}

const lastUsedAt = ({ metadata: { annotations = {}, creationTimestamp = '' } }: Workload) =>
  Date.parse(annotations[SERVED_UNTIL_ANNOTATION] ?? creationTimestamp) || 0;

/**
 * A Deployment of an earlier release has no hash. It runs the rendered template if that has no field with another value: an
 * upgrade of the operator must not replace its Pods.
 */
function templateOf(set: Workload, { template, hash }: SetSources['rendered']): string {
  const known = set.metadata.annotations?.[TEMPLATE_ANNOTATION];
  if (known !== undefined) return known;
  return isPartOf(JSON.parse(JSON.stringify(template)), set.spec?.template) ? hash : 'unknown';
}

/** Lists have to be of the same length. The API server writes `0.5` as `500m`, and leaves out empty texts. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) && part.length === whole.length && part.every((one, i) => isPartOf(one, whole[i]))
    );
  }
  if (part === '') return whole === undefined || whole === '';
  if (typeof part === 'string' && typeof whole === 'string')
    return part === whole || isSameQuantity(part, whole);
  if (typeof part !== 'object' || part === null) return part === whole;
  if (typeof whole !== 'object' || whole === null) return Object.keys(part).length === 0;
  return Object.entries(part).every(([key, value]) =>
    isPartOf(value, (whole as Record<string, unknown>)[key]),
  );
}

const isSameQuantity = (one: string, other: string) =>
  [one, other].every((text) => /^[0-9.]+[A-Za-z]*$/.test(text)) && quantity(one) === quantity(other);

function proxyPod(pod: Pod, { reports, sessionsOf, now }: SetSources): ProxyPod {
  const { metadata, status } = pod;
  const id = idOf(pod);
  const condition = (type: string) => status?.conditions?.find((one) => one.type === type);
  const since = (time: string | undefined) => Date.parse(time ?? '') || now;
  const scheduled = condition('PodScheduled');
  const failure = podFailure(pod, now);
  const report = reports.reports.get(id);
  const selfTest = reports.selfTests.get(id);
  const sessions = sessionsOf?.get(id);
  const ready = isReady(pod);
  return {
    id,
    name: metadata.name,
    ready,
    createdAt: since(metadata.creationTimestamp),
    terminating: metadata.deletionTimestamp !== undefined,
    restarts: (status?.containerStatuses ?? []).reduce((sum, one) => sum + (one.restartCount ?? 0), 0),
    ...(ready && { readySince: since(condition('Ready')?.lastTransitionTime) }),
    ...(!ready && { unreadySince: since(condition('Ready')?.lastTransitionTime) }),
    ...(scheduled?.status === 'False' && { unschedulableSince: since(scheduled.lastTransitionTime) }),
    ...(failure !== undefined && { failure }),
    ...(sessions !== undefined && { sessions }),
    ...(report !== undefined && { report }),
    ...(selfTest !== undefined && { selfTest }),
  };
}

/**
 * Labels by which the Service selects this set alone. Pods of the Deployment of earlier releases have no label of a set;
 * while another set exists, the hash that Kubernetes gives to their template selects them.
 */
export function servingLabels(
  { cluster, observed }: Pick<SetSources, 'cluster' | 'observed'>,
  serving: string,
  isAlone: boolean,
): Readonly<Record<string, string>> {
  const plain = nameOf(cluster, 'ws-proxy');
  if (serving !== plain) return { [SET_LABEL]: serving };
  if (isAlone) return {};
  // While Kubernetes replaces its Pods, there are two hashes: the one with the most ready Pods serves.
  const ready = new Map<string, number>();
  for (const pod of podsOf(observed, 'ws-proxy')) {
    const hash = pod.metadata.labels?.[POD_TEMPLATE_HASH];
    if (pod.metadata.labels?.[SET_LABEL] !== undefined || hash === undefined || hasEnded(pod)) continue;
    ready.set(hash, (ready.get(hash) ?? 0) + (isReady(pod) ? 1 : 0));
  }
  const [most] = [...ready].sort(([, x], [, y]) => y - x);
  return most === undefined ? {} : { [POD_TEMPLATE_HASH]: most[0] };
}

/** Evicted, or its node was shut down: only the object is left. */
const hasEnded = ({ status }: Pod) => status?.phase === 'Failed' || status?.phase === 'Succeeded';

/** The Deployment controller labels Pods with it. */
const POD_TEMPLATE_HASH = 'pod-template-hash';

/**
 * A set as it is, with another number of Pods: its template must not change.
 * @param now ms since 1970
 */
export function keptSet(set: Workload, replicas: number, now: number): Workload {
  const { name, namespace, labels, annotations = {}, ownerReferences } = set.metadata;
  const own = Object.entries(annotations).filter(([key]) => key.startsWith('ocpp.dev/'));
  return {
    apiVersion: set.apiVersion,
    kind: set.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      annotations: {
        ...Object.fromEntries(own),
        ...(replicas === 0 && { [SERVED_UNTIL_ANNOTATION]: timeOf(now) }),
      },
      ...(ownerReferences !== undefined && { ownerReferences }),
    },
    spec: { ...set.spec, replicas },
  };
}
