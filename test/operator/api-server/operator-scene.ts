/** An operator on a real API server, in its own namespace; the tests simulate the kubelet and controllers. */
import { randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { Registry } from 'prom-client';
import type { Condition, OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import type { KubeHttp } from '../../../operator/kube/http.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { type Operator, runOperator } from '../../../operator/operator.ts';
import { type Clock, systemClock } from '../../../services/runtime/clock.ts';
import { createLog } from '../../../services/runtime/log.ts';
import type { ApiConnection } from '../../support/api-server.ts';
import { currentSet, proxySetsOf, withoutHash } from '../../support/proxy-set.ts';
import { until } from '../../support/until.ts';

type Body = Record<string, unknown>;
export interface Workload extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { containers: Body[] };
    };
  };
}

/** Stands for the hash that the Deployment controller gives to a template. */
export const hashOf = (deployment: string): string => `of-${deployment}`;

export interface SceneOptions {
  /** An existing namespace; default: a new one. */
  readonly namespace?: string;
  readonly image?: string;
  /** Key of the admin tokens; default: the operator has none. */
  readonly adminKey?: Uint8Array;
  readonly clock?: Clock;
}

/** A namespace with an operator that watches only it. */
export class Scene implements AsyncDisposable {
  readonly namespace: string;
  readonly registry = new Registry();
  /** Requests by method and kind, without watches. */
  requests: string[] = [];
  readonly #http: KubeHttp;
  readonly #operator: Operator;

  private constructor(http: KubeHttp, namespace: string, options: SceneOptions) {
    const { image = 'example.com/ocpp:1', clock = systemClock, adminKey } = options;
    this.#http = http;
    this.namespace = namespace;
    const counted = Object.assign(Object.create(http) as KubeHttp, {
      json: (request: Parameters<KubeHttp['json']>[0]) => {
        this.requests.push(`${request.method} ${request.path}`);
        return http.json(request);
      },
      lines: http.lines.bind(http),
    });
    const store = new KubeObjectStore(counted, { cached: (ref) => this.#operator?.caches.get(ref) });
    this.#operator = runOperator({
      store,
      namespaces: [namespace],
      defaultImage: image,
      redisImage: 'redis:7',
      scrapeIntervalMs: 200,
      instance: 'test',
      clock,
      log: createLog('operator', 'silent'),
      registry: this.registry,
      ...(adminKey !== undefined && { adminKey }),
    });
  }

