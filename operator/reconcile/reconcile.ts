/**
 * One pass over one OcppCluster: observe, measure, decide, execute, report. Everything kept between two passes
 * is either in the status, from which the next leader continues, or may be lost.
 */
import { OCPP_CLUSTERS, type OcppCluster, type OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { keyOf } from '../controller/caches.ts';
import { StoreError } from '../kube/object-store.ts';
import { type Observed, observe, podsOf } from '../observe/observe.ts';
import { REBALANCE } from '../observe/pauses.ts';
import { eventsBetween } from '../status/events.ts';
import { NUMBERS_EVERY_MS, shouldWrite, statusOf } from '../status/status.ts';
import { isAsked, isRebalancing } from '../rollout/rebalance.ts';
import { isRunning } from '../rollout/step.ts';
import type { PodReports } from '../rollout/pod-reports.ts';
import { decide, type Decision } from './decision.ts';
import { ClusterGone, DeletionGuard } from './deletion-guard.ts';
import { execute } from './execute.ts';
import { loadStaleMs, staleMs, targetOf } from './measure.ts';
import { defaultedSpec } from '../api/defaults.ts';
import { stateOf } from '../observe/workloads.ts';
import { NO_REPORTS } from '../rollout/pod-reports.ts';
import type { ScrapeTarget } from '../signals/scrape.ts';
import { knownVariablesOnly } from './variables.ts';
import { newReconcileState, type ReconcilerOptions, type ReconcileState } from './state.ts';

/** Interval of passes while stations are moved by order; ms. */
const ROLLOUT_MS = 1000;

export interface Reconciler {
  /** For createController: `key` is `namespace/name`. A deleted cluster needs no work: owner references delete its objects. */
  (key: string): Promise<{ readonly requeueAfterMs?: number }>;
  /** Ends connections. No pass may run. */
  close(): void;
}

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const states = new Map<string, ReconcileState>();
  const reconcile = async (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    const cluster: OcppCluster | undefined = options.caches.get({ resource: OCPP_CLUSTERS, namespace, name });
    if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) {
      options.metrics.forget(namespace, name);
      states.get(key)?.measurement.close();
      states.delete(key);
      return {};
    }
    let state = states.get(key);
    if (state === undefined || state.uid !== cluster.metadata.uid) {
      const observed = observe(options.caches, cluster);
      state?.measurement.close();
      state = newReconcileState(options, cluster, observed);
      states.set(key, state);
      if (mayWait(observed, cluster)) return { requeueAfterMs: 1 };
    }
    try {
      await reconcileCluster(options, cluster, state);
    } catch (error) {
      if (!(error instanceof ClusterGone)) throw error;
      options.log.debug({ cluster: key }, 'the cluster was deleted during the pass');
    }
    const { scrapeIntervalMs } = options;
    return {
      requeueAfterMs: movesStations(state) ? Math.min(ROLLOUT_MS, scrapeIntervalMs) : scrapeIntervalMs,
    };
  };
  const close = () => {
    for (const { measurement } of states.values()) measurement.close();
  };
  return Object.assign(reconcile, { close });
}

/**
 * A new leader reconciles all clusters, which takes a while when there are hundreds. Clusters that lack a workload
 * come first.
 */
const mayWait = ({ proxy, processor, redis }: Observed, { status }: OcppCluster): boolean =>
  proxy !== undefined &&
  processor !== undefined &&
  (redis !== undefined || (status !== undefined && status.redis === undefined));

