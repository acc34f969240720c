/** What the alerts of a cluster are made of: rules, its metrics as PromQL, and commands for their descriptions. */
import { METRIC } from '../../../services/contract.ts';
import type { Component, RenderInput } from '../render-input.ts';

export interface Alert {
  readonly alert: string;
  /** PromQL */
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string };
}

export type Rule = Pick<Alert, 'alert' | 'expr' | 'for'> & Alert['annotations'];

/** Metrics of the cluster, as PromQL. */
export function readers(selector: string) {
  const metric = (key: keyof typeof METRIC) => `${METRIC[key]}${selector}`;
  return {
    metric,
    /** Only the series with these labels. */
    labelled: (key: keyof typeof METRIC, labels: string) =>
      `${METRIC[key]}${selector.replace('}', `,${labels}}`)}`,
    /** A figure that every Pod exports alike: the maximum is as good as any. */
    global: (key: keyof typeof METRIC) => `max(${metric(key)})`,
    /** Queue figures: a reading of more than a minute ago is ignored (Pods of 0.1 keep exporting their last one). */
    fresh: (key: keyof typeof METRIC) =>
      `max(${metric(key)} and on (pod) (time() - ${metric('queueSampledAt')} < 60))`,
  };
}
export type Readers = ReturnType<typeof readers>;

export const listPods = (input: RenderInput, part: Component) =>
  `kubectl -n ${input.namespace} get pods -l app.kubernetes.io/instance=${input.cluster.metadata.name},app.kubernetes.io/component=${part}`;
export const showCluster = (input: RenderInput) =>
  `kubectl -n ${input.namespace} get ocppcluster ${input.cluster.metadata.name} -o wide`;
