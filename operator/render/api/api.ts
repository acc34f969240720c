/** The HTTP API: a Deployment and a Service of its own. No station depends on it, so it is rolled as any web server. */
import type { V1DeploymentSpec, V1ServiceSpec } from '@kubernetes/client-node';
import { ENV, PORT, PROGRAM } from '../../../services/contract.ts';
import type { KubeObject } from '../../kube/object-store.ts';
import { apiDisruptionBudget } from '../disruption-budgets.ts';
import { adminMount } from '../admin-access.ts';
import { mountSecrets } from '../front-door/secret-mount.ts';
import { passwordKey } from '../front-door/authentication.ts';
import { type Access, joined, NO_ACCESS, secretFile } from '../front-door/service-access.ts';
import { podTemplate } from '../pod.ts';
import { ADMIN_PORT, NONROOT, probes, programEnv } from '../program.ts';
import { redisVolumes } from '../redis-access.ts';
import { hasApi, owned, type RenderInput, selectorLabels, workload } from '../render-input.ts';
import { DEPLOYMENTS, SERVICES } from '../resources.ts';
import { API_ADMIN, apiAdminSecretName } from './admin-secret.ts';
import { clusterAccess, clusterReader } from './cluster-access.ts';
import { historyAccess } from './history.ts';
import { webhookAccess } from './webhooks.ts';

const RESOURCES = { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '384Mi' } };
/** Requests that wait for stations are answered with the state of their commands as soon as the Pod ends, s. */
const GRACE_SECONDS = 30;
const HTTP_PORT = { name: 'http', containerPort: PORT.api };
export const SERVICE_PORT = 80;
const TOKENS = 'api-tokens';
const TOKENS_FOLDER = `/etc/ocpp/${TOKENS}`;

export function apiObjects(input: RenderInput): KubeObject[] {
  if (!hasApi(input)) return [];
  return [...clusterReader(input), apiService(input), apiDeployment(input), ...apiDisruptionBudget(input)];
}

function apiService(input: RenderInput): KubeObject {
  const { annotations } = input.spec.api.service;
  const spec = {
    type: 'ClusterIP',
    selector: { ...selectorLabels(input.cluster, 'api') },
    ports: [
      { name: 'http', port: SERVICE_PORT, targetPort: HTTP_PORT.name, protocol: 'TCP', appProtocol: 'http' },
    ],
  } satisfies V1ServiceSpec;
  return owned(input, SERVICES, 'api', { spec }, { ...(annotations && { annotations }) });
}

function apiDeployment(input: RenderInput): KubeObject {
  const { api } = input.spec;
  const mounts = apiMounts(input);
  const container = {
    image: input.image,
    args: [PROGRAM.api],
    env: [
      // Each request says itself how long it waits.
      ...programEnv(input, RESOURCES, api.podTemplate).filter(({ name }) => name !== ENV.callTimeout),
      ...mounts.env,
      { name: ENV.apiPort, value: String(PORT.api) },
      { name: ENV.apiRequestsPerSecond, value: String(api.requestsPerSecond) },
      { name: ENV.logLevel, value: api.logLevel },
    ],
    ports: [HTTP_PORT, ADMIN_PORT],
    volumeMounts: mounts.volumeMounts,
    ...probes(input),
  };
  const { volumes } = mounts;
  const parts = { user: NONROOT, graceSeconds: GRACE_SECONDS, resources: RESOURCES, container, volumes };
  const deployment = {
    replicas: api.replicas,
    revisionHistoryLimit: 3,
    ...(input.holdRollouts === true && { paused: true }),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    selector: { matchLabels: selectorLabels(input.cluster, 'api') },
    template: podTemplate(input, 'api', parts, api.podTemplate),
  } satisfies V1DeploymentSpec;
  return workload(input, DEPLOYMENTS, 'api', deployment);
}

/** The login for Redis, the token of the admin port, the tokens of its users, that for the API server, the secrets of webhooks, and those of a Prometheus. */
function apiMounts(input: RenderInput) {
  const access = apiAccess(input);
  const [redis, admin, users, cluster, webhooks, history] = [
    redisVolumes(input, 'api'),
    adminMount(input),
    mountSecrets(access.secrets),
    clusterAccess(input),
    webhookAccess(input),
    historyAccess(input),
  ];
  const all = [redis, admin, users, cluster, webhooks, history];
  return {
    env: [...admin.env, ...access.env, ...cluster.env, ...webhooks.env, ...history.env],
    volumes: all.flatMap(({ volumes }) => volumes),
    volumeMounts: all.flatMap(({ volumeMounts }) => volumeMounts),
  };
}

/** Who may use it, and the key of the passwords that it gives to stations. */
function apiAccess(input: RenderInput): Access {
  const admin = secretFile(API_ADMIN, apiAdminSecretName(input.cluster), 'token', ENV.apiAdminTokenFile);
  return joined([admin, tokens(input), passwordKey(input)]);
}

/** Of the user: a file for each token. */
function tokens({ spec }: RenderInput): Access {
  const { tokensSecret } = spec.api;
  if (tokensSecret === undefined) return NO_ACCESS;
  return {
    env: [{ name: ENV.apiTokensFolder, value: TOKENS_FOLDER }],
    secrets: [{ volume: TOKENS, secretName: tokensSecret.name, mountPath: TOKENS_FOLDER }],
  };
}
