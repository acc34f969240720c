/** Follows the clusters and puts on the screen what changes: when one is ready, Events, the state. */
import { sleep } from '../../../services/runtime/clock.ts';
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import type { KubeObject } from '../../kube/object-store.ts';
import { EVENTS } from '../../render/resources.ts';
import { belongsTo, nameOf } from '../kinds.ts';
import type { LocalCluster } from '../local-cluster.ts';
import { accessOf } from './access.ts';
import type { Screen } from './screen.ts';
import { usesRegister } from '../trial/needs.ts';
import { clusterState, type ClusterState, servesStations } from './state.ts';

const LOOK_EVERY_MS = 1000;
const SCRAPE_EVERY_LOOKS = 2;

/** No news while a cluster starts. */
const RECOVERING = new Set(['Available', 'RedisReady', 'AutoscalingActive', 'Recovered']);

/** An Event as the operator writes it. */
interface Event extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTimestamp: string;
  readonly involvedObject: { readonly name: string };
}

export class Display {
  readonly #local: LocalCluster;
  readonly #screen: Screen;
  /** Clusters that were ready once. */
  /** When clusters of a changed manifest were first seen; performance.now(). */
  readonly #appeared = new Map<string, number>();
  readonly #announced = new Set<string>();
  /** Clusters with a warning. */
  readonly #warned = new Set<string>();
  readonly #began = performance.now();
  #states: readonly ClusterState[] = [];
  #looks = 0;

  constructor(local: LocalCluster, screen: Screen) {
    this.#local = local;
    this.#screen = screen;
  }

  /** As last shown. */
  get states(): readonly ClusterState[] {
    return this.#states;
  }

  /** Shows until `signal` aborts. */
  async show(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#showEvents(signal), this.#showState(signal)]);
  }

  /** Prints the addresses of clusters that are ready. */
  async showAccess(): Promise<void> {
    for (const cluster of await this.#local.clusters()) {
      if (!this.#announced.has(nameOf(cluster))) continue;
      await this.#enrol(cluster);
      await this.#access(cluster);
    }
  }

  /** The Events that `kubectl describe` would show. */
  async #showEvents(signal: AbortSignal): Promise<void> {
    const { store } = this.#local;
    const { resourceVersion } = await store.list(EVENTS);
    for await (const change of store.watch(EVENTS, { resourceVersion, signal })) {
      if (change.type === 'BOOKMARK' || change.type === 'DELETED') continue;
      const { type, involvedObject, reason, message, lastTimestamp: time } = change.object as Event;
      const { name: cluster } = involvedObject;
      const warning = type === 'Warning';
      if (warning) this.#warned.add(cluster);
      if (RECOVERING.has(reason) && !this.#warned.has(cluster)) continue;
      this.#screen.event({ time, cluster, warning, reason, message });
    }
  }

  async #showState(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      if (!signal.aborted) this.#screen.show(this.#states);
      await sleep(LOOK_EVERY_MS, signal);
    }
  }

  async #look(): Promise<void> {
    const local = this.#local;
    const [clusters, pods, deployments] = [
      await local.clusters(),
      await local.pods(),
      await local.deployments(),
    ];
    local.readings.forgetAllBut(pods);
    if (!local.hasOperator && this.#looks++ % SCRAPE_EVERY_LOOKS === 0) await local.readings.read(pods);
    this.#states = clusters.map((cluster) => {
      const own = pods.filter((pod) => belongsTo(pod, cluster));
      const status = local.readings.statusOf(cluster);
      return clusterState({ cluster, status, pods: own, deployments, figures: local.readings.figures(own) });
    });
    for (const cluster of clusters) {
      const name = nameOf(cluster);
      // Those of the first manifest appeared with the program.
      if (this.#announced.size > 0 && !this.#appeared.has(name)) this.#appeared.set(name, performance.now());
      if (servesStations(pods.filter((pod) => belongsTo(pod, cluster)))) await this.#announce(cluster);
    }
  }

  async #announce(cluster: OcppCluster): Promise<void> {
    if (this.#announced.has(nameOf(cluster))) return;
    this.#announced.add(nameOf(cluster));
    const began = this.#appeared.get(nameOf(cluster)) ?? this.#began;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    await this.#enrol(cluster);
    this.#screen.note(`${cluster.metadata.name} is ready after ${seconds} s: stations may connect`);
    await this.#access(cluster);
  }

  /** Stations that were made for a trial: into the register, once it is there. */
  async #enrol(cluster: OcppCluster): Promise<void> {
    const { trial, folder } = this.#local;
    try {
      const register = trial.registerOf(cluster, await this.#local.pods(), folder);
      if (register !== undefined) await trial.enrol(cluster, register);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#screen.note(`the demo stations of ${cluster.metadata.name} are not in the register: ${why}`);
    }
  }

  async #access(cluster: OcppCluster): Promise<void> {
    const { trial, folder } = this.#local;
    const pods = await this.#local.pods();
    const register = trial.registerOf(cluster, pods, folder);
    // A station that could not be put into the register is refused.
    const isEnrolled = register !== undefined || !usesRegister(cluster);
    const stations = isEnrolled ? trial.stationsOf(cluster) : [];
    this.#screen.access(
      accessOf(cluster, pods, folder, { stations, register, api: this.#local.apiOf(cluster) }),
    );
  }
}
