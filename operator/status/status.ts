/** The status of a cluster, and when a change of it is written. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type {
  Condition,
  ConditionType,
  OcppCluster,
  OcppClusterStatus,
  Phase,
  RedisStatus,
  SecurityStatus,
  StoreStatus,
} from '../api/ocpp-cluster.ts';
import { selectorLabels, selectorText } from '../render/render-input.ts';
import type { QueueReading } from '../scaling/demand.ts';
import { SIGNALS_MISSING } from '../scaling/explain.ts';
import { apiProblems, apiStatusOf } from './api.ts';
import { autoscalerProblem } from './autoscaler-problem.ts';
import { billingStatusOf, billSinkProblems } from './billing.ts';
import {
  available,
  conditionsOf,
  degraded,
  type StatusFindings,
  progressing,
  redisReady,
  type ConditionValue,
} from './conditions.ts';
import { deregistrationProblems } from './deregistration.ts';
import { draining, DRAINS_SHOWN, drainsOf, unlessDraining, WAITING_FOR_STATIONS } from './drains.ts';
import { highlyAvailable } from './high-availability.ts';
import { endpointsOf } from './endpoints.ts';
import { stateOf } from '../observe/workloads.ts';
import { isRunning } from '../rollout/step.ts';
import { secured, securityStatusOf, settingsProblems, sourceProblems } from './security.ts';
import { storeProblems, storeStatusOf, withCertificate } from './store.ts';

export interface StatusInput extends StatusFindings {
  readonly cluster: OcppCluster;
  readonly redis: RedisStatus | undefined;
  /** The Secret with the key of stored passwords, once it was created. */
  readonly createdKey?: string;
  /** Older readings are left out: an old figure looks like a measurement; ms. */
  readonly staleMs: number;
}

export function statusOf(input: StatusInput): OcppClusterStatus {
  const {
    cluster,
    observed,
    signals,
    processors,
    proxies,
    release,
    redis,
    rollout,
    scaleIn,
    rebalance,
    before,
  } = input;
  const observedGeneration = cluster.metadata.generation ?? 0;
  // metav1.Time has whole seconds.
  const now = `${new Date(input.now).toISOString().slice(0, 19)}Z`;
  const store = withCertificate(
    storeStatusOf(before?.store, signals.store?.identity, cluster, now),
    before?.store,
    signals.store?.certificateExpires,
    input.spec,
  );
  const problems = [
    ...storeProblems(cluster, store, signals.store, observed),
    ...input.problems,
    ...deregistrationProblems(input.spec, signals.sessions),
    ...sourceProblems(signals.security, observed),
    ...settingsProblems(signals.settingsRejected, observed),
    ...apiProblems(input),
    ...billSinkProblems(input),
  ];
  const [api, billing] = [apiStatusOf(input), billingStatusOf(input)];
  const security = securityStatusOf(input.spec, before?.security, signals.security, input.createdKey);
  const found = conditionValues({ ...input, problems }, security, store);
  const conditions = conditionsOf(found, before?.conditions ?? [], observedGeneration, now);
  const { queue } = signals;
  const queueFresh = queue !== undefined && queue.ageMs <= input.staleMs ? queue : undefined;
  const proxy = stateOf(observed.proxy);
  const processor = stateOf(observed.processor);
  return {
    observedGeneration,
    phase: phaseOf(conditions),
    conditions,
    image: release.image,
    ...(release.imageRequested !== '' && { imageRequested: release.imageRequested }),
    renderRevision: release.unknownRevision ?? release.renderRevision,
    ...(redis !== undefined && { redis }),
    ...(rollout.state !== undefined && { rollout: rollout.state }),
    ...(store !== undefined && { store }),
    proxy: {
      replicas: proxy.replicas,
      readyReplicas: proxy.ready,
      servingSet: rollout.serving,
      ...(scaleIn?.state !== undefined && { scaleIn: scaleIn.state }),
      ...(rebalance?.state !== undefined && { rebalance: rebalance.state }),
      ...(signals.sessions !== undefined && { sessions: Math.round(signals.sessions) }),
      ...(proxies.autoscaling !== undefined && { autoscaling: proxies.autoscaling }),
    },
    processor: {
      replicas: processor.replicas,
      readyReplicas: processor.ready,
      selector: selectorText(selectorLabels(cluster, 'processor')),
    },
    ...(api !== undefined && { api }),
    ...(billing !== undefined && { billing }),
    ...(queueFresh && { queue: queueStatus(queueFresh) }),
    autoscaling: {
      ...processors.autoscaling,
      ...(processors.autoscaling.capacityPerReplica !== undefined && {
        capacityPerReplica: Number(processors.autoscaling.capacityPerReplica.toPrecision(2)),
      }),
    },
    drain: drainsOf(observed, signals).slice(0, DRAINS_SHOWN),
    ...(security !== undefined && { security }),
    endpoints: endpointsOf(cluster, input.spec, observed),
  };
}

