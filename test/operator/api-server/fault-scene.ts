/** A namespace of a real API server, with an operator behind a fault proxy. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { OCPP_CLUSTERS, type OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { LeaderElector } from '../../../operator/controller/leader.ts';
import { type Endpoint, KubeHttp } from '../../../operator/kube/http.ts';
import { KubeLeaseStore } from '../../../operator/kube/kube-lease-store.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { type Operator, runOperator } from '../../../operator/operator.ts';
import { DEPLOYMENTS } from '../../../operator/render/resources.ts';
import { type Clock, systemClock } from '../../../services/runtime/clock.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { currentSet, proxySetsOf } from '../../support/proxy-set.ts';

/** A few seconds, so that a hanging request times out during its test. */
const REQUEST_MS = 1500;
const WATCH_IDLE_MS = 3000;
/** Long: on a busy machine sixteen operators of one process share a core, and none must lose its Lease for that. */
const LEASE = { leaseMs: 20_000, renewDeadlineMs: 15_000, retryMs: 300 };

export interface Deployment extends KubeObject {
  readonly spec: { readonly replicas: number };
}

export interface SceneOptions {
  /** An existing namespace; default: a new one. */
  readonly namespace?: string;
  readonly clock?: Clock;
  /** Token that the operator sends to the proxy; default: none. */
  readonly login?: Pick<Endpoint, 'authenticate' | 'renew'>;
}

export class FaultScene implements AsyncDisposable {
  readonly namespace: string;
  readonly proxy: FaultProxy;
  readonly operator: Operator;
  readonly leader: LeaderElector;
  /** Events of the leader election. */
  readonly history: string[] = [];
  readonly log = memoryLog();
  readonly registry = new Registry();
  /** Without the proxy. */
  readonly user: KubeObjectStore;

  private constructor(api: ApiServer, proxy: FaultProxy, namespace: string, options: SceneOptions) {
    this.namespace = namespace;
    this.proxy = proxy;
    this.user = new KubeObjectStore(api.http, { manager: 'kubectl' });
    const login = options.login ?? { authenticate: () => Promise.resolve() };
    const http = new KubeHttp({ server: proxy.url, ...login }, { timeoutMs: REQUEST_MS });
    const { log, registry } = this;
    const clock = options.clock ?? systemClock;
    this.leader = new LeaderElector({
      store: new KubeLeaseStore(http, { name: 'ocpp-operator', namespace }),
      identity: randomUUID(),
      onAcquired: () => this.history.push('acquired'),
      onLost: (reason) => this.history.push(`lost: ${reason}`),
      log,
      clock,
      timings: LEASE,
    });
    this.operator = runOperator({
      store: new KubeObjectStore(http, {
        watchIdleMs: WATCH_IDLE_MS,
        cached: (ref) => this.operator.caches.get(ref),
      }),
      namespaces: [namespace],
      defaultImage: 'example.com/ocpp:1',
      redisImage: 'redis:7',
      scrapeIntervalMs: 200,
      instance: 'test',
      clock,
      log,
      registry,
    });
    this.leader.start();
  }

  static async open(api: ApiServer, options: SceneOptions = {}): Promise<FaultScene> {
    const { namespace } = options;
    const proxy = await startFaultProxy(api.url, api.token());
    if (namespace !== undefined) return new FaultScene(api, proxy, namespace, options);
    const name = `ns-${randomUUID().slice(0, 8)}`;
    await api.http.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } });
    return new FaultScene(api, proxy, name, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.faults.length = 0;
    await this.stop();
    await this.proxy[Symbol.asyncDispose]();
  }

  /** Regular stop: the Lease is released. */
  async stop(): Promise<void> {
    await this.operator.stop();
    await this.leader.stop();
  }

  /** As `kubectl apply` does. */
  async apply(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace: this.namespace };
    const cluster = { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata, spec };
    await this.user.apply(cluster);
  }

  async remove(name: string): Promise<void> {
    await this.user.delete({ resource: OCPP_CLUSTERS, name, namespace: this.namespace });
  }

  async removeDeployment(name: string): Promise<void> {
    await this.user.delete({ resource: DEPLOYMENTS, name, namespace: this.namespace });
  }

  cluster(name: string): Promise<OcppCluster | undefined> {
    return this.user.get({ resource: OCPP_CLUSTERS, name, namespace: this.namespace });
  }

  async deployment(name: string): Promise<Deployment | undefined> {
    const ref = { resource: DEPLOYMENTS, name, namespace: this.namespace };
    return (await this.user.get(ref)) as Deployment | undefined;
  }

  async proxySet(name: string): Promise<Deployment | undefined> {
    const { items } = await this.user.list(DEPLOYMENTS, { namespace: this.namespace });
    return currentSet(proxySetsOf(items as Deployment[], name), (await this.cluster(name))?.status);
  }

  /** Resolves when all objects match the spec, and the status says so. */
  async converges(name: string, proxies: number, patienceMs = 40_000): Promise<void> {
    const end = Date.now() + patienceMs;
    for (;;) {
      const missing = await this.#missing(name, proxies);
      if (missing === undefined) return;
      if (Date.now() > end) throw new Error(`OcppCluster ${name} does not match its spec: ${missing}`);
      await delay(100);
    }
  }

  async #missing(name: string, proxies: number): Promise<string | undefined> {
    const proxy = await this.proxySet(name);
    if (proxy?.spec.replicas !== proxies) return `${proxy?.spec.replicas} proxies, not ${proxies}`;
    if ((await this.deployment(`${name}-processor`)) === undefined) return 'no processors';
    const { metadata, status } = (await this.cluster(name)) ?? {};
    const seen = status?.observedGeneration;
    if (seen === undefined || seen !== metadata?.generation) return `status of generation ${seen}`;
    return undefined;
  }

  /** Whether the operator still has it in its cache. */
  knows(name: string): boolean {
    const ref = { resource: OCPP_CLUSTERS, name, namespace: this.namespace };
    return this.operator.caches.get(ref) !== undefined;
  }
}
