/** What the person at the terminal is told while clusters run: when they are ready, Events, the state. */
import { sleep } from '../../../services/runtime/clock.ts';
import { defaultedSpec } from '../../api/defaults.ts';
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import type { KubeObject, Resource } from '../../kube/object-store.ts';
import { PODS } from '../../render/resources.ts';
import { createScraper } from '../../signals/scrape.ts';
import { ignoredFields } from './ignored-fields.ts';
import type { LocalCluster } from '../local-cluster.ts';
import type { Manifest } from './manifest.ts';
import { belongsTo, scrapeTargets, servesStations, stateLine } from './state-line.ts';
import type { Terminal } from './terminal.ts';

const LOOK_EVERY_MS = 1000;
const EVENTS: Resource = { ...PODS, kind: 'Event', plural: 'events' };

/** Of `npm run simulate`, and of a cluster that says nothing. */
const DEFAULT_URL = 'ws://127.0.0.1:9000/ocpp';

const GETTING_WELL = new Set(['Available', 'RedisReady', 'AutoscalingActive', 'Recovered']);

/** An Event as the operator writes it. */
interface Event extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly name: string };
}

/**
 * Where the stations of each cluster connect, who may charge there, and what of its manifest is not to be seen here.
 * @param tokens the lines of each cluster, as LocalCluster.tokenLines() has them
 */
export function whereTo({ clusters }: Manifest, tokens: readonly (readonly string[])[] = []): string[] {
  return clusters.flatMap((cluster, index) => {
    const { listeners, protocols } = defaultedSpec(cluster);
    const urls = listeners.map(({ port, path }) => `ws://127.0.0.1:${port}${path}`);
    const [first = DEFAULT_URL, ...further] = urls;
    const where = first === DEFAULT_URL ? '' : ` --url ${first}`;
    const ignored = ignoredFields(cluster);
    return [
      '',
      `  OcppCluster ${cluster.metadata.name}`,
      `  stations connect to   ${first}/{id}   (${protocols.join(', ')})`,
      ...further.map((url) => `                 and to ${url}/{id}`),
      `  simulated ones        npm run simulate -- --stations 10${where}`,
      ...(tokens[index] ?? []),
      ...(ignored.length === 0 ? [] : [`  ignored here          ${ignored.join(', ')}`]),
    ];
  });
}

export class Display {
  readonly #local: LocalCluster;
  readonly #terminal: Terminal;
  /** Clusters that were ready once. */
  readonly #announced = new Set<string>();
  /** Clusters of which a warning was told. */
  readonly #troubled = new Set<string>();
  readonly #began = performance.now();

  constructor(local: LocalCluster, terminal: Terminal) {
    this.#local = local;
    this.#terminal = terminal;
  }

  /** Shows until `signal` aborts. */
  async show(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#showEvents(signal), this.#showState(signal)]);
  }

  /** What the operator tells about a cluster, as `kubectl describe` would show it. */
  async #showEvents(signal: AbortSignal): Promise<void> {
    const { store } = this.#local;
    const { resourceVersion } = await store.list(EVENTS);
    for await (const change of store.watch(EVENTS, { resourceVersion, signal })) {
      if (change.type === 'BOOKMARK' || change.type === 'DELETED') continue;
      const { type, involvedObject, reason, message } = change.object as Event;
      const { name } = involvedObject;
      if (type === 'Warning') this.#troubled.add(name);
      // That things get well one by one while it starts is no news.
      if (GETTING_WELL.has(reason) && !this.#troubled.has(name)) continue;
      this.#terminal.note(`${name}: ${reason}: ${message}`);
    }
  }

  async #showState(signal: AbortSignal): Promise<void> {
    const scrape = createScraper(Date.now, () => undefined);
    while (!signal.aborted) {
      const pods = await this.#local.pods();
      const samples = await scrape(scrapeTargets(pods));
      const clusters = await this.#local.clusters();
      for (const cluster of clusters) {
        if (servesStations(pods.filter((pod) => belongsTo(pod, cluster)))) await this.#announce(cluster);
      }
      const lines = clusters.map((cluster) => {
        const own = pods.filter((pod) => belongsTo(pod, cluster));
        const names = new Set(own.map((pod) => pod.metadata.name));
        const ownSamples = samples.filter(({ pod }) => names.has(pod));
        return stateLine(cluster.metadata.name, cluster.status, own, ownSamples);
      });
      const something = pods.length > 0 || clusters.some(({ status }) => status !== undefined);
      if (!signal.aborted && something) this.#terminal.state(lines.join('   '));
      await sleep(LOOK_EVERY_MS, signal);
    }
  }

  async #announce(cluster: OcppCluster): Promise<void> {
    const { name } = cluster.metadata;
    if (this.#announced.has(name)) return;
    this.#announced.add(name);
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    this.#terminal.note(`${name} is ready after ${seconds} s: stations may connect`);
    for (const line of await this.#local.tokenLines(cluster)) this.#terminal.say(line);
  }
}
