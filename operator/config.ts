/** The settings of the operator, from the environment. `--help` prints them. */
import { duration } from '../services/runtime/config.ts';
import { programSettings } from '../services/runtime/program-settings.ts';

/** Defaults of clusters and of operators. */
export const DEFAULT_IMAGE = 'ghcr.io/ocpp-cluster/ocpp-cluster:0.2.0';
export const DEFAULT_REDIS_IMAGE = 'docker.io/library/redis:7-bookworm';
export const DEFAULT_SCRAPE_INTERVAL_MS = 5000;

export const operatorSettings = {
  kubeconfig: {
    doc: 'Kubeconfig file. Empty: ~/.kube/config, or the ServiceAccount of the Pod.',
    format: String,
    default: '',
    env: 'KUBECONFIG',
  },
  watchNamespaces: {
    doc: 'Namespaces to watch for OcppClusters, comma-separated. Empty: all.',
    format: String,
    default: '',
    env: 'WATCH_NAMESPACES',
  },
  defaultImage: {
    doc: 'Image (repository:tag) of ws-proxy and processor for new clusters whose spec names none.',
    format: String,
    default: DEFAULT_IMAGE,
    env: 'OCPP_DEFAULT_IMAGE',
  },
  redisImage: {
    doc: 'Image of embedded Redis: 7.0 or later, with sh and redis-cli, data in /data, user 999.',
    format: String,
    default: DEFAULT_REDIS_IMAGE,
    env: 'OCPP_REDIS_IMAGE',
  },
  scrapeInterval: {
    doc: 'Interval between two scrapes of the Pod metrics.',
    format: duration,
    default: DEFAULT_SCRAPE_INTERVAL_MS,
    env: 'SCRAPE_INTERVAL',
  },
  leaderElection: {
    doc: 'Reconcile only while holding a Lease, so that two operators never work at the same time.',
    format: Boolean,
    default: true,
    env: 'LEADER_ELECTION',
  },
  leaseName: {
    doc: 'Name of that Lease. Operators of different namespaces need different names.',
    format: String,
    default: 'ocpp-operator',
    env: 'LEASE_NAME',
  },
  podNamespace: {
    doc: 'Namespace of the Lease. Empty: the namespace of the Kubernetes context.',
    format: String,
    default: '',
    env: 'POD_NAMESPACE',
  },
  ...programSettings,
  podName: { ...programSettings.podName, doc: 'Holder of the Lease, and source of Events.' },
} as const;

/** `a, b` as a list; empty for none. */
export const namesIn = (text: string): readonly string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
