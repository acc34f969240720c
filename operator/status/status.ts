/** The status of a cluster, and when a new one is worth a write. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Condition, OcppCluster, OcppClusterStatus, Phase, RedisStatus } from '../api/ocpp-cluster.ts';
import { selectorLabels, selectorText } from '../render/render-input.ts';
import { conditionsOf, type Findings, verdicts } from './conditions.ts';
import { DRAINS_SHOWN, drainsOf } from './drains.ts';
import { endpointsOf } from './endpoints.ts';
import { stateOf } from '../reconcile/workloads.ts';

export interface StatusInput extends Findings {
  readonly cluster: OcppCluster;
  readonly redis: RedisStatus | undefined;
}

export function statusOf(input: StatusInput): OcppClusterStatus {
  const { cluster, observed, signals, scale, proxies, release, redis, before } = input;
  const observedGeneration = cluster.metadata.generation ?? 0;
  // metav1.Time has whole seconds.
  const now = `${new Date(input.now).toISOString().slice(0, 19)}Z`;
  const conditions = conditionsOf(verdicts(input), before?.conditions ?? [], observedGeneration, now);
  const proxy = stateOf(observed.proxy);
  const processor = stateOf(observed.processor);
  return {
    observedGeneration,
    phase: phaseOf(conditions),
    conditions,
    image: release.image,
    imageRequested: release.imageRequested,
    renderRevision: release.unknownRevision ?? release.renderRevision,
    ...(redis !== undefined && { redis }),
    proxy: {
      replicas: proxy.replicas,
      readyReplicas: proxy.ready,
      ...(signals.sessions !== undefined && { sessions: Math.round(signals.sessions) }),
      ...(proxies.memory !== undefined && { autoscaling: proxies.memory }),
    },
    processor: {
      replicas: processor.replicas,
      readyReplicas: processor.ready,
      selector: selectorText(selectorLabels(cluster, 'processor')),
    },
    ...(signals.queue !== undefined && {
      queue: {
        depth: Math.round(signals.queue.depth),
        oldestSeconds: Math.round(signals.queue.oldestSeconds * 10) / 10,
        inFlight: Math.round(signals.queue.inFlight),
      },
    }),
    autoscaling: {
      ...scale.memory,
      ...(scale.memory.capacityPerReplica !== undefined && {
        capacityPerReplica: Number(scale.memory.capacityPerReplica.toPrecision(2)),
      }),
    },
    drain: drainsOf(observed, signals).slice(0, DRAINS_SHOWN),
    endpoints: endpointsOf(cluster, input.spec, observed),
  };
}

function phaseOf(conditions: readonly Condition[]): Phase {
  const is = (type: string) => conditions.some((one) => one.type === type && one.status === 'True');
  if (is('Degraded')) return 'Degraded';
  if (conditions.some(({ type, reason }) => type === 'Progressing' && reason === 'Paused')) return 'Paused';
  // Not available and yet not degraded: it is being made.
  if (!is('Available')) return 'Pending';
  if (is('Progressing')) return 'Progressing';
  return is('Draining') ? 'Draining' : 'Running';
}

/** Numbers and texts that change all the time are written so often at most, ms. */
export const NUMBERS_EVERY_MS = 30_000;

/** @param sinceWriteMs since the last write of a status, ms */
export function worthWriting(
  before: OcppClusterStatus | undefined,
  after: OcppClusterStatus,
  sinceWriteMs: number,
): boolean {
  if (before === undefined || !isDeepStrictEqual(essence(before), essence(after))) return true;
  return sinceWriteMs >= NUMBERS_EVERY_MS && !isDeepStrictEqual(lasting(before), lasting(after));
}

/** What a person or a controller waits for. */
function essence(status: OcppClusterStatus): object {
  const { queue, proxy, autoscaling, drain, ...rest } = status;
  return {
    ...rest,
    // Whether a figure is known is no small change of it.
    known: [queue !== undefined, proxy?.sessions !== undefined],
    drain: (drain ?? []).map(({ pod }) => pod),
    proxy: { replicas: proxy?.replicas, readyReplicas: proxy?.readyReplicas },
    desiredReplicas: [autoscaling?.desiredReplicas, proxy?.autoscaling?.desiredReplicas],
    conditions: (status.conditions ?? []).map(({ type, status, reason }) => ({ type, status, reason })),
  };
}

/** Without the time stamps of the window, which move in the quietest cluster. */
function lasting(status: OcppClusterStatus): object {
  const { proxy, autoscaling } = status;
  return {
    ...status,
    proxy: { ...proxy, autoscaling: { ...proxy?.autoscaling, recommendations: undefined } },
    autoscaling: { ...autoscaling, recommendations: undefined },
  };
}
