/** The options of a reconciler, and its state of each cluster between two passes: losing the state does no harm. */
import type { Clock } from '../../services/runtime/clock.ts';
import type { Log } from '../../services/runtime/log.ts';
import type {
  AutoscalingStatus,
  OcppCluster,
  OcppClusterStatus,
  ProxyAutoscalingStatus,
  RolloutStatus,
} from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import type { KubeObject, ObjectStore } from '../kube/object-store.ts';
import type { Observed } from '../observe/observe.ts';
import type { Scrape } from '../signals/scrape.ts';
import type { Problem } from '../status/conditions.ts';
import type { ClusterEvent } from '../status/events.ts';
import { type AdminAccess, adminAccess } from '../render/admin-access.ts';
import { type AdminRequest, ProxyAdmin, sendOverHttp } from '../rollout/proxy-admin.ts';
import type { ApiAdminState } from './api-admin.ts';
import { notBelow } from './decision.ts';
import { Measurement } from './measure.ts';
import type { ClusterMetrics } from './metrics.ts';
import { PodEvents } from './pod-events.ts';
import { Rendering } from './rendering.ts';

export interface ReconcilerOptions {
  readonly store: ObjectStore;
  readonly caches: Caches;
  readonly scrape: Scrape;
  /** Records a Kubernetes Event; must not fail. */
  readonly recordEvent: (regarding: KubeObject, event: ClusterEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** `repository:tag` for clusters whose spec names none. */
  readonly defaultImage: string;
  readonly redisImage: string;
  /** Namespace of the operator, if it runs in the same Kubernetes cluster. */
  readonly operatorNamespace?: string | undefined;
  readonly metrics: ClusterMetrics;
  /** Key of the admin tokens; absent: proxies take no orders, and old Pods move their stations when they terminate. */
  readonly adminKey?: Uint8Array | undefined;
  /** Talks to the admin ports; over HTTP where left out. */
  readonly sendAdmin?: AdminRequest | undefined;
  /** Also the interval at which a cluster without changes is reconciled. */
  readonly scrapeIntervalMs: number;
}

/** What this process knows of one cluster. */
export interface ReconcileState {
  readonly uid: string | undefined;
  /** Time of the first pass, ms since 1970. */
  readonly since: number;
  /** Whether an arrival rate was measured since then. */
  measured: boolean;
  readonly measurement: Measurement;
  readonly rendering: Rendering;
  readonly podEvents: PodEvents;
  autoscaling: AutoscalingStatus | undefined;
  proxyAutoscaling: ProxyAutoscalingStatus | undefined;
  /** The last one written; the cache may not show it yet. */
  status: OcppClusterStatus | undefined;
  writtenAt: number;
  secretsWrittenAt: number;
  /** The Secret with the key of stored passwords at the last pass. */
  passwordKey: string | undefined;
  apiAdmin: ApiAdminState;
  /** Token of the admin ports; absent: the operator has no key. */
  readonly admin: AdminAccess | undefined;
  readonly proxyAdmin: ProxyAdmin;
  /** The last one decided; the status may have older figures. */
  rollout: RolloutStatus | undefined;
  /** The last reading of the volume claim of the embedded Redis, and what was wrong with it. */
  volumeReadAt: number;
  volumeProblem: Problem | undefined;
  /** When the current series of failed passes began; ms since 1970. */
  failingSince: number | undefined;
  /** The last one logged. */
  problem: string;
}

export function newReconcileState(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  observed: Observed,
): ReconcileState {
  const { scrape, store, clock, scrapeIntervalMs: intervalMs } = options;
  const { name, namespace = 'default' } = cluster.metadata;
  const admin = options.adminKey === undefined ? undefined : adminAccess(cluster, options.adminKey);
  return {
    uid: cluster.metadata.uid,
    since: clock.now(),
    measured: false,
    measurement: new Measurement({
      cluster: { namespace, name },
      scrape,
      store,
      clock,
      intervalMs,
      token: admin?.token,
    }),
    rendering: new Rendering(),
    podEvents: new PodEvents(options),
    autoscaling: notBelow(cluster.status?.autoscaling, observed.processor),
    proxyAutoscaling: notBelow(
      cluster.status?.proxy?.autoscaling,
      observed.proxy,
      cluster.status?.proxy?.scaleIn?.pods.length,
    ),
    status: cluster.status,
    // As if just written: figures that this process has not read yet are no reason to write the status.
    writtenAt: clock.now(),
    secretsWrittenAt: -Infinity,
    passwordKey: undefined,
    apiAdmin: { owner: undefined, at: -Infinity },
    admin,
    proxyAdmin: new ProxyAdmin({
      send: options.sendAdmin ?? sendOverHttp,
      onFailure: (pod, error) =>
        options.log.debug({ pod, error: error.message }, 'a ws-proxy did not answer on its admin port'),
    }),
    rollout: cluster.status?.rollout,
    volumeReadAt: clock.now(),
    volumeProblem: undefined,
    failingSince: undefined,
    problem: '',
  };
}
