/** Everything that one pass decides, from the cluster and what was observed of it. Pure. */
import { defaultedSpec } from '../api/defaults.ts';
import type {
  AutoscalingStatus,
  DefaultedSpec,
  OcppCluster,
  OcppClusterStatus,
  ProxyRebalanceStatus,
  ProxyScaleInStatus,
  ProxyAutoscalingStatus,
  RedisStatus,
  RolloutStatus,
} from '../api/ocpp-cluster.ts';
import type { KubeObject, Resource } from '../kube/object-store.ts';
import { hasOtherAutoscaler } from '../observe/autoscalers.ts';
import { type Observed, podsOf, runningOf } from '../observe/observe.ts';
import { ANNOTATION, type Pauses, pausesOf } from '../observe/pauses.ts';
import { isReady, stateOf, type Workload } from '../observe/workloads.ts';
import { chooseRelease, type OwnImages, type Release, type Running } from '../render/release.ts';
import type { RenderContext } from '../render/render-input.ts';
import type { PodReports } from '../rollout/pod-reports.ts';
import type { RolloutPlan } from '../rollout/plan.ts';
import type { RebalancePlan } from '../rollout/rebalance.ts';
import type { ScaleInPlan } from '../rollout/scale-in.ts';
import { isRunning } from '../rollout/step.ts';
import type { Signals } from '../scaling/demand.ts';
import { SIGNALS_MISSING } from '../scaling/explain.ts';
import type { ProcessorScaleDecision } from '../scaling/decision.ts';
import { decideProcessors } from '../scaling/processors.ts';
import { decideProxies, type ProxyScaleDecision } from '../scaling/proxies.ts';
import { chooseRedis } from './embedded-redis.ts';
import { passwordRefresh } from './password-refresh.ts';
import { processorDeletionCosts, proxyDeletionCosts } from './pod-deletion-costs.ts';
import { planProxySets } from './proxy-sets.ts';
import type { Rendering } from './rendering.ts';

export interface DecisionInput {
  readonly cluster: OcppCluster;
  readonly observed: Observed;
  readonly signals: Signals;
  /** The last one that was written. */
  readonly status: OcppClusterStatus | undefined;
  readonly autoscaling: AutoscalingStatus | undefined;
  readonly proxyAutoscaling: ProxyAutoscalingStatus | undefined;
  readonly own: OwnImages;
  readonly rendering: Rendering;
  /** Whether the API server serves this kind of an add-on. */
  readonly serves: (resource: Resource) => boolean;
  readonly operatorNamespace?: string | undefined;
  /** Secret with the token of the admin ports; absent: they take no orders. */
  readonly adminSecret?: string | undefined;
  readonly reports: PodReports;
  /** The last state of the rollout; it may be newer than the one in `status`. */
  readonly rollout: RolloutStatus | undefined;
  /** As last written. */
  readonly scaleIn: ProxyScaleInStatus | undefined;
  readonly rebalance: ProxyRebalanceStatus | undefined;
  /** ms since 1970 */
  readonly now: number;
  /** Older readings count as missing, ms. */
  readonly staleMs: number;
  /** This operator has just started and has no arrival rate yet. */
  readonly warmingUp: boolean;
}

export interface Decision {
  readonly spec: DefaultedSpec;
  readonly pauses: Pauses;
  readonly release: Release;
  readonly redis: RedisStatus | undefined;
  readonly processors: ProcessorScaleDecision;
  readonly proxies: ProxyScaleDecision;
  readonly rollout: RolloutPlan;
  readonly scaleIn: ScaleInPlan;
  readonly rebalance: RebalancePlan;
  /** Names of Deployments that stay as they are. */
  readonly keptSets: readonly string[];
  /** Written to the Pods before a scale-in. */
  readonly podDeletionCosts: readonly KubeObject[];
  /** Written to the Pod of the embedded Redis when logins are refused. */
  readonly passwordRefresh: readonly KubeObject[];
  /** In the order in which they are applied. */
  readonly objects: readonly KubeObject[];
}

