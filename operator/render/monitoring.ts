/**
 * What the Prometheus operator is told: which Pods to scrape, and when to wake somebody. The series of a cluster carry
 * its name as `ocpp_cluster`, as `cluster` is where many installations keep the name of the Kubernetes cluster.
 */
import { PATH } from '../../services/contract.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { alerts } from './alerts.ts';
import { ADMIN_PORT } from './program.ts';
import { POD_MONITORS, PROMETHEUS_RULES } from './resources.ts';
import { type Component, nameOf, owned, selectorLabels, type View } from './render-input.ts';

export function monitoring(view: View): KubeObject[] {
  const { monitoring: wanted } = view.spec;
  const { serves = () => false } = view;
  const monitors = wanted.podMonitor === 'Auto' && serves(POD_MONITORS);
  // They read what the PodMonitors bring, under its labels: without it nobody would be well.
  const rule = monitors && wanted.alerts === 'Auto' && serves(PROMETHEUS_RULES);
  return [
    ...(monitors ? [podMonitor(view, 'processor'), podMonitor(view, 'ws-proxy')] : []),
    ...(rule ? [prometheusRule(view)] : []),
  ];
}

const label = (name: string) => `__meta_kubernetes_pod_label_app_kubernetes_io_${name}`;
const RELABELINGS = [
  { sourceLabels: [label('instance')], targetLabel: 'ocpp_cluster' },
  { sourceLabels: [label('component')], targetLabel: 'component' },
];

function podMonitor(view: View, component: Component): KubeObject {
  const spec = {
    selector: { matchLabels: selectorLabels(view.cluster, component) },
    podMetricsEndpoints: [{ port: ADMIN_PORT.name, path: PATH.metrics, relabelings: RELABELINGS }],
  };
  return owned(view, POD_MONITORS, component, { spec }, labelsOf(view));
}

function prometheusRule(view: View): KubeObject {
  const name = nameOf(view.cluster, 'alerts');
  const spec = { groups: [{ name, rules: alerts(view) }] };
  return owned(view, PROMETHEUS_RULES, 'alerts', { spec }, labelsOf(view));
}

function labelsOf({ spec }: View) {
  const { labels } = spec.monitoring;
  return { ...(labels && { labels }) };
}
