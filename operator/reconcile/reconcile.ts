/**
 * One pass over one OcppCluster: observe, measure, decide, apply, report. Everything it remembers between
 * passes is either in the status (so that another leader goes on from there) or can be lost.
 */
import type { Clock } from '../../services/runtime/clock.ts';
import type { Log } from '../../services/runtime/log.ts';
import { settledSpec } from '../api/defaults.ts';
import {
  type AutoscalingStatus,
  OCPP_CLUSTERS,
  type OcppCluster,
  type OcppClusterStatus,
} from '../api/ocpp-cluster.ts';
import { type Caches, keyOf } from '../controller/caches.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import { renderObjects } from '../render/objects.ts';
import { decide } from '../scaling/decide.ts';
import type { Scrape } from '../signals/scrape.ts';
import { type Applied, applyObjects } from './apply.ts';
import { type ClusterEvent, eventsBetween } from './events.ts';
import { chooseImage } from './image.ts';
import { Measurement, staleMs } from './measure.ts';
import type { ClusterMetrics } from './metrics.ts';
import { type Observed, observe } from './observe.ts';
import { statusOf, worthWriting } from './status.ts';
import { stateOf } from './workloads.ts';

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
  readonly metrics: ClusterMetrics;
  /** Also how often a cluster is looked at when nothing happens. */
  readonly scrapeIntervalMs: number;
}

/** What this process knows of a cluster. */
interface Memory {
  readonly uid: string | undefined;
  readonly measurement: Measurement;
  autoscaling: AutoscalingStatus | undefined;
  /** What we wrote last: the cache may not show it yet. */
  status: OcppClusterStatus | undefined;
  writtenAt: number;
  /** What was logged last. */
  problem: string;
}

/** For createController: `key` is `namespace/name`. Deleted clusters need nothing, owner references do it. */
export function createReconciler(
  options: ReconcilerOptions,
): (key: string) => Promise<{ readonly requeueAfterMs?: number }> {
  const memories = new Map<string, Memory>();
  return async (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const cluster: OcppCluster | undefined = options.caches.get({ resource: OCPP_CLUSTERS, namespace, name });
    if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) {
      options.metrics.forget(namespace, name);
      memories.delete(key);
      return {};
    }
    let memory = memories.get(key);
    if (memory === undefined || memory.uid !== cluster.metadata.uid) {
      memory = newMemory(options, cluster);
      memories.set(key, memory);
    }
    await reconcileCluster(options, cluster, memory);
    return { requeueAfterMs: options.scrapeIntervalMs };
  };
}

async function reconcileCluster(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  memory: Memory,
): Promise<void> {
  const { store, caches, clock } = options;
  const observed = observe(caches, cluster);
  const signals = await memory.measurement.read(observed);

  const spec = settledSpec(cluster);
  const image = chooseImage(spec.image, memory.status, options.defaultImage);
  const scale = decide({
    spec: spec.processor.autoscaling,
    ...(spec.processor.replicas !== undefined && { fixedReplicas: spec.processor.replicas }),
    ...deploymentOf(observed),
    signals,
    memory: memory.autoscaling ?? {},
    now: clock.now(),
    staleMs: staleMs(options.scrapeIntervalMs),
  });
  memory.autoscaling = scale.memory;
  const objects = renderObjects(cluster, {
    image: image.image,
    redisImage: options.redisImage,
    processorReplicas: scale.replicas,
  });

  const applied = await applyObjects(store, caches, cluster, objects);
  logApplied(options.log, cluster, applied, memory);

  const { problems } = applied;
  const before = memory.status;
  const now = clock.now();
  const after = statusOf({ cluster, spec, observed, signals, scale, image, problems, before, now });
  options.metrics.show(cluster, after);
  await report(options, cluster, memory, after);
}

function newMemory(options: ReconcilerOptions, cluster: OcppCluster): Memory {
  const { scrape, clock, scrapeIntervalMs: intervalMs } = options;
  return {
    uid: cluster.metadata.uid,
    measurement: new Measurement({ scrape, clock, intervalMs }),
    autoscaling: cluster.status?.autoscaling,
    status: cluster.status,
    writtenAt: -Infinity,
    problem: '',
  };
}

function deploymentOf(observed: Observed) {
  if (observed.processor === undefined) return {};
  const [processor, proxy] = [stateOf(observed.processor), stateOf(observed.proxy)];
  // Stations that move load the processors otherwise than usual.
  const rolling = [processor, proxy].some((state) => state.rolling || state.unseen);
  return { deployment: { replicas: processor.wanted, readyReplicas: processor.ready, rolling } };
}

async function report(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  memory: Memory,
  after: OcppClusterStatus,
): Promise<void> {
  const { store, clock, log, recordEvent } = options;
  const before = memory.status;
  if (!worthWriting(before, after, clock.now() - memory.writtenAt)) return;
  const { name, namespace = 'default' } = cluster.metadata;
  try {
    await store.patchStatus({ resource: OCPP_CLUSTERS, name, namespace }, after);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
    // Deleted while it was looked at.
    log.debug({ cluster: keyOf(cluster.metadata) }, 'no status to write, the cluster is gone');
    return;
  }
  memory.status = after;
  memory.writtenAt = clock.now();
  for (const event of eventsBetween(before, after)) recordEvent(cluster, event);
}

function logApplied(log: Log, cluster: OcppCluster, applied: Applied, memory: Memory): void {
  const { changed, pruned, problems } = applied;
  const fields = { cluster: keyOf(cluster.metadata) };
  if (changed.length > 0) log.info({ ...fields, changed }, 'objects made or changed');
  if (pruned.length > 0) log.info({ ...fields, pruned }, 'objects deleted that are no longer wanted');
  // They come again with every pass.
  const problem = problems.map(({ message }) => message).join('; ');
  if (problem !== '' && problem !== memory.problem) {
    const soon = problems.every(({ reason }) => reason === 'BeingReplaced');
    log[soon ? 'info' : 'warn']({ ...fields, problem }, 'objects left as they are');
  }
  memory.problem = problem;
}