export function decide(input: DecisionInput): Decision {
  const { cluster, observed, signals, status, own } = input;
  const spec = defaultedSpec(cluster);
  const pauses = pausesOf(cluster);
  const running = runningOf(observed);
  const release = chooseRelease(spec, status, own, running);
  const redis = chooseRedis(cluster, spec, status, release, running);
  const processors = pauses.paused ? pausedProcessors(input) : scaleProcessors(input, spec, pauses);
  const proxies = pauses.paused ? pausedProxies(input, spec) : scaleProxies(input, spec, pauses);
  const context = contextOf(input, {
    spec,
    release,
    redis,
    pauses,
    running,
    processorReplicas: processors.replicas,
  });
  const proxySets = planProxySets({ ...input, spec, context, replicas: proxies.replicas });
  return {
    spec,
    pauses,
    release,
    redis,
    processors,
    proxies,
    rollout: proxySets.plan,
    scaleIn: proxySets.scaleIn,
    rebalance: proxySets.rebalance,
    keptSets: proxySets.kept,
    passwordRefresh: passwordRefresh(observed, signals, input.now),
    podDeletionCosts: [
      ...proxyDeletionCosts(
        observed,
        signals,
        proxySets.plan.sets,
        spec.proxy.maxSessionsPerPod,
        proxySets.scaleIn.emptied,
      ),
      ...processorDeletionCosts(observed, signals, processors.replicas),
    ],
    objects: [...input.rendering.of(cluster, proxySets.context), ...proxySets.changed],
  };
}

interface Chosen {
  readonly spec: DefaultedSpec;
  readonly release: Release;
  readonly redis: RedisStatus | undefined;
  readonly pauses: Pauses;
  readonly running: Running;
  readonly processorReplicas: number;
}

/** Without the decisions on proxy sets. */
function contextOf(
  input: DecisionInput,
  { spec, release, redis, pauses, running, processorReplicas }: Chosen,
): RenderContext {
  const { observed, serves, operatorNamespace } = input;
  // Without its key the operator gives no orders, and replaces no Pod for that.
  const adminSecret = input.adminSecret ?? running.adminSecret;
  const claim = observed.redis?.spec?.volumeClaimTemplates?.[0];
  const redisVolumeSize = claim?.spec?.resources?.requests?.['storage'];
  return {
    image: release.image,
    redisImage: spec.redis.embedded?.image || release.redisImage,
    renderRevision: release.renderRevision,
    processorReplicas,
    // Pods of a revision that this operator cannot render are left as they are.
    holdRollouts: pauses.pauseRollouts || release.unknownRevision !== undefined,
    pauseScaleIn: pauses.pauseScaleIn,
    holdAutoscaler: hasOtherAutoscaler(observed.autoscalers, spec.processor.autoscaling.mode),
    serves,
    ...(operatorNamespace !== undefined && { operatorNamespace }),
    ...(redis?.passwordSecretName !== undefined && { redisPasswordSecret: redis.passwordSecretName }),
    ...(redisVolumeSize !== undefined && { redisVolumeSize }),
    ...(adminSecret !== undefined && { adminSecret }),
    ...(running.clusterId !== undefined && { clusterId: running.clusterId }),
  };
}

function scaleProcessors(
  input: DecisionInput,
  { processor }: DefaultedSpec,
  { pauseScaleIn }: Pauses,
): ProcessorScaleDecision {
  const { observed, signals, autoscaling, now, staleMs } = input;
  const decision = decideProcessors({
    spec: processor.autoscaling,
    ...(processor.replicas !== undefined && { fixedReplicas: processor.replicas }),
    ...processorDeployment(observed, input.rollout, now),
    signals,
    previous: autoscaling ?? {},
    holdScaleIn: pauseScaleIn,
    now,
    staleMs,
  });
  return input.warmingUp ? keepCondition(decision, input) : decision;
}

/**
 * A rate needs two readings, which an operator that has just started does not have. Until then it repeats what its
 * predecessor reported, so that a restart neither writes a status nor reports missing signals.
 */
