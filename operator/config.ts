/** The settings of the operator, from the environment. `--help` prints them. */
import { hostname } from 'node:os';
import { ENV, PORT } from '../services/contract.ts';
import { duration } from '../services/runtime/config.ts';
import { LOG_LEVELS } from '../services/runtime/log.ts';

/** Defaults of clusters and of operators. */
export const DEFAULT_IMAGE = 'ghcr.io/ocpp-cluster/ocpp-cluster:0.1.0';
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
  podName: {
    doc: 'Holder of the Lease and source of Events.',
    format: String,
    default: hostname(),
    env: ENV.podName,
  },
  podNamespace: {
    doc: 'Namespace of the Lease. Empty: the namespace of the Kubernetes context.',
    format: String,
    default: '',
    env: 'POD_NAMESPACE',
  },
  host: {
    doc: 'Address that the admin port listens on.',
    format: String,
    default: '0.0.0.0',
    env: ENV.podIp,
  },
  adminPort: {
    doc: 'Port for health, readiness and metrics.',
    format: 'port',
    default: PORT.admin,
    env: ENV.adminPort,
  },
  logLevel: {
    doc: 'debug, info, warn, error or silent.',
    format: [...LOG_LEVELS],
    default: 'info',
    env: ENV.logLevel,
  },
} as const;

/** `a, b` as a list; empty for none. */
export const namesIn = (text: string): readonly string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
