/**
 * Carries out Deployments, StatefulSets and Services of an ObjectStore on this machine: Pods become
 * child processes, Services become listening ports. Level-triggered: whenever anything changed, it
 * reads everything, does the next step of everything, and writes what it sees into `status`.
 */
import { sleep } from '../../../services/runtime/clock.ts';
import { type KubeObject, type ObjectStore, type Resource, StoreError } from '../../kube/object-store.ts';
import { DEPLOYMENTS, PODS, SERVICES, STATEFUL_SETS } from '../../render/resources.ts';
import type { Addresses } from '../network/addresses.ts';
import type { Surroundings } from './environment.ts';
import {
  type Deployment,
  nameOf,
  type Pod,
  type Secret,
  SECRETS,
  type Service,
  type StatefulSet,
} from '../kinds.ts';
import { type PodHost, PodRun } from './pod.ts';
import { ADDRESS_OWNER, ServicePorts } from '../network/services.ts';
import { reportStatus, type Tell, Workloads } from '../controllers/workloads.ts';

export interface RuntimeOptions extends PodHost {
  /** Writes as a field manager of its own. */
  readonly store: ObjectStore;
  readonly addresses: Addresses;
  /** Whether a Service is for the world outside, and so listens on 127.0.0.1. */
  isOutside(service: KubeObject): boolean;
  /** Something is wrong with an object; said once for as long as it stays the same. */
  onProblem(object: KubeObject, message: string): void;
}

/** Everything that one turn looks at. */
interface World {
  readonly deployments: readonly Deployment[];
  readonly sets: readonly StatefulSet[];
  readonly services: readonly Service[];
  readonly secrets: readonly Secret[];
}

const WATCHED: readonly Resource[] = [DEPLOYMENTS, STATEFUL_SETS, SERVICES, SECRETS, PODS];
/** Also without any change: a port may have become free. */
const LOOK_AGAIN_MS = 2000;

export class LocalRuntime {
  readonly #options: RuntimeOptions;
  readonly #services: ServicePorts;
  readonly #workloads: Workloads;
  readonly #stopping = new AbortController();
  readonly #runs = new Map<string, PodRun>();
  /** By namespace/name: Pods whose processes are ending. */
  readonly #ending = new Map<string, PodRun>();
  readonly #told = new Map<string, string>();
  readonly #loop: Promise<void>;
  #world: World = { deployments: [], sets: [], services: [], secrets: [] };
  #wake = new AbortController();

  constructor(options: RuntimeOptions) {
    this.#options = options;
    const tell: Tell = (object, message) => this.#tell(object, message);
    this.#services = new ServicePorts(options.addresses, (service) => options.isOutside(service), tell);
    this.#workloads = new Workloads(options.store, options.addresses, tell);
    for (const resource of WATCHED) void this.#follow(resource);
    this.#loop = this.#run();
  }

  /**
   * Ends everything: Pods in the order of `rank`, lowest first, each with its grace period or `graceMs` if
   * that is shorter.
   */
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

  /** Ends all processes at once. */
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
      const againInMs = await this.#turn();
      await sleep(againInMs, this.#wake.signal);
    }
  }

  /** One look at everything, one step of everything. Returns when to look again, in ms. */
  async #turn(): Promise<number> {
    await this.#observe();
    let again = LOOK_AGAIN_MS;
    for (const deployment of this.#world.deployments) {
      again = Math.min(again, (await this.#workloads.rollDeployment(deployment)) ?? again);
    }
    for (const set of this.#world.sets) await this.#workloads.rollSet(set);
    const pods = await this.#list<Pod>(PODS);
    // Who has to go is out of its Service before it hears of it.
    await this.#routeServices(pods);
    this.#runPods(pods);
    return again;
  }

  async #observe(): Promise<void> {
    this.#world = {
      deployments: await this.#list<Deployment>(DEPLOYMENTS),
      sets: await this.#list<StatefulSet>(STATEFUL_SETS),
      services: await this.#list<Service>(SERVICES),
      secrets: await this.#list<Secret>(SECRETS),
    };
    await this.#services.locate(this.#world.services);
    // Before any Pod of a new StatefulSet wants the address.
    await this.#services.closeAllBut(this.#balanced());
  }

  /** Starts what is in the store, ends what no longer is. */
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
          () => this.#around(pod),
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

  #around(pod: Pod): Surroundings {
    const { name, namespace = 'default', uid = '' } = pod.metadata;
    const { secrets } = this.#world;
    return {
      name,
      namespace,
      uid,
      podIp: this.#options.addresses.host(addressOwnerOf(pod)),
      secret: (secretName) => {
        const found = secrets.find(
          ({ metadata }) => metadata.name === secretName && metadata.namespace === namespace,
        );
        if (found === undefined) return undefined;
        const data = Object.entries(found.data ?? {}).map(([key, encoded]) => [
          key,
          Buffer.from(encoded, 'base64').toString(),
        ]);
        return { ...(Object.fromEntries(data) as Record<string, string>), ...found.stringData };
      },
      service: (inNamespace, service, port) => this.#services.endpoint(inNamespace, service, port),
    };
  }

  /** Those that need a balancer: a StatefulSet's Pod listens at its Service's address itself. */
  #balanced(): Service[] {
    const own = new Set(
      this.#world.sets.map(({ metadata, spec }) => `${metadata.namespace ?? 'default'}/${spec.serviceName}`),
    );
    return this.#world.services.filter((service) => !own.has(nameOf(service)));
  }

  async #routeServices(pods: readonly Pod[]): Promise<void> {
    for (const service of this.#balanced()) {
      const status = await this.#services.route(service, pods);
      if (status !== undefined) await reportStatus(this.#options.store, SERVICES, service, status);
    }
  }

  /** Tells a problem of an object once; an empty message means that there is none now. */
  #tell(object: KubeObject, message: string): void {
    const key = `${object.kind} ${nameOf(object)}`;
    if (message !== '' && this.#told.get(key) !== message) this.#options.onProblem(object, message);
    if (message === '') this.#told.delete(key);
    else this.#told.set(key, message);
  }

  async #list<T extends KubeObject>(resource: Resource, namespace?: string): Promise<readonly T[]> {
    const { items } = await this.#options.store.list(resource, namespace === undefined ? {} : { namespace });
    return items as readonly T[];
  }
}

const addressOwnerOf = (pod: Pod) => pod.metadata.annotations?.[ADDRESS_OWNER] ?? `pod/${nameOf(pod)}`;
