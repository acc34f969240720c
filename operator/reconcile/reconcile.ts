/**
 * One pass over one OcppCluster: observe, measure, decide, apply, report. Everything it remembers between
 * passes is either in the status (so that another leader goes on from there) or can be lost.
 */
import type { Clock } from '../../services/runtime/clock.ts';
import type { Log } from '../../services/runtime/log.ts';
import {
  type AutoscalingStatus,
  OCPP_CLUSTERS,
  type OcppCluster,
  type OcppClusterStatus,
  type ProxyAutoscalingStatus,
  type RedisStatus,
} from '../api/ocpp-cluster.ts';
import { type Caches, keyOf } from '../controller/caches.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import type { Scrape } from '../signals/scrape.ts';
import { addOnProblems } from './add-ons.ts';
import { type Applied, applyObjects, type Problem, prunable } from './apply.ts';
import { type Decision, decideAll, notBelow } from './decision.ts';
import { writeCosts } from './deletion-costs.ts';
import { ensurePassword, growVolume } from './embedded-redis.ts';
import { ClusterGone, Existence } from './existence.ts';
import { type ClusterEvent, eventsBetween } from './events.ts';
import { Measurement, staleMs } from './measure.ts';
import type { ClusterMetrics } from './metrics.ts';
import { type Observed, observe } from './observe.ts';
import { Rendering } from './rendering.ts';
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
  /** Where the operator itself runs, if that is in the same Kubernetes cluster. */
  readonly operatorNamespace?: string | undefined;
  readonly metrics: ClusterMetrics;
  /** Also how often a cluster is looked at when nothing happens. */
  readonly scrapeIntervalMs: number;
}

/** What this process knows of a cluster. */
interface Memory {
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
  const { problems, redis } = decision.orders.paused
    ? { problems: [], redis: decision.redis }
    : await carryOut(options, cluster, memory, decision, observed);

  const now = clock.now();
  const after = statusOf({ cluster, observed, signals, ...decision, redis, problems, before, now });
  options.metrics.show(cluster, after);
  await report(options, cluster, memory, after);
}

/** Everything but the status. */
async function carryOut(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  memory: Memory,
  { spec, redis, costs, objects }: Decision,
  observed: Observed,
): Promise<{ readonly problems: readonly Problem[]; readonly redis: RedisStatus | undefined }> {
  const { store, caches, clock, log } = options;
  const kinds = prunable(caches);
  const pass = { store, caches, cluster, existence: new Existence(store, caches, cluster) };
  const problems: (Problem | undefined)[] = [];
  const size = spec.redis.embedded?.storage.size;
  let kept = redis;
  if (redis !== undefined && passwordDue(options, memory, observed)) {
    await pass.existence.confirm();
    problems.push(await ensurePassword(store, cluster, redis));
  }
  if (redis !== undefined && size !== undefined && redis.storage !== size) {
    const problem = await growVolume(store, cluster, size);
    problems.push(problem);
    if (problem === undefined) kept = { ...redis, storage: size };
  }
  await writeCosts(store, costs, log);
  const applied = await applyObjects(pass, objects, kinds);
  const addOns = addOnProblems(spec, caches, memory.status, clock.now() - memory.since);
  const all = [...problems.filter((problem) => problem !== undefined), ...applied.problems, ...addOns];
  logApplied(log, cluster, { ...applied, problems: all }, memory);
  return { problems: all, redis: kept };
}

/** A Secret that was deleted is noticed by Pods that do not start. */
const PASSWORD_AGAIN_MS = 10_000;

function passwordDue({ clock }: ReconcilerOptions, memory: Memory, observed: Observed): boolean {
  const workloads = [observed.redis, observed.processor, observed.proxy];
  const settled = workloads.every((one) => one !== undefined && stateOf(one).ready >= stateOf(one).wanted);
  if (settled || clock.now() - memory.passwordTriedAt < PASSWORD_AGAIN_MS) return false;
  memory.passwordTriedAt = clock.now();
  return true;
}

function newMemory(options: ReconcilerOptions, cluster: OcppCluster, observed: Observed): Memory {
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
    problem: '',
  };
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
