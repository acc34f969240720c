/** Everything that one pass decides, from the cluster and what was observed of it. Pure. */
import { type SettledSpec, settledSpec } from '../api/defaults.ts';
import type { AutoscalingStatus, OcppCluster, OcppClusterStatus, RedisStatus } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { renderObjects } from '../render/objects.ts';
import { decide, type ScaleDecision } from '../scaling/decide.ts';
import type { Signals } from '../scaling/demand.ts';
import { chooseRedis } from './embedded-redis.ts';
import type { Observed } from './observe.ts';
import { ANNOTATION, type Orders, ordersOf } from './orders.ts';
import { chooseRelease, type OwnImages, type Release } from './release.ts';
import { stateOf } from './workloads.ts';

export interface DecisionInput {
  readonly cluster: OcppCluster;
  readonly observed: Observed;
  readonly signals: Signals;
  /** As it was written last. */
  readonly status: OcppClusterStatus | undefined;
  readonly autoscaling: AutoscalingStatus | undefined;
  readonly own: OwnImages;
  /** ms since 1970 */
  readonly now: number;
  /** Readings older than this hold, ms. */
  readonly staleMs: number;
}

export interface Decision {
  readonly spec: SettledSpec;
  readonly orders: Orders;
  readonly release: Release;
  readonly redis: RedisStatus | undefined;
  readonly scale: ScaleDecision;
  /** In the order in which they are applied. */
  readonly objects: readonly KubeObject[];
}

export function decideAll(input: DecisionInput): Decision {
  const { cluster, observed, status, own } = input;
  const spec = settledSpec(cluster);
  const orders = ordersOf(cluster);
  const [container] = observed.redis?.spec?.template?.spec?.containers ?? [];
  const release = chooseRelease(spec, status, own, container?.image);
  const redis = chooseRedis(cluster, spec, status, release);
  const scale = orders.paused ? pausedScale(input) : processors(input, spec, orders);
  const claim = observed.redis?.spec?.volumeClaimTemplates?.[0];
  const redisVolumeSize = claim?.spec?.resources?.requests?.['storage'];
  const objects = renderObjects(cluster, {
    image: release.image,
    redisImage: spec.redis.embedded?.image || release.redisImage,
    renderRevision: release.renderRevision,
    processorReplicas: scale.replicas,
    // What this operator cannot render as it was stays as it is.
    holdRollouts: orders.pauseRollouts || release.unknownRevision !== undefined,
    ...(redis?.passwordSecretName !== undefined && { redisPasswordSecret: redis.passwordSecretName }),
    ...(redisVolumeSize !== undefined && { redisVolumeSize }),
  });
  return { spec, orders, release, redis, scale, objects };
}

function processors(input: DecisionInput, { processor }: SettledSpec, orders: Orders): ScaleDecision {
  const { observed, signals, autoscaling, now, staleMs } = input;
  return decide({
    spec: processor.autoscaling,
    ...(processor.replicas !== undefined && { fixedReplicas: processor.replicas }),
    ...deploymentOf(observed),
    signals,
    memory: autoscaling ?? {},
    holdScaleIn: orders.pauseScaleIn,
    now,
    staleMs,
  });
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

function deploymentOf(observed: Observed) {
  if (observed.processor === undefined) return {};
  const [processor, proxy] = [stateOf(observed.processor), stateOf(observed.proxy)];
  // Stations that move load the processors otherwise than usual.
  const rolling = [processor, proxy].some((state) => state.rolling || state.unseen);
  return { deployment: { replicas: processor.wanted, readyReplicas: processor.ready, rolling } };
}
