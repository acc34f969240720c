/** The OcppClusters of a measurement: created, changed and deleted by another client than the operator, and watched until they are healthy. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OCPP_CLUSTERS, type OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { Reflector } from '../../../operator/controller/reflector.ts';
import type { KubeHttp } from '../../../operator/kube/http.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { DEPLOYMENTS, OWNED, PODS } from '../../../operator/render/resources.ts';
import { SECRETS } from './stand-in.ts';
import { proxySetsOf } from '../../support/proxy-set.ts';
import { createLog } from '../../../services/runtime/log.ts';

const NAMESPACE = 'default';
const PATH = `/apis/ocpp.dev/v1alpha1/namespaces/${NAMESPACE}/ocppclusters`;
/** Writes of ours under way. */
const AT_ONCE = 10;
const PATIENCE_MS = 120_000;

export class Clusters implements AsyncDisposable {
  readonly #http: KubeHttp;
  readonly #store: KubeObjectStore;
  readonly #reflectors: readonly Reflector[];
  #onDeployment: (deployment: KubeObject) => void = () => {};

  constructor(http: KubeHttp) {
    this.#http = http;
    this.#store = new KubeObjectStore(http);
    const log = createLog('bench', 'warn');
    const watch = (resource: typeof DEPLOYMENTS) =>
      new Reflector({
        store: this.#store,
        resource,
        log,
        onChange: ({ before, after }) => {
          if (before === undefined && after?.kind === 'Deployment') this.#onDeployment(after);
        },
      });
    this.#reflectors = [OCPP_CLUSTERS, DEPLOYMENTS].map(watch);
    for (const reflector of this.#reflectors) reflector.start();
  }

  get all(): readonly OcppCluster[] {
    return this.#reflectors[0]?.list() ?? [];
  }

  /** Names of the ws-proxy Deployments of the first clusters. */
  proxySets(count: number): readonly string[] {
    const deployments = this.#reflectors[1]?.list() ?? [];
    const clusters = this.all.slice(0, count);
    return clusters.flatMap(({ metadata }) =>
      proxySetsOf(deployments, metadata.name).map((set) => set.metadata.name),
    );
  }

  async create(names: readonly string[]): Promise<void> {
    await inParallel(names, (name) => {
      const body = { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata: { name }, spec: {} };
      return this.#http.json({ method: 'POST', path: PATH, body });
    });
  }

  /** One merge patch to each. */
  async change(spec: object): Promise<void> {
    await inParallel(this.all, ({ metadata: { name } }) =>
      this.#http.json({
        method: 'PATCH',
        path: `${PATH}/${name}`,
        body: { spec },
        contentType: 'application/merge-patch+json',
      }),
    );
  }

  async deleteAll(): Promise<void> {
    await inParallel(this.all, ({ metadata: { name } }) =>
      this.#http.json({ method: 'DELETE', path: `${PATH}/${name}` }),
    );
  }

  /** Resolves when each has been looked at as it is now, serves and rests. */
  async settled(count: number): Promise<void> {
    await this.#until(() => {
      const good = this.all.filter(isSettled).length;
      return this.all.length === count && good === count ? undefined : `${good} of ${count} are settled`;
    });
  }

  /** Resolves when there is no cluster and nothing of one. */
  async gone(): Promise<void> {
    await this.#until(async () => {
      const left = this.all.length > 0 ? this.all.length : (await this.versions()).size;
      return left === 0 ? undefined : `${left} are left`;
    }, 200);
  }

  /** resourceVersion of all that the operator and Pods made, by uid: what differs was written. */
  async versions(): Promise<ReadonlyMap<string, string>> {
    const lists = await Promise.all(
      [OCPP_CLUSTERS, ...OWNED, SECRETS, PODS].map((resource) =>
        this.#store.list(resource, { namespace: NAMESPACE }),
      ),
    );
    const ours = lists.flatMap(({ items }) => items).filter(({ metadata }) => metadata.name !== 'kubernetes');
    return new Map(ours.map(({ metadata }) => [metadata.uid ?? '', metadata.resourceVersion ?? '']));
  }

  /** @returns ms from the order to delete a Deployment until there is another one of its name */
  async timeToRepair(name: string): Promise<number> {
    const back = new Promise<number>((resolve) => {
      this.#onDeployment = ({ metadata }) => {
        if (metadata.name === name) resolve(performance.now());
      };
    });
    const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`;
    const from = performance.now();
    await this.#http.json({ method: 'DELETE', path });
    const limit = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`Deployment ${name} is not back after ${PATIENCE_MS} ms`);
    });
    return (await Promise.race([back, limit])) - from;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  async #until(missing: () => Promise<string | undefined> | string | undefined, everyMs = 20): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let what = await missing(); what !== undefined; what = await missing()) {
      if (performance.now() > deadline) throw new Error(`after ${PATIENCE_MS / 1000} s ${what}`);
      await sleep(everyMs);
    }
  }
}

function isSettled({ metadata, status }: OcppCluster): boolean {
  const is = (type: string) => status?.conditions?.find((one) => one.type === type)?.status;
  const seen = status?.observedGeneration === metadata.generation;
  return seen && is('Available') === 'True' && is('Progressing') === 'False';
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const waiting = [...items];
  const one = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}
