/** The objects of a cluster, from the caches. Makes no request. */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import type { KubeObject, OwnerReference } from '../kube/object-store.ts';
import { ADMIN_VOLUME } from '../render/admin-access.ts';
import { CLUSTER_ID, LOGIN } from '../render/redis-access.ts';
import type { Running } from '../render/release.ts';
import { REVISION_ANNOTATION, SET_LABEL } from '../render/revision.ts';
import {
  DEPLOYMENTS,
  HORIZONTAL_POD_AUTOSCALERS,
  PODS,
  SCALED_OBJECTS,
  SERVICES,
  STATEFUL_SETS,
} from '../render/resources.ts';
import {
  type Component,
  clusterLabels,
  componentLabels,
  nameOf,
  selectorText,
} from '../render/render-input.ts';
import type { Autoscalers } from './autoscalers.ts';
import type { Pod, Workload } from './workloads.ts';

export interface Observed {
  /** The proxy set that the Service selects. */
  readonly proxy: Workload | undefined;
  /** All proxy sets: the Deployments of ws-proxy Pods. */
  readonly proxySets: readonly Workload[];
  readonly processor: Workload | undefined;
  readonly redis: Workload | undefined;
  readonly api?: Workload | undefined;
  readonly billSink?: Workload | undefined;
  readonly proxyService: ProxyService | undefined;
  /** Of the processors, in modes HPA and KEDA. */
  readonly autoscalers?: Autoscalers;
  readonly pods: readonly Pod[];
}

interface ProxyService extends KubeObject {
  readonly spec?: { readonly selector?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
}

export function observe(caches: Caches, cluster: OcppCluster): Observed {
  const { namespace = 'default' } = cluster.metadata;
  const labelSelector = selectorText(clusterLabels(cluster));
  const find = (resource: typeof DEPLOYMENTS, component: Component) => {
    const found = caches.get({ resource, namespace, name: nameOf(cluster, component) });
    // An object of this name that another owner created says nothing about the cluster.
    return found !== undefined && belongsTo(found, cluster) ? found : undefined;
  };
  const proxyService: ProxyService | undefined = find(SERVICES, 'ws-proxy');
  const ofProxies = selectorText(componentLabels(cluster, 'ws-proxy'));
  const proxySets: readonly Workload[] = caches
    .list(DEPLOYMENTS, { namespace, labelSelector: ofProxies })
    .filter((one) => belongsTo(one, cluster));
  return {
    proxy: servingSet(proxySets, proxyService, nameOf(cluster, 'ws-proxy')),
    proxySets,
    processor: find(DEPLOYMENTS, 'processor'),
    redis: find(STATEFUL_SETS, 'redis'),
    api: find(DEPLOYMENTS, 'api'),
    billSink: find(DEPLOYMENTS, 'bill-sink'),
    proxyService,
    autoscalers: {
      HPA: find(HORIZONTAL_POD_AUTOSCALERS, 'processor'),
      KEDA: find(SCALED_OBJECTS, 'processor'),
    },
    pods: caches.list(PODS, { namespace, labelSelector }),
  };
}

/** By the selector of the Service; one without the label of a set selects the Deployment of earlier releases, or the only set. */
function servingSet(
  sets: readonly Workload[],
  service: ProxyService | undefined,
  plainName: string,
): Workload | undefined {
  const selected = service?.spec?.selector?.[SET_LABEL];
  const found = sets.find(({ metadata }) => metadata.name === (selected ?? plainName));
  return found ?? (selected === undefined && sets.length === 1 ? sets[0] : undefined);
}

export const isOwnedBy = (object: KubeObject, owner: KubeObject): boolean =>
  (object.metadata.ownerReferences ?? []).some(
    ({ uid, controller }) => controller === true && uid === owner.metadata.uid,
  );

/** Owned, or an orphan (the cluster was deleted with --cascade=orphan and created again): orphans are adopted. */
export const belongsTo = (object: KubeObject, cluster: OcppCluster): boolean =>
  isOwnedBy(object, cluster) ||
  (controllerOf(object) === undefined && hasLabels(object, clusterLabels(cluster)));

export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

const hasLabels = ({ metadata }: KubeObject, labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value);

/** For messages: the names of the first three. */
export const namesOf = (pods: readonly Pod[]): string =>
  pods
    .slice(0, 3)
    .map(({ metadata }) => metadata.name)
    .join(', ') + (pods.length > 3 ? ` and ${pods.length - 3} more` : '');

export const podsOf = (observed: Pick<Observed, 'pods'>, component: Component): Pod[] =>
  observed.pods.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === component);

/** By the label of its set; Pods of the Deployment of earlier releases have none. */
export const isPodOf = ({ metadata }: Pod, set: Workload): boolean => {
  const name = metadata.labels?.[SET_LABEL];
  const selects = set.spec?.selector?.matchLabels?.[SET_LABEL];
  return name === selects;
};

/** The uid: a Pod of a StatefulSet keeps its name when it is replaced. */
export const idOf = ({ metadata }: Pod): string => metadata.uid ?? metadata.name;

const containerOf = (workload: Workload | undefined) => workload?.spec?.template?.spec?.containers?.[0];

/** What the workloads of a cluster run, read from their templates. */
export function runningOf({ proxy, processor, redis }: Observed): Running {
  const [image, redisImage] = [containerOf(proxy)?.image, containerOf(redis)?.image];
  const env = containerOf(processor)?.env ?? containerOf(proxy)?.env;
  const clusterId = env?.find(({ name }) => name === CLUSTER_ID)?.value;
  const revision = Number(proxy?.metadata.annotations?.[REVISION_ANNOTATION]);
  const volumes = proxy?.spec?.template?.spec?.volumes;
  const adminSecret = volumes?.find(({ name }) => name === ADMIN_VOLUME)?.secret?.secretName;
  const login = redis?.spec?.template?.spec?.volumes?.find(({ name }) => name === LOGIN);
  return {
    ...(image !== undefined && { image }),
    ...(redisImage !== undefined && { redisImage }),
    ...(clusterId !== undefined && { clusterId }),
    ...(adminSecret !== undefined && { adminSecret }),
    ...(Number.isInteger(revision) && { renderRevision: revision }),
    ...(redis !== undefined && { redisPasswordSecret: login?.secret?.secretName ?? null }),
  };
}
