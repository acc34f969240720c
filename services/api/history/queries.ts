/** The figures of the history, and the PromQL of each. Clients name none: they get all of them. */
import { METRIC } from '../../contract.ts';

export const FIGURES = [
  'stationsConnected',
  'queueDepth',
  'queueOldestSeconds',
  'messagesPerSecond',
  'processors',
  'processorsWanted',
  'proxies',
  'serviceP95Seconds',
  'openTransactions',
  'refusedPerSecond',
] as const;
export type Figure = (typeof FIGURES)[number];

export interface Selectors {
  /** Label matchers of the series of the cluster, without braces. */
  readonly cluster: string;
  /** The same of the series that the operator has about it; '': they are not read. */
  readonly operator: string;
}

/** A rate needs two samples in it, also of a Prometheus that scrapes once a minute; s. */
const LEAST_WINDOW = 180;

/** Each gives at most one series. Figures of the store are the same in every Pod. @param step between two points, s */
export function queriesOf(
  { cluster, operator }: Selectors,
  step: number,
): readonly (readonly [Figure, string])[] {
  const of = (metric: string) => `${metric}{${cluster}}`;
  const rate = (metric: string) => `rate(${of(metric)}[${Math.max(LEAST_WINDOW, 2 * step)}s])`;
  const queries: Readonly<Record<Figure, string>> = {
    stationsConnected: `sum(${of(METRIC.proxySessions)})`,
    queueDepth: `max(${of(METRIC.queueDepth)})`,
    queueOldestSeconds: `max(${of(METRIC.queueOldestSeconds)})`,
    messagesPerSecond: `sum(${rate(METRIC.proxyForwarded)})`,
    processors: `count(${of(METRIC.processorBusySeconds)})`,
    // Around a change of the leader two operator Pods may have a series.
    processorsWanted: `max(ocpp_operator_processors_wanted{${operator}})`,
    proxies: `count(${of(METRIC.proxySessions)})`,
    serviceP95Seconds: `histogram_quantile(0.95,sum by (le) (${rate('ocpp_processor_service_seconds_bucket')}))`,
    openTransactions: `max(${of('ocpp_transactions_open')})`,
    refusedPerSecond: `sum(${rate(METRIC.proxyRefused)})`,
  };
  return FIGURES.filter((figure) => figure !== 'processorsWanted' || operator !== '').map((figure) => [
    figure,
    queries[figure],
  ]);
}