  static async open(api: ApiConnection, options: SceneOptions = {}): Promise<Scene> {
    if (options.namespace !== undefined) return new Scene(api.http, options.namespace, options);
    const name = `ns-${randomUUID().slice(0, 8)}`;
    await api.http.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } });
    return new Scene(api.http, name, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#operator.stop();
  }

  /** Without those of Events: the count of an earlier one is written a little later. */
  get requestsOfPasses(): readonly string[] {
    return this.requests.filter((request) => !/\/events(\/|$)/.test(request));
  }

  #path(place: string): string {
    const [kind = '', ...rest] = place.split('/');
    const base: Readonly<Record<string, string>> = {
      ocppclusters: '/apis/ocpp.dev/v1alpha1',
      deployments: '/apis/apps/v1',
      statefulsets: '/apis/apps/v1',
      poddisruptionbudgets: '/apis/policy/v1',
      ingresses: '/apis/networking.k8s.io/v1',
      networkpolicies: '/apis/networking.k8s.io/v1',
      roles: '/apis/rbac.authorization.k8s.io/v1',
      rolebindings: '/apis/rbac.authorization.k8s.io/v1',
      horizontalpodautoscalers: '/apis/autoscaling/v2',
      scaledobjects: '/apis/keda.sh/v1alpha1',
      triggerauthentications: '/apis/keda.sh/v1alpha1',
      httproutes: '/apis/gateway.networking.k8s.io/v1',
      certificates: '/apis/cert-manager.io/v1',
      podmonitors: '/apis/monitoring.coreos.com/v1',
      prometheusrules: '/apis/monitoring.coreos.com/v1',
    };
    return [base[kind] ?? '/api/v1', 'namespaces', this.namespace, kind, ...rest].join('/');
  }

  post(kind: string, body: object): Promise<unknown> {
    return this.#http.json({ method: 'POST', path: this.#path(kind), body });
  }

  async patch(place: string, body: object): Promise<unknown> {
    return this.#merge(await this.#realPlace(place), body);
  }

  #merge(place: string, body: object): Promise<unknown> {
    const contentType = 'application/merge-patch+json';
    return this.#http.json({ method: 'PATCH', path: this.#path(place), body, contentType });
  }

  async delete(place: string): Promise<unknown> {
    return this.#http.json({ method: 'DELETE', path: this.#path(await this.#realPlace(place)) });
  }

  /** `deployments/city-ws-proxy` means the set that a rollout leads to, else the serving one. */
  async #realPlace(place: string): Promise<string> {
    const { name, rest = '' } = /^deployments\/(?<name>.+)-ws-proxy(?<rest>\/.*)?$/.exec(place)?.groups ?? {};
    if (name === undefined) return place;
    const set = currentSet(await this.proxySets(name), await this.status(name));
    return set === undefined ? place : `deployments/${set.metadata.name}${rest}`;
  }

  /** The Deployments of ws-proxy Pods. */
  async proxySets(name = 'city'): Promise<Workload[]> {
    const query = { labelSelector: `app.kubernetes.io/instance=${name}` };
    const found = await this.#http.json({ method: 'GET', path: this.#path('deployments'), query });
    const { items } = found as { items: Workload[] };
    return proxySetsOf(items, name);
  }

  async get<T = Workload>(place: string): Promise<T | undefined> {
    try {
      return (await this.#http.json({ method: 'GET', path: this.#path(await this.#realPlace(place)) })) as T;
    } catch (error) {
      if ((error as { code?: string }).code === 'not-found') return undefined;
      throw error;
    }
  }

  async names(...kinds: readonly string[]): Promise<string[]> {
    const lists = kinds.map(async (kind) => {
      const { items } = (await this.get<{ items: KubeObject[] }>(kind)) ?? { items: [] };
      return items.map(({ metadata }) => withoutHash(`${kind}/${metadata.name}`));
    });
    return (await Promise.all(lists)).flat().sort();
  }

  create(spec: object, name = 'city'): Promise<unknown> {
    const body = { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata: { name }, spec };
    return this.post('ocppclusters', body);
  }

  async status(name = 'city'): Promise<NonNullable<OcppCluster['status']>> {
    return (await this.get<OcppCluster>(`ocppclusters/${name}`))?.status ?? {};
  }

  async condition(type: Condition['type'], name = 'city'): Promise<Partial<Condition>> {
    return (await this.status(name)).conditions?.find((one) => one.type === type) ?? {};
  }

  /** Writes the status that its controller would write once all Pods are ready. */
  async settle(place: string, ready?: number): Promise<void> {
    const kind = place.split('/')[0] ?? '';
    const workload = await this.get(place);
    if (workload !== undefined) await this.showReady(workload, ready, kind);
  }

  /** The same for exactly this object. */
  async showReady({ metadata, spec }: Workload, ready = spec.replicas, kind = 'deployments'): Promise<void> {
    const { name, generation: observedGeneration } = metadata;
    const { replicas } = spec;
    const status = { observedGeneration, replicas, updatedReplicas: replicas, readyReplicas: ready };
    await this.#merge(`${kind}/${name}/status`, { status });
  }

  async settleAll(name = 'city'): Promise<void> {
    for (const kind of ['statefulsets', 'deployments']) {
      for (const place of await this.names(kind))
        if (place.startsWith(`${kind}/${name}-`)) await this.settle(place);
    }
  }

  /** Creates a ready Pod with this address, of the current proxy set or of another Deployment. */
  async pod(component: string, port: number, name = 'city', number = 0): Promise<void> {
    const owner = await this.get(`deployments/${name}-${component}`);
    if (owner === undefined) throw new Error(`${name} has no Deployment of ${component}`);
    await this.podOf(owner, port, `${name}-${component}-${number}`);
  }

  /** As the ReplicaSet controller makes it: with the labels of the template and its hash. */
  async podOf({ metadata: { name: owner }, spec }: Workload, port: number, name: string): Promise<void> {
    const labels = { ...spec.template.metadata.labels, 'pod-template-hash': hashOf(owner) };
    const container = { name: 'c', image: 'i', ports: [{ name: 'admin', containerPort: port }] };
    await this.post('pods', { metadata: { name, labels }, spec: { containers: [container] } });
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }];
    const status = { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }], conditions };
    await this.patch(`pods/${name}/status`, { status });
  }

  async passes(): Promise<number> {
    const text = await this.registry.metrics();
    return Number(/reconciles_total\{result="ok"\} (\d+)/.exec(text)?.[1] ?? 0);
  }
}

const EVENTUALLY_MS = 30_000;

/** Retries until `check` returns the expected value; finally reports the difference. */
export async function eventually<T>(
  t: ExecutionContext,
  check: () => Promise<T>,
  expected: T,
  label?: string,
): Promise<void> {
  let value = await check();
  const isExpected = async () => JSON.stringify((value = await check())) === JSON.stringify(expected);
  await until(isExpected, 'the expected value', EVENTUALLY_MS, 50).catch(() => undefined);
  t.deepEqual(value, expected, label);
}

/** The objects of an empty spec. */
export const ALL = [
  'configmaps/city-processor',
  'configmaps/city-ws-proxy',
  'deployments/city-processor',
  'deployments/city-ws-proxy',
  'poddisruptionbudgets/city-ws-proxy',
  'serviceaccounts/city-processor',
  'serviceaccounts/city-redis',
  'serviceaccounts/city-ws-proxy',
  'services/city-redis',
  'services/city-ws-proxy',
  'statefulsets/city-redis',
];
export const KINDS = [
  'configmaps',
  'deployments',
  'poddisruptionbudgets',
  'serviceaccounts',
  'services',
  'statefulsets',
];