function keepCondition(
  decision: ProcessorScaleDecision,
  { status, autoscaling }: DecisionInput,
): ProcessorScaleDecision {
  const known = status?.conditions?.find(({ type }) => type === 'AutoscalingActive');
  if (decision.condition.reason !== SIGNALS_MISSING || known === undefined) return decision;
  const reported = autoscaling?.reason === undefined ? {} : { reason: autoscaling.reason };
  return {
    ...decision,
    autoscaling: { ...decision.autoscaling, ...reported },
    condition: { status: known.status, reason: known.reason, message: known.message },
  };
}

function pausedProcessors({ observed, autoscaling }: DecisionInput): ProcessorScaleDecision {
  const replicas = observed.processor?.spec?.replicas ?? autoscaling?.desiredReplicas ?? 0;
  const message = `the annotation ${ANNOTATION.paused} is "true": the number of processors stays ${replicas}`;
  // Earlier figures must not look like those of now, and the number may be changed by hand meanwhile.
  const { recommendedReplicas: _, ceiling: __, growth: ___, inputs: ____, ...kept } = autoscaling ?? {};
  return {
    replicas,
    autoscaling: { ...kept, desiredReplicas: replicas },
    condition: { status: 'False', reason: 'Paused', message },
  };
}

function scaleProxies(
  input: DecisionInput,
  { proxy }: DefaultedSpec,
  { pauseScaleIn }: Pauses,
): ProxyScaleDecision {
  const { observed, signals, proxyAutoscaling, now } = input;
  const { desired, ready, rolling, generationNotObserved } = stateOf(observed.proxy);
  const isRolling = rolling || generationNotObserved || isRunning(input.rollout);
  const ending = podsOf(observed, 'ws-proxy').filter(
    ({ metadata }) => metadata.deletionTimestamp !== undefined,
  );
  return decideProxies({
    spec: proxy,
    ...(observed.proxy !== undefined && {
      deployment: { replicas: desired, readyReplicas: ready, rolling: isRolling },
    }),
    draining: ending.length + (input.scaleIn?.pods.length ?? 0),
    ...(signals.sessions !== undefined && { sessions: signals.sessions }),
    ...(proxyAutoscaling !== undefined && { previous: proxyAutoscaling }),
    holdScaleIn: pauseScaleIn,
    now,
  });
}

function pausedProxies(
  { observed, proxyAutoscaling }: DecisionInput,
  { proxy }: DefaultedSpec,
): ProxyScaleDecision {
  const replicas = observed.proxy?.spec?.replicas ?? proxy.replicas;
  return { replicas, ...(proxyAutoscaling !== undefined && { autoscaling: proxyAutoscaling }) };
}

/** A Pod that is not ready within this time after its creation has a problem; ms. */
const START_MS = 30_000;

function processorDeployment(observed: Observed, rollout: RolloutStatus | undefined, now: number) {
  if (observed.processor === undefined) return {};
  const [processor, proxy] = [stateOf(observed.processor), stateOf(observed.proxy)];
  // A rollout of the ws-proxy counts too: reconnecting stations are an unusual load for the processors.
  const rolling =
    isRunning(rollout) || [processor, proxy].some((state) => state.rolling || state.generationNotObserved);
  const starting = podsOf(observed, 'processor').filter(
    (pod) => !isReady(pod) && now - Date.parse(pod.metadata.creationTimestamp ?? '') < START_MS,
  );
  return {
    deployment: {
      replicas: processor.desired,
      readyReplicas: processor.ready,
      rolling,
      starting: starting.length,
    },
  };
}

/**
 * A leader that ended between a scale-out and its status write reported fewer Pods than exist. The operator keeps those
 * Pods until it has signals; the scaler then removes surplus Pods by its own rules.
 * @param ending Pods that a scale-in is about to remove
 */
export function notBelow<Status extends { readonly desiredReplicas?: number }>(
  reported: Status | undefined,
  workload: Workload | undefined,
  ending = 0,
): Status | undefined {
  const replicas = (workload?.spec?.replicas ?? 0) - ending;
  return reported?.desiredReplicas === undefined || replicas <= reported.desiredReplicas
    ? reported
    : { ...reported, desiredReplicas: replicas };
}
