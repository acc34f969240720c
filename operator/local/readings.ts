/**
 * What the operator reads and decides, kept for the screen: the samples of its scrapes, and the status of every reconcile,
 * of which only changes worth a write reach the store. No Pod is scraped a second time.
 */
import { Registry } from 'prom-client';
import { METRIC } from '../../services/contract.ts';
import type { OcppCluster, OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { staleMs, targetOf } from '../reconcile/measure.ts';
import { ClusterMetrics } from '../reconcile/metrics.ts';
import { idOf } from '../observe/observe.ts';
import type { QueueReading } from '../scaling/demand.ts';
import { createScraper, type Scrape } from '../signals/scrape.ts';
import { type History, remember, signalsOf } from '../signals/signals.ts';
import { componentOf, isReady, type Pod } from './kinds.ts';

/** Undefined: unknown, which is not zero. */
export interface Figures {
  readonly stations: number | undefined;
  readonly transactions: number | undefined;
  readonly queue: QueueReading | undefined;
}

export class Readings extends ClusterMetrics {
  /** Reads Pods and remembers the samples. */
  readonly scrape: Scrape;
  readonly #now: () => number;
  readonly #staleMs: number;
  readonly #statuses = new Map<string, OcppClusterStatus>();
  #history: History = new Map();

  constructor(now: () => number, intervalMs: number) {
    super(new Registry());
    this.#now = now;
    this.#staleMs = staleMs(intervalMs);
    const scrape = createScraper(now, () => undefined);
    this.scrape = async (targets) => {
      const samples = await scrape(targets);
      this.#history = remember(this.#history, samples, [
        ...this.#history.keys(),
        ...targets.map(({ pod }) => pod),
      ]);
      return samples;
    };
  }

  override show(cluster: OcppCluster, status: OcppClusterStatus): void {
    this.#statuses.set(cluster.metadata.uid ?? '', status);
  }

  /** The status of the last reconcile. */
  statusOf(cluster: OcppCluster): OcppClusterStatus | undefined {
    return this.#statuses.get(cluster.metadata.uid ?? '') ?? cluster.status;
  }

  /** Scrapes where no operator does. */
  async read(pods: readonly Pod[]): Promise<void> {
    await this.scrape(pods.flatMap((pod) => targetOf(pod)));
  }

  /** @param pods all that exist; samples of others are forgotten */
  forgetAllBut(pods: readonly Pod[]): void {
    this.#history = remember(this.#history, [], pods.map(idOf));
  }

  /** @param pods of one cluster */
  figures(pods: readonly Pod[]): Figures {
    const ids = new Set(pods.map(idOf));
    const history = new Map([...this.#history].filter(([id]) => ids.has(id)));
    const proxies = pods.filter((pod) => componentOf(pod) === 'ws-proxy' && isReady(pod)).map(idOf);
    const now = this.#now();
    const { sessions, queue } = signalsOf(history, { proxies, now, staleMs: this.#staleMs });
    const transactions = [...history.values()].flatMap(({ samples }) => {
      const last = samples.at(-1);
      const value = last?.values[METRIC.transactionsOpen];
      return value === undefined || now - (last?.at ?? 0) > this.#staleMs ? [] : [value];
    });
    return {
      stations: sessions,
      // Every processor reports the whole cluster's.
      transactions: transactions.length === 0 ? undefined : Math.max(...transactions),
      queue: queue !== undefined && queue.ageMs <= this.#staleMs ? queue : undefined,
    };
  }
}
