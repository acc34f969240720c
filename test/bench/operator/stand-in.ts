/**
 * What the API server alone does not have: controllers of Deployments and StatefulSets, kubelets and the garbage collector, as far
 * as the operator sees them. Each workload gets its Pods, running and ready at once, their admin port that of one metrics server on
 * loopback; what a deleted owner leaves goes. It is quicker than the real ones: figures are of the operator, not of Kubernetes.
 */
import { Registry } from 'prom-client';
import { OCPP_CLUSTERS } from '../../../operator/api/ocpp-cluster.ts';
import { type Controller, createController } from '../../../operator/controller/controller.ts';
import type { KubeHttp } from '../../../operator/kube/http.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import { type KubeObject, type Resource, StoreError } from '../../../operator/kube/object-store.ts';
import { DEPLOYMENTS, OWNED, PODS, STATEFUL_SETS } from '../../../operator/render/resources.ts';
import { MANAGED_BY } from '../../../operator/render/render-input.ts';
import { createLog } from '../../../services/runtime/log.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly ports?: { readonly name?: string; containerPort: number }[];
}

interface Workload extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: object;
      readonly spec: { readonly containers: Container[]; readonly volumes?: readonly object[] };
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

/** The operator makes them and cannot read them. */
export const SECRETS: Resource = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};

const MERGE = 'application/merge-patch+json';
const log = createLog('bench', 'warn');

/** @param metricsPort of what answers for every Pod */
export async function startStandIn(http: KubeHttp, metricsPort: number): Promise<AsyncDisposable> {
  const store = new KubeObjectStore(http);
  const kinds = [
    { primary: DEPLOYMENTS, owned: [PODS] },
    { primary: STATEFUL_SETS, owned: [PODS] },
    { primary: OCPP_CLUSTERS, owned: [...OWNED, SECRETS] },
  ];
  const controllers = kinds.map(({ primary, owned }) => {
    const controller: Controller = createController({
      store,
      primary,
      owned,
      ownedSelector: MANAGED_BY,
      namespaces: [],
      async reconcile(key) {
        const [namespace = '', name = ''] = key.split('/');
        const found = controller.caches.get({ resource: primary, namespace, name });
        const living = found?.metadata.deletionTimestamp === undefined ? found : undefined;
        const dependents = owned.flatMap((resource) => dependentsOf(controller, resource, primary, key));
        for (const [resource, object] of dependents) {
          if (object.metadata.ownerReferences?.some(({ uid }) => uid === living?.metadata.uid)) continue;
          await remove(http, resource, object);
        }
        if (living !== undefined && primary !== OCPP_CLUSTERS) {
          const pods = dependents.map(([, { metadata }]) => metadata.name);
          await run(http, primary, living as Workload, pods, metricsPort);
        }
        return {};
      },
      log,
      registry: new Registry(),
    });
    controller.start();
    return controller;
  });
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(controllers.map((controller) => controller.stop()));
    },
  };
}

function dependentsOf(
  { caches }: Controller,
  resource: Resource,
  { kind }: Resource,
  key: string,
): [Resource, KubeObject][] {
  const [namespace = '', name = ''] = key.split('/');
  return caches
    .list(resource, { namespace })
    .filter(({ metadata }) =>
      metadata.ownerReferences?.some((owner) => owner.kind === kind && owner.name === name),
    )
    .map((object) => [resource, object]);
}

/** All Pods of a workload at once, and its status. */
async function run(
  http: KubeHttp,
  resource: Resource,
  workload: Workload,
  existing: readonly string[],
  metricsPort: number,
): Promise<void> {
  const { replicas } = workload.spec;
  const wanted = Array.from({ length: replicas }, (_, n) => `${workload.metadata.name}-${n}`);
  const base = `/api/v1/namespaces/${workload.metadata.namespace}/pods`;
  for (const name of existing.filter((one) => !wanted.includes(one))) {
    await http.json({ method: 'DELETE', path: `${base}/${name}`, body: { gracePeriodSeconds: 0 } });
  }
  for (const name of wanted.filter((one) => !existing.includes(one))) {
    const pod = podOf(workload, name, metricsPort);
    await unlessThere(http.json({ method: 'POST', path: base, body: pod }));
    const status = podStatus(pod.spec.containers);
    await http.json({
      method: 'PATCH',
      path: `${base}/${name}/status`,
      body: { status },
      contentType: MERGE,
    });
  }
  const status = {
    observedGeneration: workload.metadata.generation,
    replicas,
    readyReplicas: replicas,
    updatedReplicas: replicas,
    availableReplicas: replicas,
  };
  const path = `/apis/apps/v1/namespaces/${workload.metadata.namespace}/${resource.plural}/${workload.metadata.name}/status`;
  await http.json({ method: 'PATCH', path, body: { status }, contentType: MERGE });
}

function podOf(workload: Workload, name: string, metricsPort: number) {
  const { template, volumeClaimTemplates = [] } = workload.spec;
  const { apiVersion, kind, metadata } = workload;
  const claims = volumeClaimTemplates.map((claim) => ({
    name: claim.metadata.name,
    persistentVolumeClaim: { claimName: `${claim.metadata.name}-${name}` },
  }));
  const containers = structuredClone(template.spec.containers);
  for (const port of containers.flatMap(({ ports = [] }) => ports)) {
    if (port.name === 'admin') port.containerPort = metricsPort;
  }
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name, ownerReferences: [owner] },
    spec: {
      ...template.spec,
      containers,
      volumes: [...(template.spec.volumes ?? []), ...claims],
      nodeName: 'nowhere',
    },
  };
}

function podStatus(containers: readonly Container[]) {
  const now = new Date().toISOString();
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'];
  return {
    phase: 'Running',
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    startTime: now,
    conditions: conditions.map((type) => ({ type, status: 'True', lastTransitionTime: now })),
    containerStatuses: containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: now } },
    })),
  };
}

async function remove(http: KubeHttp, resource: Resource, { metadata }: KubeObject): Promise<void> {
  const { group, version, plural } = resource;
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const path = `${base}/namespaces/${metadata.namespace}/${plural}/${metadata.name}`;
  const body = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } };
  try {
    await http.json({ method: 'DELETE', path, body });
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
  }
}

async function unlessThere(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'conflict')) throw error;
  }
}
