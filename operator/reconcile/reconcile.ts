/**
 * One pass over one OcppCluster: observe, measure, decide, apply, report. Everything it remembers between
 * passes is either in the status (so that another leader goes on from there) or can be lost.
 */
import { OCPP_CLUSTERS, type OcppCluster, type OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { keyOf } from '../controller/caches.ts';
import { StoreError } from '../kube/object-store.ts';
import { attempt } from './execute.ts';
import { decideAll } from './decision.ts';
import { ClusterGone, Existence } from './deletion-guard.ts';
import { eventsBetween } from '../status/events.ts';
import { staleMs } from './measure.ts';
import { type Memory, newMemory, type ReconcilerOptions } from './state.ts';
import { type Observed, observe } from './observe.ts';
import { NUMBERS_EVERY_MS, statusOf, worthWriting } from '../status/status.ts';

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
      const observed = observe(options.caches, cluster);
      memory = newMemory(options, cluster, observed);
      memories.set(key, memory);
      if (mayWait(observed, cluster)) return { requeueAfterMs: 1 };
    }
    try {
      await reconcileCluster(options, cluster, memory);
    } catch (error) {
      if (!(error instanceof ClusterGone)) throw error;
      options.log.debug({ cluster: key }, error.message);
    }
    return { requeueAfterMs: options.scrapeIntervalMs };
  };
}

/**
 * An operator that takes over has all clusters to go through, which takes a while when there are hundreds: those whose
 * programs are there come after those that lack one.
 */
const mayWait = ({ proxy, processor, redis }: Observed, { status }: OcppCluster): boolean =>
  proxy !== undefined &&
  processor !== undefined &&
  (redis !== undefined || (status !== undefined && status.redis === undefined));

async function reconcileCluster(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  memory: Memory,
): Promise<void> {
  const { caches, clock } = options;
  const observed = observe(caches, cluster);
  const signals = await memory.measurement.read(observed);
  const before = memory.status;
  memory.read ||= signals.arrivalRate !== undefined;
  const stale = staleMs(options.scrapeIntervalMs);
  const decision = decideAll({
    cluster,
    observed,
    signals,
    status: before,
    autoscaling: memory.autoscaling,
    proxyAutoscaling: memory.proxyAutoscaling,
    rendering: memory.rendering,
    own: { image: options.defaultImage, redisImage: options.redisImage },
    serves: caches.serves.bind(caches),
    operatorNamespace: options.operatorNamespace,
    now: clock.now(),
    staleMs: stale,
    warmingUp: !memory.read && clock.now() - memory.since < stale,
  });
  memory.autoscaling = decision.scale.memory;
  memory.proxyAutoscaling = decision.proxies.memory;
  const outcome = decision.orders.paused
    ? { problems: [], redis: decision.redis }
    : await attempt(options, cluster, memory, decision, observed);

  const now = clock.now();
  const after = statusOf({ cluster, observed, signals, ...decision, ...outcome, before, now });
  options.metrics.show(cluster, after);
  await report(options, cluster, memory, after);
  if (outcome.failure !== undefined) throw outcome.failure;
}

async function report(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  memory: Memory,
  after: OcppClusterStatus,
): Promise<void> {
  const { store, caches, clock, log, recordEvent } = options;
  const before = memory.status;
  // What was chosen for this cluster (image, password) is not for the next one of its name.
  new Existence(store, caches, cluster).check();
  const sinceWriteMs = clock.now() - memory.writtenAt;
  // Somebody took away what we wrote.
  const wiped = cluster.status?.observedGeneration === undefined && sinceWriteMs >= NUMBERS_EVERY_MS;
  if (!wiped && !worthWriting(before, after, sinceWriteMs)) return;
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
