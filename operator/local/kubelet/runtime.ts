/**
 * Runs the Deployments, StatefulSets and Services of an ObjectStore on this machine: Pods become child processes, Services
 * become listening ports. Level-triggered: after any change it reads everything, does the next step of everything, and
 * writes the status.
 */
import { sleep } from '../../../services/runtime/clock.ts';
import { type KubeObject, type ObjectStore, type Resource, StoreError } from '../../kube/object-store.ts';
import { CONFIG_MAPS, DEPLOYMENTS, PODS, SERVICES, STATEFUL_SETS } from '../../render/resources.ts';
import type { Addresses, Endpoint } from '../network/addresses.ts';
import { TEMPLATE_HASH } from '../controllers/deployment.ts';
import type { ApiServerHere, PodContext } from './environment.ts';
import {
  type ConfigMap,
  type Deployment,
  nameOf,
  type Pod,
  type Secret,
  SECRETS,
  type Service,
  type StatefulSet,
} from '../kinds.ts';
import { type PodHost, PodRun } from './pod.ts';
import { ADDRESS_OWNER, type Outside, ServicePorts } from '../network/services.ts';
import { reportStatus, type Report, Workloads } from '../controllers/workloads.ts';

export interface RuntimeOptions extends PodHost {
  /** With its own field manager. */
  readonly store: ObjectStore;
  readonly addresses: Addresses;
  outside(service: KubeObject): Outside | undefined;
  /** Where Pods read objects; absent: nowhere. */
  readonly apiServer?: ApiServerHere;
  /** Gets each problem of an object once. */
  onProblem(object: KubeObject, message: string): void;
}

/** What one reconcile reads. */
interface Objects {
  readonly deployments: readonly Deployment[];
  readonly sets: readonly StatefulSet[];
  readonly services: readonly Service[];
  readonly secrets: readonly Secret[];
  readonly configMaps: readonly ConfigMap[];
}

const WATCHED: readonly Resource[] = [DEPLOYMENTS, STATEFUL_SETS, SERVICES, SECRETS, CONFIG_MAPS, PODS];
/** Also without a change: a port may have become free. */
const LOOK_AGAIN_MS = 2000;

export class LocalRuntime {
  readonly #options: RuntimeOptions;
  readonly #services: ServicePorts;
  readonly #workloads: Workloads;
  readonly #stopping = new AbortController();
  readonly #runs = new Map<string, PodRun>();
  /** By namespace/name: Pods whose processes are ending. */
  readonly #ending = new Map<string, PodRun>();
  readonly #reported = new Map<string, string>();
  readonly #loop: Promise<void>;
  #objects: Objects = { deployments: [], sets: [], services: [], secrets: [], configMaps: [] };
  #wake = new AbortController();

  constructor(options: RuntimeOptions) {
    this.#options = options;
    const report: Report = (object, message) => this.#report(object, message);
    this.#services = new ServicePorts(options.addresses, (service) => options.outside(service), report);
    this.#workloads = new Workloads(options.store, options.addresses, report);
    for (const resource of WATCHED) void this.#follow(resource);
    this.#loop = this.#run();
  }

  /** Where a Service listens on this machine; undefined: it is not there yet. */
  endpoint(namespace: string, name: string, port: number): Endpoint | undefined {
    return this.#services.endpoint(namespace, name, port);
  }

