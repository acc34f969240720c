/** Everything that one pass decides, from the cluster and what was observed of it. Pure. */
import { defaultedSpec } from '../api/defaults.ts';
import type {
  AutoscalingStatus,
  DefaultedSpec,
  OcppCluster,
  OcppClusterStatus,
  ProxyAutoscalingStatus,
  RedisStatus,
} from '../api/ocpp-cluster.ts';
import type { KubeObject, Resource } from '../kube/object-store.ts';
import { decide, type ScaleDecision, SIGNALS_MISSING } from '../scaling/processors.ts';
import type { Signals } from '../scaling/demand.ts';
import { decideProxies, type ProxyScaleDecision } from '../scaling/proxies.ts';
import { deletionCosts } from './pod-deletion-costs.ts';
import { chooseRedis } from './embedded-redis.ts';
import { type Observed, podsOf } from './observe.ts';
import { ANNOTATION, type Orders, ordersOf } from './pauses.ts';
import { chooseRelease, type OwnImages, type Release } from './release.ts';
import type { Rendering } from './rendering.ts';
import { runningOf } from './running.ts';
import { stateOf, type Workload } from './workloads.ts';

export interface DecisionInput {
  readonly cluster: OcppCluster;
  readonly observed: Observed;
  readonly signals: Signals;
  /** As it was written last. */
  readonly status: OcppClusterStatus | undefined;
  readonly autoscaling: AutoscalingStatus | undefined;
  readonly proxyAutoscaling: ProxyAutoscalingStatus | undefined;
  readonly own: OwnImages;
  readonly rendering: Rendering;
  /** Kinds of add-ons that the API server has. */
  readonly serves: (resource: Resource) => boolean;
  readonly operatorNamespace?: string | undefined;
  /** ms since 1970 */
  readonly now: number;
  /** Readings older than this hold, ms. */
  readonly staleMs: number;
  /** This operator has just begun and read nothing yet. */
  readonly warmingUp: boolean;
}

export interface Decision {
  readonly spec: DefaultedSpec;
  readonly orders: Orders;
  readonly release: Release;
  readonly redis: RedisStatus | undefined;
  readonly scale: ScaleDecision;
  readonly proxies: ProxyScaleDecision;
  /** What the ws-proxy Pods are told before there are fewer of them. */
  readonly costs: readonly KubeObject[];
  /** In the order in which they are applied. */
  readonly objects: readonly KubeObject[];
}

export function decideAll(input: DecisionInput): Decision {
  const { cluster, observed, status, own, rendering, serves, operatorNamespace } = input;
  const spec = defaultedSpec(cluster);
  const orders = ordersOf(cluster);
  const running = runningOf(observed);
  const release = chooseRelease(spec, status, own, running);
  const redis = chooseRedis(cluster, spec, status, release, running);
  const scale = orders.paused ? pausedScale(input) : processors(input, spec, orders);
  const proxies = orders.paused ? pausedProxies(input, spec) : scaleProxies(input, spec, orders);
  const costs = deletionCosts(observed, input.signals, proxies.replicas, spec.proxy.maxSessionsPerPod);
  const claim = observed.redis?.spec?.volumeClaimTemplates?.[0];
  const redisVolumeSize = claim?.spec?.resources?.requests?.['storage'];
  const objects = rendering.of(cluster, {
    image: release.image,
    redisImage: spec.redis.embedded?.image || release.redisImage,
    renderRevision: release.renderRevision,
    processorReplicas: scale.replicas,
    proxyReplicas: proxies.replicas,
    // What this operator cannot render as it was stays as it is.
    holdRollouts: orders.pauseRollouts || release.unknownRevision !== undefined,
    serves,
    ...(operatorNamespace !== undefined && { operatorNamespace }),
    ...(redis?.passwordSecretName !== undefined && { redisPasswordSecret: redis.passwordSecretName }),
    ...(redisVolumeSize !== undefined && { redisVolumeSize }),
  });
  return { spec, orders, release, redis, scale, proxies, costs, objects };
}

