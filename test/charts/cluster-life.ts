/** The life of a cluster with every optional part, from its creation to its deletion. */
import { API_VERSION, KIND, OCPP_CLUSTERS, type OcppCluster } from '../../operator/api/ocpp-cluster.ts';
import type { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import type { KubeObject, ObjectRef, Resource } from '../../operator/kube/object-store.ts';
import {
  apiVersionOf,
  DEPLOYMENTS,
  NETWORK_POLICIES,
  OWNED,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  SCALED_OBJECTS,
} from '../../operator/render/resources.ts';
import { DELETION_COST } from '../../operator/reconcile/pod-deletion-costs.ts';
import { proxySetsOf } from '../support/proxy-set.ts';
import { until } from '../support/until.ts';
import { NAMESPACE } from './helm.ts';

interface Place {
  readonly name: string;
  readonly namespace: string;
}

/** A Secret that the operator must be permitted to read. */
export const PROMETHEUS_LOGIN = 'prometheus-login';

/** Every optional part of a cluster. */
const FULL: OcppCluster['spec'] = {
  listeners: [
    { name: 'stations', port: 9000 },
    { name: 'tls', port: 9443, securityProfile: 2, tls: { issuerRef: { name: 'public' } } },
  ],
  authentication: { stations: { register: true } },
  proxy: {
    replicas: 2,
    service: { type: 'LoadBalancer' },
    ingress: { host: 'ocpp.example.com' },
    gateway: { parentRefs: [{ name: 'outer' }] },
  },
  networkPolicy: { enabled: true, metricsFrom: [] },
  api: { enabled: true },
  processor: {
    autoscaling: {
      mode: 'HPA',
      minReplicas: 2,
      prometheus: { url: 'http://127.0.0.1:1', tokenSecretRef: { name: PROMETHEUS_LOGIN, key: 'token' } },
    },
  },
};
/** The same with the other autoscaler. */
const WITH_KEDA: OcppCluster['spec'] = {
  ...FULL,
  processor: {
    ...FULL.processor,
    autoscaling: {
      mode: 'KEDA',
      minReplicas: 2,
      prometheus: { url: 'http://127.0.0.1:1', tokenSecretRef: { name: PROMETHEUS_LOGIN, key: 'token' } },
    },
  },
};
const isOfKeda = ({ group }: Resource) => group === SCALED_OBJECTS.group;

/**
 * Creates a cluster, lets the operator prune and repair objects, changes the cluster and deletes it.
 * @param store the store of a user
 * @param addOns kinds of add-ons that the API server serves
 */
export async function liveOnce(
  store: KubeObjectStore,
  metadata: Place,
  addOns: readonly Resource[],
): Promise<void> {
  const ref = { resource: OCPP_CLUSTERS, ...metadata };
  const reconciled = async (spec: OcppCluster['spec']) => {
    const cluster: OcppCluster = { apiVersion: API_VERSION, kind: KIND, metadata, ...(spec && { spec }) };
    const { generation = 0 } = (await store.apply(cluster)).object.metadata;
    // The operator writes the number of processors, which makes a generation of its own.
    const seen = async () => ((await generationSeen(store, ref)) ?? 0) >= generation;
    await until(seen, `generation ${generation} of ${metadata.name} in the status`);
  };
  await reconciled(FULL);
  for (const resource of [...OWNED, ...addOns.filter((one) => !isOfKeda(one))])
    await prunes(store, resource, metadata);
  await reconciled(WITH_KEDA);
  for (const resource of addOns.filter(isOfKeda)) await prunes(store, resource, metadata);
  await letsIn(store, metadata, NAMESPACE);
  await repairs(store, metadata);
  const volume = await bindVolume(store, metadata);
  const proxy = await standIn(store, metadata);
  // A scale-in gives deletion costs, and a new image an Event; a set does not get smaller while a rollout runs.
  const cost = async () => (await store.get(proxy))?.metadata.annotations?.[DELETION_COST];
  const smaller = { ...FULL, proxy: { replicas: 1 } };
  await reconciled(smaller);
  await until(async () => (await cost()) !== undefined, 'a ws-proxy Pod with its deletion cost');
  await reconciled({
    ...smaller,
    image: { tag: 'other' },
    redis: { embedded: { storage: { size: '2Gi' } } },
  });
  await until(async () => (await sizeOf(store, volume)) === '2Gi', 'a larger volume');
  await tellsWhatIsMissing(store, ref, proxy);
  await store.delete(ref);
}

async function generationSeen(store: KubeObjectStore, ref: ObjectRef): Promise<number | undefined> {
  const cluster: OcppCluster | undefined = await store.get(ref);
  return cluster?.status?.observedGeneration;
}

const ownOf = async (store: KubeObjectStore, resource: Resource, { name, namespace }: Place) =>
  (await store.list(resource, { namespace, labelSelector: `app.kubernetes.io/instance=${name}` })).items;

/** Simulates an object of an older operator: a copy of a current object under another name. */
async function prunes(store: KubeObjectStore, resource: Resource, cluster: Place) {
  let live: KubeObject | undefined;
  // Add-ons are discovered shortly after the start.
  const made = async () => ([live] = await ownOf(store, resource, cluster)).length > 0;
  await until(made, `a ${resource.kind}, as FULL has every optional part`);
  if (live === undefined) return;
  const { labels = {}, ownerReferences = [] } = live.metadata;
  const { spec, roleRef } = live as KubeObject & { spec?: Record<string, unknown>; roleRef?: object };
  const { clusterIP: _one, clusterIPs: _all, healthCheckNodePort: _port, ...rest } = spec ?? {};
  const metadata = { name: `${cluster.name}-old`, namespace: cluster.namespace, labels, ownerReferences };
  const old = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata,
    ...(roleRef && { roleRef }),
  };
  await store.apply(spec === undefined ? old : ({ ...old, spec: rest } as KubeObject));
  const ref = { resource, name: metadata.name, namespace: cluster.namespace };
  await until(
    async () => (await store.get(ref)) === undefined,
    `the end of ${resource.kind} ${metadata.name}`,
  );
}