  /** Stops all Pods in the order of `rank`, lowest first, each within its grace period or `graceMs` if that is shorter. */
  async stop(rank: (pod: Pod) => number, graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    await this.#loop;
    this.#services.refuse();
    const runs = [...this.#runs.values(), ...this.#ending.values()];
    for (const level of [...new Set(runs.map((run) => rank(run.pod)))].sort((a, b) => a - b)) {
      await Promise.all(runs.filter((run) => rank(run.pod) === level).map((run) => run.stop(graceMs)));
    }
    await this.#services.close();
  }

  /** Kills all processes. */
  kill(): void {
    for (const run of [...this.#runs.values(), ...this.#ending.values()]) run.kill();
  }

  async #follow(resource: Resource): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { resourceVersion } = await this.#options.store.list(resource);
      this.#wake.abort();
      try {
        const events = this.#options.store.watch(resource, { resourceVersion, signal });
        for await (const _ of events) this.#wake.abort();
      } catch (error) {
        if (!(error instanceof StoreError && error.retryable)) throw error;
      }
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const requeueAfterMs = await this.#reconcile();
      await sleep(requeueAfterMs, this.#wake.signal);
    }
  }

  /** Returns when to reconcile again, ms. */
  async #reconcile(): Promise<number> {
    await this.#observe();
    let again = LOOK_AGAIN_MS;
    for (const deployment of this.#objects.deployments) {
      again = Math.min(again, (await this.#workloads.reconcileDeployment(deployment)) ?? again);
    }
    for (const set of this.#objects.sets) await this.#workloads.reconcileStatefulSet(set);
    const pods = await this.#list<Pod>(PODS);
    // A Pod leaves its Service before it gets SIGTERM.
    await this.#routeServices(pods);
    this.#runPods(pods);
    return again;
  }

  async #observe(): Promise<void> {
    this.#objects = {
      deployments: await this.#list<Deployment>(DEPLOYMENTS),
      sets: await this.#list<StatefulSet>(STATEFUL_SETS),
      services: await this.#list<Service>(SERVICES),
      secrets: await this.#list<Secret>(SECRETS),
      configMaps: await this.#list<ConfigMap>(CONFIG_MAPS),
    };
    await this.#services.locate(this.#objects.services);
    // Before a Pod of a new StatefulSet listens on the address.
    await this.#services.closeAllBut(this.#balanced());
  }

  /** Starts the Pods in the store, stops all others. */
  #runPods(pods: readonly Pod[]): void {
    const uids = new Set(pods.map((pod) => pod.metadata.uid));
    for (const [uid, run] of this.#runs) if (!uids.has(uid)) this.#end(uid, run);
    for (const pod of pods) {
      const { uid = '' } = pod.metadata;
      // A Pod of the same name still holds the address and the volume.
      if (this.#ending.has(nameOf(pod))) continue;
      let run = this.#runs.get(uid);
      if (run === undefined) {
        run = new PodRun(
          pod,
          this.#options,
          () => this.#context(pod),
          (status) => {
            void reportStatus(this.#options.store, PODS, pod, status);
          },
        );
        this.#runs.set(uid, run);
      }
      void run.start();
    }
  }

  #end(uid: string, run: PodRun): void {
    const name = nameOf(run.pod);
    this.#runs.delete(uid);
    this.#ending.set(name, run);
    void run.stop().then(() => {
      this.#ending.delete(name);
      const owner = addressOwnerOf(run.pod);
      if (owner.includes('/pod/')) this.#options.addresses.release(owner);
      this.#wake.abort();
    });
  }

  #context(pod: Pod): PodContext {
    const { name, namespace = 'default', uid = '', labels } = pod.metadata;
    const { secrets, configMaps } = this.#objects;
    const named = <T extends KubeObject>(objects: readonly T[], wanted: string) =>
      objects.find(({ metadata }) => metadata.name === wanted && metadata.namespace === namespace);
    return {
      name,
      namespace,
      uid,
      templateHash: labels?.[TEMPLATE_HASH],
      podIp: this.#options.addresses.host(addressOwnerOf(pod)),
      secret: (secretName) => {
        const found = named(secrets, secretName);
        if (found === undefined) return undefined;
        const data = Object.entries(found.data ?? {}).map(([key, encoded]) => [
          key,
          Buffer.from(encoded, 'base64').toString(),
        ]);
        return { ...(Object.fromEntries(data) as Record<string, string>), ...found.stringData };
      },
      configMap: (wanted) => {
        const found = named(configMaps, wanted);
        return found && (found.data ?? {});
      },
      apiServer: this.#options.apiServer,
      service: (inNamespace, service, port) => this.#services.endpoint(inNamespace, service, port),
    };
  }

  /** Services that need a balancer: the Pod of a StatefulSet listens on the address of its Service itself. */
  #balanced(): Service[] {
    const own = new Set(
      this.#objects.sets.map(
        ({ metadata, spec }) => `${metadata.namespace ?? 'default'}/${spec.serviceName}`,
      ),
    );
    return this.#objects.services.filter((service) => !own.has(nameOf(service)));
  }

  async #routeServices(pods: readonly Pod[]): Promise<void> {
    for (const service of this.#balanced()) {
      const status = await this.#services.route(service, pods);
      if (status !== undefined) await reportStatus(this.#options.store, SERVICES, service, status);
    }
  }

  /** Reports a problem of an object once; an empty message clears it. */
  #report(object: KubeObject, message: string): void {
    const key = `${object.kind} ${nameOf(object)}`;
    if (message !== '' && this.#reported.get(key) !== message) this.#options.onProblem(object, message);
    if (message === '') this.#reported.delete(key);
    else this.#reported.set(key, message);
  }

  async #list<T extends KubeObject>(resource: Resource, namespace?: string): Promise<readonly T[]> {
    const { items } = await this.#options.store.list(resource, namespace === undefined ? {} : { namespace });
    return items as readonly T[];
  }
}

const addressOwnerOf = (pod: Pod) => pod.metadata.annotations?.[ADDRESS_OWNER] ?? `pod/${nameOf(pod)}`;
