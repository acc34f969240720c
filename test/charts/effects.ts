/** The complete effect of each chart value on the rendered objects, in the order of values.yaml. */
import { readFileSync } from 'node:fs';
import { NAMESPACE, type Rendered } from './helm.ts';

const PACKAGE = new URL('../../package.json', import.meta.url);
const { version: VERSION } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };

const NAME = 'ocpp-ocpp-operator';
const POD = 'Deployment spec.template';
const CONTAINER = `${POD}.spec.containers[operator]`;
/** The Pod of `helm test`. */
const TEST = 'Pod spec';

/** With this value instead of the default, these are the only differences. `given` applies to both renderings. */
export interface Effect {
  readonly value: unknown;
  readonly given?: object;
  readonly differences:
    | readonly string[]
    | ((lines: readonly string[], after: readonly Rendered[]) => boolean);
}

const monitored = {
  crd: { install: false },
  metrics: { podMonitor: { enabled: true }, prometheusRule: { enabled: true } },
};
const shown = { crd: { install: false }, metrics: { grafanaDashboard: { enabled: true } } };
const policed = { crd: { install: false }, networkPolicy: { enabled: true } };
const image = (name: string) => [
  `${CONTAINER}.env[OCPP_DEFAULT_IMAGE].value: ${name}`,
  `${CONTAINER}.image: ${name}`,
  `${TEST}.containers[test].image: ${name}`,
];
const IMAGE = `ghcr.io/ocpp-cluster/ocpp-cluster:${VERSION}`;
const DIGEST = `sha256:${'0'.repeat(64)}`;