const queueStatus = ({ depth, oldestSeconds, inFlight }: QueueReading) => ({
  depth: Math.round(depth),
  oldestSeconds: Math.round(oldestSeconds * 10) / 10,
  inFlight: Math.round(inFlight),
});

function conditionValues(
  findings: StatusFindings,
  security: SecurityStatus | undefined,
  store: StoreStatus | undefined,
): Readonly<Record<ConditionType, ConditionValue>> {
  const redis = redisReady(findings);
  const availability = available(findings, redis);
  const drains = drainsOf(findings.observed, findings.signals);
  const isPaused = findings.processors.condition.reason === 'Paused';
  return {
    Available: availability,
    Progressing: unlessDraining(progressing(findings), drains, findings.now),
    Degraded: degraded(findings, availability),
    Draining: draining(drains, { ratePerSecond: findings.spec.proxy.drain.ratePerSecond, now: findings.now }),
    RedisReady: redis,
    HighlyAvailable: highlyAvailable(findings.spec),
    Secured: secured({
      spec: findings.spec,
      security,
      observed: findings.observed,
      settingsRejected: findings.signals.settingsRejected,
      storeExpires: store?.certificateNotAfter,
      now: findings.now,
    }),
    AutoscalingActive: isPaused ? findings.processors.condition : scalingOf(findings),
  };
}

/** What keeps the autoscaler of modes HPA and KEDA from working comes first, unless it only follows from an unknown load. */
function scalingOf({ spec, observed, processors: { condition }, now }: StatusFindings): ConditionValue {
  const { mode } = spec.processor.autoscaling;
  const problem = autoscalerProblem({ mode, autoscalers: observed.autoscalers, now });
  if (problem === undefined) return condition;
  if (condition.reason !== SIGNALS_MISSING) return problem;
  return { ...condition, message: `${condition.message}; ${problem.message}` };
}

function phaseOf(conditions: readonly Condition[]): Phase {
  const is = (type: string) => conditions.some((one) => one.type === type && one.status === 'True');
  if (is('Degraded')) return 'Degraded';
  if (conditions.some(({ type, reason }) => type === 'Progressing' && reason === 'Paused')) return 'Paused';
  // Neither available nor degraded: the cluster is being created.
  if (!is('Available')) return 'Pending';
  const moving = conditions.some(({ reason }) => reason === WAITING_FOR_STATIONS);
  if (is('Progressing') && !moving) return 'Progressing';
  return is('Draining') ? 'Draining' : 'Running';
}

/** Minimum interval between writes of mere numbers and texts, which change all the time; ms. */
export const NUMBERS_EVERY_MS = 30_000;

/** The same while stations are moved by order, which people watch; ms. */
const ROLLOUT_EVERY_MS = 5000;

/** @param sinceWriteMs time since the last write of the status, ms */
export function shouldWrite(
  before: OcppClusterStatus | undefined,
  after: OcppClusterStatus,
  sinceWriteMs: number,
): boolean {
  if (before === undefined || !isDeepStrictEqual(essence(before), essence(after))) return true;
  const everyMs =
    isRunning(after.rollout) || after.proxy?.scaleIn !== undefined ? ROLLOUT_EVERY_MS : NUMBERS_EVERY_MS;
  return sinceWriteMs >= everyMs && !isDeepStrictEqual(lasting(before), lasting(after));
}

/** The parts that a person or a controller waits for: written at once. */
function essence(status: OcppClusterStatus): object {
  const { queue, proxy, autoscaling, drain, rollout, security, ...rest } = status;
  return {
    ...rest,
    // A figure that becomes known or unknown is more than a change of a number.
    known: [queue !== undefined, proxy?.sessions !== undefined, security?.unproven !== undefined],
    rejected: security?.rejected,
    passwordKey: security?.passwordKeySecretName,
    drain: (drain ?? []).map(({ pod }) => pod),
    rollout: [rollout?.id, rollout?.phase, rollout?.toSet],
    proxy: { replicas: proxy?.replicas, readyReplicas: proxy?.readyReplicas, servingSet: proxy?.servingSet },
    scaleIn: { ...proxy?.scaleIn, message: undefined },
    rebalance: proxy?.rebalance,
    desiredReplicas: [autoscaling?.desiredReplicas, proxy?.autoscaling?.desiredReplicas],
    ignoredReplicas: autoscaling?.ignoredReplicas,
    hasCeiling: autoscaling?.ceiling !== undefined,
    conditions: (status.conditions ?? []).map(({ type, status, reason }) => ({ type, status, reason })),
  };
}

/** Without the time stamps of the window, which change even in an idle cluster. */
function lasting(status: OcppClusterStatus): object {
  const { proxy, autoscaling } = status;
  return {
    ...status,
    proxy: { ...proxy, autoscaling: { ...proxy?.autoscaling, recommendations: undefined } },
    // Figures and times of the moment are written with the next change of something else.
    autoscaling: {
      ...autoscaling,
      recommendations: undefined,
      inputs: undefined,
      growth: undefined,
      lastLimitedTime: undefined,
      ceiling: { ...autoscaling?.ceiling, neededTime: undefined },
    },
  };
}
