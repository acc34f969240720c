/** The settings of the operator, from the environment. `--help` prints them. */
import { duration } from '../services/runtime/config.ts';
import { programSettings } from '../services/runtime/program-settings.ts';

/** Of clusters and operators that do not say otherwise. */
export const DEFAULT_IMAGE = 'ghcr.io/ocpp-cluster/ocpp-cluster:0.2.0';
export const DEFAULT_REDIS_IMAGE = 'docker.io/library/redis:7-bookworm';
export const DEFAULT_SCRAPE_INTERVAL_MS = 5000;

export const operatorSettings = {
  watchNamespaces: {
    doc: 'Namespaces to look for OcppClusters in, comma-separated. Empty: all.',
    format: String,
    default: '',
    env: 'WATCH_NAMESPACES',
  },
  defaultImage: {
    doc: 'Image (repository:tag) of ws-proxy and processor in new clusters that do not name one.',
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
    doc: 'How often the metrics of Pods are read.',
    format: duration,
    default: DEFAULT_SCRAPE_INTERVAL_MS,
    env: 'SCRAPE_INTERVAL',
  },
  leaderElection: {
    doc: 'Work only while holding a Lease, so that two operators do not work at once.',
    format: Boolean,
    default: true,
    env: 'LEADER_ELECTION',
  },
  leaseName: {
    doc: 'Name of that Lease. Operators for different namespaces need one each.',
    format: String,
    default: 'ocpp-operator',
    env: 'LEASE_NAME',
  },
  podNamespace: {
    doc: 'Namespace of the Lease. Empty: that of the Kubernetes context.',
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