export const OPERATOR_EFFECTS: Readonly<Record<string, Effect>> = {
  watchNamespaces: {
    value: ['a'],
    differences: [
      `+Role a/${NAME}`,
      `+RoleBinding a/${NAME}`,
      `-ClusterRole ${NAME}`,
      `-ClusterRoleBinding ${NAME}`,
      `${CONTAINER}.env[WATCH_NAMESPACES].value: a`,
    ],
  },
  'image.repository': { value: 'r:5/x', differences: image(`r:5/x:${VERSION}`) },
  'image.tag': { value: '7', differences: image('ghcr.io/ocpp-cluster/ocpp-cluster:7') },
  'image.digest': { value: DIGEST, differences: image(`${IMAGE}@${DIGEST}`) },
  'image.pullPolicy': {
    value: 'Never',
    differences: [`${CONTAINER}.imagePullPolicy: Never`, `${TEST}.containers[test].imagePullPolicy: Never`],
  },
  imagePullSecrets: {
    value: [{ name: 's' }],
    differences: [`${POD}.spec.imagePullSecrets[s].name: s`, `${TEST}.imagePullSecrets[s].name: s`],
  },
  'redis.image': { value: 'r', differences: [`${CONTAINER}.env[OCPP_REDIS_IMAGE].value: r`] },
  replicas: {
    value: 1,
    differences: [`-PodDisruptionBudget ${NAMESPACE}/${NAME}`, 'Deployment spec.replicas: 1'],
  },
  logLevel: { value: 'warn', differences: [`${CONTAINER}.env[LOG_LEVEL].value: warn`] },
  'crd.install': { value: false, differences: ['-CustomResourceDefinition ocppclusters.ocpp.dev'] },
  'crd.annotations': {
    value: { a: 'b' },
    differences: ['CustomResourceDefinition metadata.annotations.a: b'],
  },
  'rbac.create': {
    value: false,
    differences: [
      `-ClusterRole ${NAME}`,
      `-ClusterRoleBinding ${NAME}`,
      `-Role ${NAMESPACE}/${NAME}-leader`,
      `-RoleBinding ${NAMESPACE}/${NAME}-leader`,
    ],
  },
  'rbac.aggregateToDefaultRoles': {
    value: false,
    differences: [`-ClusterRole ${NAME}-edit`, `-ClusterRole ${NAME}-view`],
  },
  'rbac.readSecrets': {
    value: ['a'],
    differences: [
      'ClusterRole rules[18].apiGroups[0]: ',
      'ClusterRole rules[18].resourceNames[0]: a',
      'ClusterRole rules[18].resources[0]: secrets',
      'ClusterRole rules[18].verbs[0]: get',
    ],
  },
  'serviceAccount.create': {
    value: false,
    given: { serviceAccount: { name: 's' } },
    differences: [`-ServiceAccount ${NAMESPACE}/s`],
  },
  'serviceAccount.name': {
    value: 's',
    differences: [
      `+ServiceAccount ${NAMESPACE}/s`,
      `-ServiceAccount ${NAMESPACE}/${NAME}`,
      'ClusterRoleBinding subjects[s].kind: ServiceAccount',
      'ClusterRoleBinding subjects[s].name: s',
      `ClusterRoleBinding subjects[s].namespace: ${NAMESPACE}`,
      `ClusterRoleBinding subjects[${NAME}].kind: gone`,
      `ClusterRoleBinding subjects[${NAME}].name: gone`,
      `ClusterRoleBinding subjects[${NAME}].namespace: gone`,
      `${POD}.spec.serviceAccountName: s`,
      'RoleBinding subjects[s].kind: ServiceAccount',
      'RoleBinding subjects[s].name: s',
      `RoleBinding subjects[s].namespace: ${NAMESPACE}`,
      `RoleBinding subjects[${NAME}].kind: gone`,
      `RoleBinding subjects[${NAME}].name: gone`,
      `RoleBinding subjects[${NAME}].namespace: gone`,
    ],
  },
  'serviceAccount.annotations': {
    value: { a: 'b' },
    differences: ['ServiceAccount metadata.annotations.a: b'],
  },
  'metrics.service.annotations': { value: { a: 'b' }, differences: ['Service metadata.annotations.a: b'] },
  'metrics.podMonitor.enabled': { value: true, differences: [`+PodMonitor ${NAMESPACE}/${NAME}`] },
  'metrics.podMonitor.interval': {
    value: '1m',
    given: monitored,
    differences: ['PodMonitor spec.podMetricsEndpoints[0].interval: 1m'],
  },
  'metrics.podMonitor.scrapeTimeout': {
    value: '5s',
    given: monitored,
    differences: ['PodMonitor spec.podMetricsEndpoints[0].scrapeTimeout: 5s'],
  },
  'metrics.podMonitor.labels': {
    value: { a: 'b' },
    given: monitored,
    differences: ['PodMonitor metadata.labels.a: b'],
  },
  'metrics.prometheusRule.enabled': { value: true, differences: [`+PrometheusRule ${NAMESPACE}/${NAME}`] },
  'metrics.prometheusRule.labels': {
    value: { a: 'b' },
    given: monitored,
    differences: ['PrometheusRule metadata.labels.a: b'],
  },
  'metrics.grafanaDashboard.enabled': {
    value: true,
    differences: [`+ConfigMap ${NAMESPACE}/${NAME}-dashboard`],
  },
  'metrics.grafanaDashboard.labels': {
    value: { grafana_dashboard: 'yes', a: 'b' },
    given: shown,
    differences: ['ConfigMap metadata.labels.a: b', 'ConfigMap metadata.labels.grafana_dashboard: yes'],
  },
  'metrics.grafanaDashboard.annotations': {
    value: { grafana_folder: 'OCPP' },
    given: shown,
    differences: ['ConfigMap metadata.annotations.grafana_folder: OCPP'],
  },
  'metrics.grafanaDashboard.namespace': {
    value: 'monitoring',
    given: shown,
    differences: [`+ConfigMap monitoring/${NAME}-dashboard`, `-ConfigMap ${NAMESPACE}/${NAME}-dashboard`],
  },
  'networkPolicy.enabled': { value: true, differences: [`+NetworkPolicy ${NAMESPACE}/${NAME}`] },
  'networkPolicy.metricsFrom': {
    value: [{ podSelector: { matchLabels: { a: 'b' } } }],
    given: policed,
    differences: ['NetworkPolicy spec.ingress[0].from[0].podSelector.matchLabels.a: b'],
  },
  'networkPolicy.apiServer.ports': {
    value: [6443],
    given: policed,
    differences: [
      'NetworkPolicy spec.egress[1].ports[0].port: 6443',
      'NetworkPolicy spec.egress[1].ports[1].port: gone',
      'NetworkPolicy spec.egress[1].ports[1].protocol: gone',
    ],
  },
  'networkPolicy.apiServer.cidrs': {
    value: ['10.0.0.1/32'],
    given: policed,
    differences: ['NetworkPolicy spec.egress[1].to[0].ipBlock.cidr: 10.0.0.1/32'],
  },
  'networkPolicy.egress': {
    value: [{ ports: [{ port: 9091 }] }],
    given: policed,
    differences: ['NetworkPolicy spec.egress[3].ports[0].port: 9091'],
  },
  'podDisruptionBudget.enabled': {
    value: false,
    differences: [`-PodDisruptionBudget ${NAMESPACE}/${NAME}`],
  },
  'podDisruptionBudget.maxUnavailable': {
    value: '50%',
    differences: ['PodDisruptionBudget spec.maxUnavailable: 50%'],
  },
  resources: {
    value: { limits: { memory: '1Gi' } },
    differences: [`${CONTAINER}.resources.limits.memory: 1Gi`],
  },
  podSecurityContext: {
    value: { runAsUser: 1 },
    differences: [`${POD}.spec.securityContext.runAsUser: 1`, `${TEST}.securityContext.runAsUser: 1`],
  },
  extraEnv: {
    value: [
      { name: 'A', value: 'b' },
      { name: 'LOG_LEVEL', value: 'debug' },
    ],
    differences: [
      `${CONTAINER}.env[A].name: A`,
      `${CONTAINER}.env[A].value: b`,
      `${CONTAINER}.env[LOG_LEVEL].value: debug`,
    ],
  },
  terminationGracePeriodSeconds: { value: 5, differences: [`${POD}.spec.terminationGracePeriodSeconds: 5`] },
  deploymentAnnotations: { value: { a: 'b' }, differences: ['Deployment metadata.annotations.a: b'] },
  podAnnotations: { value: { a: 'b' }, differences: [`${POD}.metadata.annotations.a: b`] },
  podLabels: { value: { a: 'b' }, differences: [`${POD}.metadata.labels.a: b`] },
  nodeSelector: {
    value: { a: 'b' },
    differences: [`${POD}.spec.nodeSelector.a: b`, `${TEST}.nodeSelector.a: b`],
  },
  tolerations: {
    value: [{ key: 'k' }],
    differences: [`${POD}.spec.tolerations[0].key: k`, `${TEST}.tolerations[0].key: k`],
  },
  affinity: { value: { a: 'b' }, differences: [`${POD}.spec.affinity.a: b`] },
  topologySpreadConstraints: {
    value: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
    differences: [`${POD}.spec.topologySpreadConstraints[0].topologyKey: zone`],
  },
  priorityClassName: { value: 'high', differences: [`${POD}.spec.priorityClassName: high`] },
  commonLabels: { value: { a: 'b' }, differences: everywhere('labels') },
  commonAnnotations: { value: { a: 'b' }, differences: everywhere('annotations') },
  nameOverride: { value: 'short', differences: (_, after) => named(after, 'ocpp-short') },
  fullnameOverride: { value: 'whole', differences: (_, after) => named(after, 'whole') },
  'global.imageRegistry': {
    value: 'r:5',
    differences: [
      ...image(`r:5/ocpp-cluster/ocpp-cluster:${VERSION}`),
      `${CONTAINER}.env[OCPP_REDIS_IMAGE].value: r:5/library/redis:7-bookworm`,
    ],
  },
  'global.imagePullSecrets': {
    value: ['s', { name: 't' }],
    given: { crd: { install: false }, imagePullSecrets: [{ name: 't' }] },
    differences: [`${POD}.spec.imagePullSecrets[s].name: s`, `${TEST}.imagePullSecrets[s].name: s`],
  },
};

