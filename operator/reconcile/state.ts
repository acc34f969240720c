/** What a reconciler is given, and what it knows of each cluster between two passes: all of it can be lost. */
import type { Clock } from '../../services/runtime/clock.ts';
import type { Log } from '../../services/runtime/log.ts';
import type {
  AutoscalingStatus,
  OcppCluster,
  OcppClusterStatus,
  ProxyAutoscalingStatus,
} from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import type { KubeObject, ObjectStore } from '../kube/object-store.ts';
import type { Scrape } from '../signals/scrape.ts';
import { notBelow } from './decision.ts';
import type { ClusterEvent } from '../status/events.ts';
import { Measurement } from './measure.ts';
import type { ClusterMetrics } from './metrics.ts';
import type { Observed } from './observe.ts';
import { Rendering } from './rendering.ts';

export interface ReconcilerOptions {
  readonly store: ObjectStore;
  readonly caches: Caches;
  readonly scrape: Scrape;
  /** Tells Kubernetes' users; must not fail. */
  readonly recordEvent: (regarding: KubeObject, event: ClusterEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** `repository:tag` for clusters that do not say. */
  readonly defaultImage: string;
  readonly redisImage: string;
  /** Where the operator itself runs, if that is in the same Kubernetes cluster. */
  readonly operatorNamespace?: string | undefined;
  readonly metrics: ClusterMetrics;
  /** Also how often a cluster is looked at when nothing happens. */
  readonly scrapeIntervalMs: number;
}

/** What this process knows of a cluster. */
export interface Memory {
  readonly uid: string | undefined;
  /** When it was first looked at, ms since 1970. */
  readonly since: number;
  /** Whether its Pods told how many frames arrive since then. */
  read: boolean;
  readonly measurement: Measurement;
  readonly rendering: Rendering;
  autoscaling: AutoscalingStatus | undefined;
  proxyAutoscaling: ProxyAutoscalingStatus | undefined;
  /** What we wrote last: the cache may not show it yet. */
  status: OcppClusterStatus | undefined;
  writtenAt: number;
  passwordTriedAt: number;
  /** When the first of the passes failed that have failed since; ms since 1970. */
  failingSince: number | undefined;
  /** What was logged last. */
  problem: string;
}

export function newMemory(options: ReconcilerOptions, cluster: OcppCluster, observed: Observed): Memory {
  const { scrape, clock, scrapeIntervalMs: intervalMs } = options;
  return {
    uid: cluster.metadata.uid,
    since: clock.now(),
    read: false,
    measurement: new Measurement({ scrape, clock, intervalMs }),
    rendering: new Rendering(),
    autoscaling: notBelow(cluster.status?.autoscaling, observed.processor),
    proxyAutoscaling: notBelow(cluster.status?.proxy?.autoscaling, observed.proxy),
    status: cluster.status,
    // What is not read yet is no news.
    writtenAt: clock.now(),
    passwordTriedAt: -Infinity,
    failingSince: undefined,
    problem: '',
  };
}
