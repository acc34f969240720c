/** Metrics of each cluster, with the same figures as its status. */
import { Gauge, type Registry } from 'prom-client';
import type { OcppCluster, OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { NO_GAIN, SIGNALS_MISSING } from '../scaling/explain.ts';
import { isStalled } from '../status/rollout-stall.ts';

const CLUSTER = ['namespace', 'cluster'] as const;
type ClusterLabel = (typeof CLUSTER)[number];

/** Gauges by namespace and cluster. */
const GAUGES = {
  processors: ['ocpp_operator_processors_wanted', 'Number of processors that the autoscaler decided on'],
  recommended: [
    'ocpp_operator_processors_recommended',
    'Number of processors that the load of this moment asks for; absent while it is unknown',
  ],
  noGain: [
    'ocpp_operator_autoscaling_no_gain',
    '1 while the autoscaler adds no processors because more of them complete no more messages; else 0',
  ],
  proxies: ['ocpp_operator_proxies_wanted', 'Number of ws-proxies that the autoscaler decided on'],
  capacity: ['ocpp_operator_processor_capacity', 'Messages per busy second of one processor, smoothed'],
  holds: [
    'ocpp_operator_autoscaling_holds',
    '1 while the number of processors is held because the load could not be read or the autoscaler fails; else 0',
  ],
  stalled: [
    'ocpp_operator_rollout_stalled',
    '1 while a rollout has neither moved a station nor changed its phase for 15 minutes; else 0',
  ],
  overdue: [
    'ocpp_operator_drain_overdue_seconds',
    'Time since the deadline of the terminating ws-proxy Pod that is latest; 0 for none',
  ],
} as const;

type Inputs = NonNullable<NonNullable<OcppClusterStatus['autoscaling']>['inputs']>;
const INPUTS = [
  'ageSeconds',
  'arrivalsPerSecond',
  'recentArrivalsPerSecond',
  'stations',
  'waiting',
  'oldestSeconds',
  'inFlight',
  'completedPerSecond',
  'busyShare',
  'throttledShare',
  'handlerSeconds',
  'storeSeconds',
] as const satisfies readonly Exclude<keyof Inputs, 'source'>[];

type Figures = Readonly<Record<keyof typeof GAUGES, number | undefined>>;

export class ClusterMetrics {
  readonly #conditions: Gauge<ClusterLabel | 'condition'>;
  /** Condition types exported so far. */
  readonly #types = new Set<string>();
  readonly #inputs: Gauge<ClusterLabel | 'input'>;
  readonly #gauges: readonly (readonly [keyof Figures, Gauge<ClusterLabel>])[];

  constructor(registry: Registry) {
    const registers = [registry];
    this.#conditions = new Gauge({
      name: 'ocpp_operator_cluster_condition',
      help: 'Conditions of each OcppCluster: 1 is True, 0 False or Unknown',
      labelNames: [...CLUSTER, 'condition'],
      registers,
    });
    this.#inputs = new Gauge({
      name: 'ocpp_operator_autoscaling_input',
      help: 'The figures behind the last decision on the number of processors, as in status.autoscaling.inputs',
      labelNames: [...CLUSTER, 'input'],
      registers,
    });
    this.#gauges = Object.entries(GAUGES).map(([key, [name, help]]) => [
      key as keyof Figures,
      new Gauge({ name, help, labelNames: CLUSTER, registers }),
    ]);
  }

  /** @param now ms since 1970 */
  show({ metadata }: OcppCluster, status: OcppClusterStatus, now: number): void {
    const labels = { namespace: metadata.namespace ?? '', cluster: metadata.name };
    for (const { type, status: value } of status.conditions ?? []) {
      this.#types.add(type);
      this.#conditions.set({ ...labels, condition: type }, value === 'True' ? 1 : 0);
    }
    for (const input of INPUTS) {
      const value = status.autoscaling?.inputs?.[input];
      if (value === undefined) this.#inputs.remove({ ...labels, input });
      else this.#inputs.set({ ...labels, input }, value);
    }
    const figures = figuresOf(status, now);
    for (const [key, gauge] of this.#gauges) {
      const value = figures[key];
      if (value === undefined) gauge.remove(labels);
      else gauge.set(labels, value);
    }
  }

  /** Removes the series of a deleted cluster. */
  forget(namespace: string, cluster: string): void {
    const labels = { namespace, cluster };
    for (const condition of this.#types) this.#conditions.remove({ ...labels, condition });
    for (const input of INPUTS) this.#inputs.remove({ ...labels, input });
    for (const [, gauge] of this.#gauges) gauge.remove(labels);
  }
}

function figuresOf(
  { conditions = [], proxy, autoscaling, drain, rollout }: OcppClusterStatus,
  now: number,
): Figures {
  const is = (type: string, reason: string) =>
    conditions.some((one) => one.type === type && one.reason === reason);
  const paused = conditions.some(({ type, status }) => type === 'Progressing' && status === 'False');
  const late = (drain ?? []).map(({ deadline }) => now - Date.parse(deadline ?? '')).filter((ms) => ms > 0);
  return {
    processors: autoscaling?.desiredReplicas,
    recommended: autoscaling?.recommendedReplicas,
    noGain: is('AutoscalingActive', NO_GAIN) ? 1 : 0,
    proxies: proxy?.autoscaling?.desiredReplicas,
    capacity: autoscaling?.capacityPerReplica,
    holds: [SIGNALS_MISSING, 'AutoscalerFails'].some((reason) => is('AutoscalingActive', reason)) ? 1 : 0,
    // A rollout that is paused is not stalled.
    stalled: isStalled(rollout, now) && !paused ? 1 : 0,
    overdue: Math.max(0, ...late) / 1000,
  };
}
