/** The state of one cluster as the screen shows it. Pure. Null: unknown, which is not zero. */
import { defaultedSpec } from '../../api/defaults.ts';
import type { OcppCluster, OcppClusterStatus } from '../../api/ocpp-cluster.ts';
import { stateOf } from '../../observe/workloads.ts';
import type { Component } from '../../render/render-input.ts';
import { isRunning } from '../../rollout/step.ts';
import { belongsTo, componentOf, type Deployment, isReady, type Pod } from '../kinds.ts';
import type { QueueReading } from '../../scaling/demand.ts';
import type { Figures } from '../readings.ts';

export interface ClusterState {
  readonly cluster: string;
  readonly namespace: string;
  readonly phase: string;
  /** What is wrong, in phase Degraded. */
  readonly problem?: string;
  readonly stations: number | null;
  readonly transactions: number | null;
  readonly queue: {
    readonly depth: number;
    readonly oldestSeconds: number;
    readonly inFlight: number;
  } | null;
  readonly proxies: Replicas;
  /** Null: one process is both (no Redis). */
  readonly processors: Replicas | null;
}

export interface Replicas {
  readonly ready: number;
  readonly desired: number;
  /** Why so many. */
  readonly why: string;
}

export interface Observation {
  readonly cluster: OcppCluster;
  readonly status: OcppClusterStatus | undefined;
  readonly pods: readonly Pod[];
  readonly deployments: readonly Deployment[];
  readonly figures: Figures;
}

export function clusterState(seen: Observation): ClusterState {
  const { cluster, status, pods, figures } = seen;
  const { stations, transactions, queue } = figures;
  const phase = status?.phase ?? (servesStations(pods) ? 'Running' : 'Starting');
  const degraded = status?.conditions?.find(({ type }) => type === 'Degraded');
  const starting = phase === 'Pending' || phase === 'Starting';
  const because = (why: string) => (starting ? '' : why);
  const { proxies, processors } = reasons(seen);
  return {
    cluster: cluster.metadata.name,
    namespace: cluster.metadata.namespace ?? 'default',
    phase: starting ? 'Starting' : phase,
    ...(degraded?.status === 'True' && { problem: degraded.message }),
    stations: stations ?? null,
    transactions: transactions ?? null,
    queue: queue === undefined ? null : readingOf(queue),
    proxies: replicasOf(seen, 'ws-proxy', because(proxies)),
    processors: status === undefined ? null : replicasOf(seen, 'processor', because(processors)),
  };
}

function reasons({ cluster, status }: Observation) {
  if (status === undefined)
    return { proxies: 'without Redis, one process is proxy and processor', processors: '' };
  const { proxy } = defaultedSpec(cluster);
  const { rollout } = status;
  const number = status.proxy?.autoscaling?.reason ?? `spec.proxy.replicas is ${proxy.replicas}`;
  return {
    proxies: isRunning(rollout) ? `rollout, ${rollout.phase}: ${rollout.message ?? ''}` : number,
    processors: status.autoscaling?.reason ?? '',
  };
}

/** Of the ws-proxy: those of the set that the Service selects. */
function replicasOf(
  { cluster, status, deployments }: Observation,
  component: Component,
  why: string,
): Replicas {
  const own = deployments.filter((one) => componentOf(one) === component && belongsTo(one, cluster));
  const serving = own.find(({ metadata }) => metadata.name === status?.proxy?.servingSet);
  const { ready, desired } = stateOf(serving ?? own[0]);
  return { ready, desired, why };
}

const readingOf = ({ depth, oldestSeconds, inFlight }: QueueReading) => ({
  depth,
  oldestSeconds: Math.round(oldestSeconds * 10) / 10,
  inFlight,
});

/** No station needs them. */
const OTHERS: ReadonlySet<string | undefined> = new Set(['api', 'bill-sink']);

/** Whether proxies accept stations and something answers them; a proxy is ready only with Redis behind it. */
export function servesStations(pods: readonly Pod[]): boolean {
  const components = new Set(pods.map(componentOf).filter((component) => !OTHERS.has(component)));
  const ready = new Set(pods.filter(isReady).map(componentOf));
  return ready.has('ws-proxy') && [...components].every((component) => ready.has(component));
}

/** What Ctrl-C stops, such as `2 proxies (17 stations are asked to reconnect), 1 processor, Redis`. */
export function whatStops(pods: readonly Pod[], states: readonly ClusterState[]): string {
  const count = (component: string) => pods.filter((pod) => componentOf(pod) === component).length;
  const proxies = count('ws-proxy');
  const processors = count('processor');
  const redis = count('redis');
  const apis = count('api');
  const stations = states.reduce<number | null>(
    (sum, state) => (sum === null || state.stations === null ? null : sum + state.stations),
    0,
  );
  const told = `${stations === null ? 'stations' : counted(stations, 'station', 'stations')} ${stations === 1 ? 'is' : 'are'} asked to reconnect`;
  return [
    ...(proxies === 0
      ? []
      : [`${counted(proxies, 'proxy', 'proxies')}${stations === 0 ? '' : ` (${told})`}`]),
    ...(processors === 0 ? [] : [counted(processors, 'processor', 'processors')]),
    ...(apis === 0 ? [] : ['the HTTP API']),
    ...(count('bill-sink') === 0 ? [] : ['the bill sink']),
    ...(redis === 0 ? [] : [redis === 1 ? 'Redis' : `${redis} Redis servers`]),
  ].join(', ');
}

const counted = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;
