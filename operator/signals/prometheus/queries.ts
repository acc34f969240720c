/** The PromQL that reads the load of one cluster. */
import { METRIC } from '../../../services/contract.ts';

/** Label that names a computed figure in the answer; raw series have the name of their metric. */
export const FIGURE = 'ocpp_figure';

/** Computed figures of one Pod: the time of its last sample by component, s since 1970, and the arrival rates, 1/s. */
export const COMPUTED = {
  sampledProxy: 'sampled-ws-proxy',
  sampledProcessor: 'sampled-processor',
  rate: 'rate',
  recentRate: 'recent-rate',
} as const;

/** Metrics whose last value is read. */
export const RAW: readonly string[] = [
  METRIC.queueDepth,
  METRIC.queueOldestSeconds,
  METRIC.queueInFlight,
  METRIC.queueSampledAt,
  METRIC.processorCompleted,
  METRIC.processorBusySeconds,
  METRIC.processorThrottledSeconds,
  METRIC.processorServiceSum,
  METRIC.processorServiceCount,
  METRIC.storeResponseSeconds,
];

/** Labels that the programs give to a metric; its series of one Pod are summed. All other labels come from Prometheus. */
export const OWN_LABELS: Readonly<Record<string, readonly string[]>> = {
  [METRIC.processorCompleted]: ['outcome'],
};

/** The mean over this time, where it has two samples; otherwise over the last two samples. */
const MEAN_SECONDS = 20;
/** Two samples must lie in it, whatever the scrape interval; s. */
const LEAST_WINDOW_SECONDS = 300;

export interface ClusterName {
  readonly namespace: string;
  readonly name: string;
}

/** The labels that the PodMonitors of the cluster give to its series. */
export const defaultSelector = ({ namespace, name }: ClusterName): string =>
  `namespace="${namespace}",ocpp_cluster="${name}"`;

/**
 * One query for all figures, so that they are of one moment and one request reads them.
 * @param selector label matchers without braces
 */
export function loadQuery(selector: string, staleSeconds: number): string {
  const of = (metric: string, window = '') => `${metric}{${selector}}${window}`;
  const named = (figure: string, expression: string) =>
    `label_replace(${expression},"${FIGURE}","${figure}","","")`;
  const arrived = METRIC.proxyForwarded;
  const last = `irate(${of(arrived, `[${Math.max(LEAST_WINDOW_SECONDS, 2 * staleSeconds)}s]`)})`;
  return [
    `{__name__=~"${RAW.join('|')}",${selector}}`,
    named(COMPUTED.sampledProxy, `timestamp(${of(arrived)})`),
    named(COMPUTED.sampledProcessor, `timestamp(${of(METRIC.processorBusySeconds)})`),
    named(COMPUTED.recentRate, last),
    named(COMPUTED.rate, `rate(${of(arrived, `[${MEAN_SECONDS}s]`)}) or ${last}`),
  ].join('\nor ');
}
