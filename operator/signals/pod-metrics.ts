/**
 * The metrics of the Pods of one cluster over time: scrapes them and keeps their samples. Beside the load it has what only the
 * Pods say: sessions and the state of the store.
 */
import type { Clock } from '../../services/runtime/clock.ts';
import type { Signals } from '../scaling/demand.ts';
import type { ClusterPods, LoadSource } from './load-source.ts';
import type { Scrape } from './scrape.ts';
import { type History, remember, signalsOf, workSince } from './signals.ts';

export interface PodMetricsOptions {
  readonly scrape: Scrape;
  readonly clock: Clock;
  /** Older samples count as missing, ms. */
  readonly staleMs: number;
}

export class PodMetrics implements LoadSource {
  readonly #options: PodMetricsOptions;
  #history: History = new Map();
  #scrapedAt = -Infinity;

  constructor(options: PodMetricsOptions) {
    this.#options = options;
  }

  async read({ all, proxies, processors, draining, targets }: ClusterPods, due: boolean): Promise<Signals> {
    const { clock, scrape, staleMs } = this.#options;
    const before = this.#scrapedAt;
    if (due) {
      this.#scrapedAt = clock.now();
      const pods = all.map(({ uid }) => uid);
      this.#history = remember(this.#history, await scrape(targets), pods);
    }
    const signals = signalsOf(this.#history, {
      proxies: proxies.map(({ uid }) => uid),
      processors: processors.map(({ uid: pod, readyMs }) => ({ pod, readyMs })),
      draining: draining.map(({ uid }) => uid),
      now: clock.now(),
      staleMs,
    });
    const work = due ? workSince(this.#history, before) : undefined;
    return work === undefined ? signals : { ...signals, work };
  }

  close(): void {
    // A scrape keeps no connection, and ends by its time-out.
  }
}
