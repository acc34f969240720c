/**
 * Objects for the Prometheus operator: which Pods to scrape, and the alerts. The series of a cluster carry its name as
 * `ocpp_cluster`, as many installations use `cluster` for the name of the Kubernetes cluster.
 */
import { PATH } from '../../services/contract.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { metricsLogin } from './admin-access.ts';
import { alerts } from './alerts/alerts.ts';
import { ADMIN_PORT } from './program.ts';
import { POD_MONITORS, PROMETHEUS_RULES } from './resources.ts';
import {
  type Component,
  nameOf,
  optionalComponents,
  owned,
  selectorLabels,
  type RenderInput,
} from './render-input.ts';

export function monitoring(input: RenderInput): KubeObject[] {
  const { podMonitor: monitor, alerts: alerting } = input.spec.monitoring;
  const { serves = () => false } = input;
  const monitors = monitor === 'Auto' && serves(POD_MONITORS);
  // The alerts read series that the PodMonitors label: without these, alerts for absent series would always fire.
  const rule = monitors && alerting === 'Auto' && serves(PROMETHEUS_RULES);
  return [
    ...(monitors ? scraped(input).map((component) => podMonitor(input, component)) : []),
    ...(rule ? [prometheusRule(input)] : []),
  ];
}

const scraped = (input: RenderInput): readonly Component[] => [
  'processor',
  'ws-proxy',
  ...optionalComponents(input),
];

const label = (name: string) => `__meta_kubernetes_pod_label_app_kubernetes_io_${name}`;
const RELABELINGS = [
  { sourceLabels: [label('instance')], targetLabel: 'ocpp_cluster' },
  { sourceLabels: [label('component')], targetLabel: 'component' },
];

function podMonitor(input: RenderInput, component: Component): KubeObject {
  const authorization = metricsLogin(input);
  const endpoint = { port: ADMIN_PORT.name, path: PATH.metrics, relabelings: RELABELINGS };
  const spec = {
    selector: { matchLabels: selectorLabels(input.cluster, component) },
    podMetricsEndpoints: [{ ...endpoint, ...(authorization && { authorization }) }],
  };
  return owned(input, POD_MONITORS, component, { spec }, labelsOf(input));
}

function prometheusRule(input: RenderInput): KubeObject {
  const name = nameOf(input.cluster, 'alerts');
  const spec = { groups: [{ name, rules: alerts(input) }] };
  return owned(input, PROMETHEUS_RULES, 'alerts', { spec }, labelsOf(input));
}

function labelsOf({ spec }: RenderInput) {
  const { labels } = spec.monitoring;
  return { ...(labels && { labels }) };
}