function processors(input: DecisionInput, { processor }: DefaultedSpec, orders: Orders): ScaleDecision {
  const { observed, signals, autoscaling, now, staleMs } = input;
  const decision = decide({
    spec: processor.autoscaling,
    ...(processor.replicas !== undefined && { fixedReplicas: processor.replicas }),
    ...deploymentOf(observed),
    signals,
    memory: autoscaling ?? {},
    holdScaleIn: orders.pauseScaleIn,
    now,
    staleMs,
  });
  return input.warmingUp ? asBefore(decision, input) : decision;
}

/**
 * A rate takes two readings, which an operator that has just started has not got. It knows no more than the one before it
 * and says nothing else: a restart writes no status and tells of no trouble.
 */
function asBefore(decision: ScaleDecision, { status, autoscaling }: DecisionInput): ScaleDecision {
  const known = status?.conditions?.find(({ type }) => type === 'AutoscalingActive');
  if (decision.condition.reason !== SIGNALS_MISSING || known === undefined) return decision;
  const { status: value, reason, message } = known;
  const told = autoscaling?.reason === undefined ? {} : { reason: autoscaling.reason };
  return {
    ...decision,
    memory: { ...decision.memory, ...told },
    condition: { status: value, reason, message },
  };
}

function pausedScale({ observed, autoscaling }: DecisionInput): ScaleDecision {
  const replicas = observed.processor?.spec?.replicas ?? autoscaling?.desiredReplicas ?? 0;
  const message = `the annotation ${ANNOTATION.paused} is "true": the number of processors stays ${replicas}`;
  return {
    replicas,
    memory: autoscaling ?? {},
    condition: { status: 'False', reason: 'Paused', message },
  };
}

function scaleProxies(input: DecisionInput, { proxy }: DefaultedSpec, orders: Orders): ProxyScaleDecision {
  const { observed, signals, proxyAutoscaling, now } = input;
  const { wanted, ready, rolling, unseen } = stateOf(observed.proxy);
  const ending = podsOf(observed, 'ws-proxy').filter(
    ({ metadata }) => metadata.deletionTimestamp !== undefined,
  );
  return decideProxies({
    spec: proxy,
    ...(observed.proxy !== undefined && {
      deployment: { replicas: wanted, readyReplicas: ready, rolling: rolling || unseen },
    }),
    draining: ending.length,
    ...(signals.sessions !== undefined && { sessions: signals.sessions }),
    ...(proxyAutoscaling !== undefined && { memory: proxyAutoscaling }),
    holdScaleIn: orders.pauseScaleIn,
    now,
  });
}

function pausedProxies({ observed, proxyAutoscaling }: DecisionInput, { proxy }: DefaultedSpec) {
  const replicas = observed.proxy?.spec?.replicas ?? proxy.replicas;
  return { replicas, ...(proxyAutoscaling !== undefined && { memory: proxyAutoscaling }) };
}

function deploymentOf(observed: Observed) {
  if (observed.processor === undefined) return {};
  const [processor, proxy] = [stateOf(observed.processor), stateOf(observed.proxy)];
  // Stations that move load the processors otherwise than usual.
  const rolling = [processor, proxy].some((state) => state.rolling || state.unseen);
  return { deployment: { replicas: processor.wanted, readyReplicas: processor.ready, rolling } };
}

/**
 * A leader that ended between a step up and its status (or could not write it) has told of fewer Pods than there are. Those are
 * held, as nothing was read yet; what is too many goes down by the scaler's rules.
 */
export function notBelow<Told extends { readonly desiredReplicas?: number }>(
  told: Told | undefined,
  workload: Workload | undefined,
): Told | undefined {
  const now = workload?.spec?.replicas ?? 0;
  return told?.desiredReplicas === undefined || now <= told.desiredReplicas
    ? told
    : { ...told, desiredReplicas: now };
}