export const CLUSTER_EFFECTS: Readonly<Record<string, Effect>> = {
  name: { value: 'city', differences: (_, after) => named(after, 'city') },
  labels: {
    value: { a: 'b' },
    differences: ['OcppCluster metadata.labels.a: b', 'Pod metadata.labels.a: b'],
  },
  annotations: { value: { a: 'b' }, differences: ['OcppCluster metadata.annotations.a: b'] },
  spec: {
    value: {
      image: { repository: 'r', tag: '1', pullPolicy: 'Always', pullSecrets: ['s'] },
      protocols: ['ocpp1.6'],
      listeners: [{ name: 'stations', port: 80, path: '/o' }],
    },
    differences: [
      'OcppCluster spec.image.pullPolicy: Always',
      'OcppCluster spec.image.pullSecrets[0]: s',
      'OcppCluster spec.image.repository: r',
      'OcppCluster spec.image.tag: 1',
      'OcppCluster spec.listeners[stations].name: stations',
      'OcppCluster spec.listeners[stations].path: /o',
      'OcppCluster spec.listeners[stations].port: 80',
      'OcppCluster spec.protocols[0]: ocpp1.6',
      `${TEST}.containers[test].env[PROTOCOLS].value: ocpp1.6`,
      `${TEST}.containers[test].env[STATION_URLS].value: ws://ocpp-ws-proxy.${NAMESPACE}:80/o/helm-test`,
      `${TEST}.containers[test].image: r:1`,
      `${TEST}.containers[test].imagePullPolicy: Always`,
      `${TEST}.imagePullSecrets[s].name: s`,
    ],
  },
  'test.enabled': { value: false, differences: [`-Pod ${NAMESPACE}/ocpp-test`] },
  'test.image': { value: 'r:1', differences: [`${TEST}.containers[test].image: r:1`] },
  'test.seconds': { value: 5, differences: [`${TEST}.containers[test].env[TEST_SECONDS].value: 5`] },
  'global.imageRegistry': {
    value: 'r:5',
    given: {
      spec: {
        image: { repository: 'ghcr.io/a/b' },
        processor: { image: 'a/c:1' },
        redis: { embedded: { image: 'localhost/redis:7' } },
      },
    },
    differences: [
      'OcppCluster spec.image.repository: r:5/a/b',
      'OcppCluster spec.processor.image: r:5/a/c:1',
      'OcppCluster spec.redis.embedded.image: r:5/redis:7',
      `${TEST}.containers[test].image: r:5/a/b:${VERSION}`,
    ],
  },
  'global.imagePullSecrets': {
    value: ['s', { name: 't' }],
    given: { spec: { image: { pullSecrets: ['t'] } } },
    differences: ['OcppCluster spec.image.pullSecrets[1]: s', `${TEST}.imagePullSecrets[s].name: s`],
  },
};

/** In every object and in the Pods of the Deployment, and nowhere else. */
function everywhere(what: 'labels' | 'annotations') {
  return (lines: readonly string[], after: readonly Rendered[]) =>
    after.every(({ metadata }) => metadata[what]?.['a'] === 'b') &&
    lines.includes(`${POD}.metadata.${what}.a: b`) &&
    lines.length === after.length + 1;
}

const named = (objects: readonly Rendered[], prefix: string) =>
  objects.every(({ kind, metadata: { name } }) => {
    return kind === 'CustomResourceDefinition' || name === prefix || name.startsWith(`${prefix}-`);
  });
