/**
 * Where the load of one cluster is read. Two implementations: PodMetrics scrapes the Pods, PrometheusLoad asks a
 * Prometheus that scrapes them. The load comes from one of them only.
 */
import type { LoadSignals } from '../scaling/demand.ts';
import type { ScrapeTarget } from './scrape.ts';

export interface LoadSource {
  /**
   * Never rejects: a figure that could not be read is absent, and `problem` says why. The result has `work` at most once
   * for each reading.
   * @param due false: the figures of the last reading suffice
   */
  read(pods: ClusterPods, due: boolean): Promise<LoadSignals>;
  /** Ends open requests and connections. */
  close(): void;
}

export interface PodIdentity {
  readonly uid: string;
  readonly name: string;
}

/** The Pods of the cluster, as a pass observed them. */
export interface ClusterPods {
  /** All of them; readings of others are dropped. */
  readonly all: readonly PodIdentity[];
  /** Ready ws-proxy Pods that stay. The arrival rate is complete when it has each of them. */
  readonly proxies: readonly PodIdentity[];
  /** Ready processor Pods, and for how long they are, ms. */
  readonly processors: readonly (PodIdentity & { readonly readyMs: number })[];
  /** ws-proxy Pods that leave: they count while they have figures. */
  readonly draining: readonly PodIdentity[];
  readonly targets: readonly ScrapeTarget[];
}