/** The NetworkPolicy allows the operator to read metrics. */
async function letsIn(store: KubeObjectStore, { name, namespace }: Place, operators: string) {
  const ref = { resource: NETWORK_POLICIES, name: `${name}-processor`, namespace };
  const policy: (KubeObject & { spec?: object }) | undefined = await store.get(ref);
  const rules = JSON.stringify(policy?.spec);
  if (!rules.includes(`"kubernetes.io/metadata.name":"${operators}"`))
    throw new Error(`the NetworkPolicy does not allow the namespace ${operators}: ${rules}`);
}

async function repairs(store: KubeObjectStore, { name, namespace }: Place) {
  const ref = { resource: DEPLOYMENTS, name: `${name}-processor`, namespace };
  await store.delete(ref);
  await until(async () => (await store.get(ref)) !== undefined, `Deployment ${ref.name} created again`);
}

interface ProxySet extends KubeObject {
  readonly spec: {
    readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } };
  };
}

/** Creates a ws-proxy Pod, as no Deployment controller runs here. */
async function standIn(store: KubeObjectStore, cluster: Place): Promise<ObjectRef> {
  const deployments = await ownOf(store, DEPLOYMENTS, cluster);
  const [set] = proxySetsOf(deployments as ProxySet[], cluster.name);
  if (set === undefined) throw new Error(`${cluster.name} has no proxy set`);
  const metadata = {
    name: `${set.metadata.name}-0`,
    namespace: cluster.namespace,
    ...set.spec.template.metadata,
  };
  const spec = { nodeName: 'no-node', containers: [{ name: 'c', image: 'i' }] };
  await store.apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec } as KubeObject);
  return { resource: PODS, name: metadata.name, namespace: metadata.namespace };
}

/** Reports a missing Secret as the kubelet does, in an Event about the Pod; the status of the cluster repeats it. */
async function tellsWhatIsMissing(store: KubeObjectStore, cluster: ObjectRef, pod: ObjectRef) {
  const { uid } = (await store.get(pod))?.metadata ?? {};
  const { name, namespace = '' } = pod;
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.missing`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
    type: 'Warning',
    reason: 'FailedMount',
    message: 'secret "gone" not found',
    lastTimestamp: `${new Date().toISOString().slice(0, 19)}Z`,
  };
  await store.apply(event);
  const degraded = async () => {
    const live: OcppCluster | undefined = await store.get(cluster);
    return live?.status?.conditions?.find(({ type }) => type === 'Degraded')?.message ?? '';
  };
  await until(
    async () => (await degraded()).includes('secret "gone" not found'),
    'the missing Secret in Degraded',
  );
}

interface Claim extends KubeObject {
  readonly spec?: {
    readonly storageClassName: string;
    readonly volumeName: string;
    readonly accessModes: readonly string[];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

/** The volume claim that Kubernetes creates for a StatefulSet: bound and expandable. */
async function bindVolume(store: KubeObjectStore, { name, namespace }: Place): Promise<ObjectRef> {
  const provisioned = {
    metadata: { name: 'grows' },
    provisioner: 'test.example/disk',
    allowVolumeExpansion: true,
  };
  await store.apply({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', ...provisioned });
  const ref = { resource: PERSISTENT_VOLUME_CLAIMS, name: `data-${name}-redis-0`, namespace };
  const claim: Claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: ref.name, namespace },
    spec: {
      storageClassName: provisioned.metadata.name,
      volumeName: `volume-of-${name}`,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
  };
  await store.apply(claim);
  await store.patchStatus(ref, { phase: 'Bound' });
  return ref;
}

async function sizeOf(store: KubeObjectStore, ref: ObjectRef): Promise<string | undefined> {
  const claim: Claim | undefined = await store.get(ref);
  return claim?.spec?.resources.requests.storage;
}