async function reconcileCluster(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  state: ReconcileState,
): Promise<void> {
  const { caches, clock } = options;
  const observed = observe(caches, cluster);
  const before = state.status;
  const scaleIn = before?.proxy?.scaleIn;
  const { prometheus } = defaultedSpec(cluster).processor.autoscaling;
  const signals = await state.measurement.read(observed, scaleIn?.pods, prometheus);
  state.measured ||= signals.arrivalRate !== undefined;
  const stale = loadStaleMs(prometheus, options.scrapeIntervalMs);
  const targets = podsOf(observed, 'ws-proxy').flatMap((pod) => targetOf(pod));
  const reports = await readReports(cluster, observed, state, targets);
  const known = knownVariablesOnly(cluster, observed);
  const decision = decide({
    cluster: known.cluster,
    observed,
    signals,
    status: before,
    autoscaling: state.autoscaling,
    proxyAutoscaling: state.proxyAutoscaling,
    rendering: state.rendering,
    own: { image: options.defaultImage, redisImage: options.redisImage },
    serves: caches.serves.bind(caches),
    operatorNamespace: options.operatorNamespace,
    adminSecret: state.admin?.secretName,
    reports,
    rollout: state.rollout,
    scaleIn,
    rebalance: before?.proxy?.rebalance,
    now: clock.now(),
    staleMs: stale,
    warmingUp: !state.measured && clock.now() - state.since < staleMs(options.scrapeIntervalMs),
  });
  state.autoscaling = decision.processors.autoscaling;
  state.proxyAutoscaling = decision.proxies.autoscaling;
  state.rollout = decision.rollout.state;
  const executed = decision.pauses.paused
    ? { problems: [], redis: decision.redis }
    : await execute(options, cluster, state, decision, observed);
  if (!decision.pauses.paused && executed.failure === undefined) await giveOrders(state, targets, decision);

  const podEvents = await state.podEvents.read(observed.pods);
  const problems = [...executed.problems, ...known.problems];
  const findings = { cluster, observed, signals, ...decision, ...executed, problems, podEvents, before };
  const after = statusOf({ ...findings, staleMs: stale, now: clock.now() });
  options.metrics.show(cluster, after, clock.now());
  await report(options, cluster, state, after);
  if (executed.failure !== undefined) throw executed.failure;
}

/** Whether a rollout, a scale-in or a rebalance runs. */
const movesStations = ({ rollout, status }: Pick<ReconcileState, 'rollout' | 'status'>): boolean =>
  isRunning(rollout) || status?.proxy?.scaleIn !== undefined || isRebalancing(status?.proxy?.rebalance);

/** While stations are moved by order and while an old set has Pods. Without a key no Pod takes orders. */
async function readReports(
  cluster: OcppCluster,
  observed: Observed,
  state: ReconcileState,
  targets: readonly ScrapeTarget[],
): Promise<PodReports> {
  const { admin, proxyAdmin, rollout } = state;
  const rebalance = state.status?.proxy?.rebalance;
  const isAskedFor = isAsked(cluster.metadata.annotations?.[REBALANCE], rebalance);
  const needed =
    movesStations(state) ||
    isAskedFor ||
    (admin !== undefined && !proxyAdmin.allAccept(targets)) ||
    observed.proxySets.filter((set) => stateOf(set).replicas > 0).length > 1;
  if (!needed) return NO_REPORTS;
  if (admin === undefined) {
    const all = new Map(targets.map(({ pod }) => [pod, 'unsupported'] as const));
    return { reports: all, selfTests: all };
  }
  const { returnWithinSeconds: missingAfterSeconds } = defaultedSpec(cluster).proxy.rollout;
  const counted = isRunning(rollout) ? rollout : isRebalancing(rebalance) ? rebalance : undefined;
  return proxyAdmin.read(admin.token, targets, counted && { id: counted.id, missingAfterSeconds });
}

/** After the objects are applied: the Service selects the serving set before another one refuses stations. */
async function giveOrders(
  { admin, proxyAdmin }: ReconcileState,
  targets: readonly ScrapeTarget[],
  { rollout: { orders, selfTests } }: Decision,
): Promise<void> {
  if (admin !== undefined) await proxyAdmin.execute(admin.token, targets, orders, selfTests);
}

async function report(
  options: ReconcilerOptions,
  cluster: OcppCluster,
  state: ReconcileState,
  after: OcppClusterStatus,
): Promise<void> {
  const { store, caches, clock, log, recordEvent } = options;
  const before = state.status;
  // The image and the password chosen for this cluster must not reach a new cluster of the same name.
  new DeletionGuard(store, caches, cluster).check();
  const sinceWriteMs = clock.now() - state.writtenAt;
  // Another client removed the status that we wrote.
  const wiped = cluster.status?.observedGeneration === undefined && sinceWriteMs >= NUMBERS_EVERY_MS;
  if (!wiped && !shouldWrite(before, after, sinceWriteMs)) return;
  const { name, namespace = 'default' } = cluster.metadata;
  try {
    await store.patchStatus({ resource: OCPP_CLUSTERS, name, namespace }, after);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
    // Deleted during this pass.
    log.debug({ cluster: keyOf(cluster.metadata) }, 'status not written, the cluster was deleted');
    return;
  }
  state.status = after;
  state.writtenAt = clock.now();
  for (const event of eventsBetween(before, after)) recordEvent(cluster, event);
}
