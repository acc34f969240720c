/** Common to ws-proxy and processor: the admin port with its probes, the Redis settings, the settings that change without a restart, the heap limit. */
import type { V1Container, V1EnvVar, V1Probe, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { PodTemplateSpec } from '../api/ocpp-cluster.ts';
import { DEFAULT, ENV, PATH, PORT } from '../../services/contract.ts';
import { POD_ENV, resourcesOf } from './pod.ts';
import { quantity } from '../api/quantity.ts';
import { adminMount } from './admin-access.ts';
import type { Access } from './front-door/service-access.ts';
import { mountSecrets } from './front-door/secret-mount.ts';
import { redisEnv, redisVolumes } from './redis-access.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { type Component, nameOf, owned, type RenderInput } from './render-input.ts';
import { CONFIG_MAPS } from './resources.ts';

/** `nonroot` of distroless images. */
export const NONROOT = 65532;
/** Share of the memory limit; buffers of sockets and of Redis are outside the heap. */
const HEAP_SHARE = 0.7;

/** How long processors and the embedded Redis serve on while all proxies of a deleted cluster drain, s. */
export const lastStationsSeconds = ({ renderRevision }: RenderInput): number =>
  renderRevision >= 3 ? 60 : 0;

/** @param further options of Node itself */
export function programEnv(
  input: RenderInput,
  resources: Parameters<typeof resourcesOf>[1],
  extra: PodTemplateSpec,
  further: readonly string[] = [],
): V1EnvVar[] {
  const { spec } = input;
  return [
    ...POD_ENV,
    { name: ENV.adminPort, value: String(PORT.admin) },
    { name: ENV.callTimeout, value: `${spec.processor.callTimeoutSeconds}s` },
    ...(hasLiveSettings(input)
      ? []
      : unlessDefault(ENV.validation, spec.processor.validation, DEFAULT.validation)),
    ...redisEnv(input),
    nodeOptions(resourcesOf(input, resources, extra).limits['memory'], further),
  ];
}

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** Omits defaults so that existing Pods are not replaced. */
export const unlessDefault = <T>(name: string, value: T, unlike: T, text = String(value)): Variable[] =>
  value === unlike ? [] : [{ name, value: text }];

const SETTINGS = 'settings';
const SETTINGS_FOLDER = `/etc/ocpp/${SETTINGS}`;

/** Whether limits, rates and rules are in a ConfigMap. */
export const hasLiveSettings = ({ renderRevision }: Pick<RenderInput, 'renderRevision'>): boolean =>
  renderRevision >= 3;

/**
 * The settings that a program takes while it runs, by variable. All are named, defaults too: one that was taken out would
 * keep the value with which the process began. A variable that the podTemplate sets is left to it.
 */
export function settingsMap(
  input: RenderInput,
  component: Component,
  variables: readonly Variable[],
  { env = [] }: PodTemplateSpec,
): KubeObject[] {
  if (!hasLiveSettings(input)) return [];
  const ours = variables.filter(({ name }) => !env.some((one) => one.name === name));
  const data = Object.fromEntries(ours.map(({ name, value }) => [name, value]));
  return [owned(input, CONFIG_MAPS, component, { data })];
}

/**
 * The same ConfigMap as variables, which count at the start, and as files, which count while the program runs. An image of
 * a release without live settings reads the variables, so it starts with them too.
 */
function settingsMount(input: RenderInput, component: Component): ProgramMounts {
  if (!hasLiveSettings(input)) return { env: [], container: {}, volumes: [], volumeMounts: [] };
  const name = nameOf(input.cluster, component);
  return {
    env: [{ name: ENV.settingsFolder, value: SETTINGS_FOLDER }],
    container: { envFrom: [{ configMapRef: { name } }] },
    volumes: [{ name: SETTINGS, configMap: { name } }],
    volumeMounts: [{ name: SETTINGS, mountPath: SETTINGS_FOLDER, readOnly: true }],
  };
}

/** What a program gets from Secrets and ConfigMaps. */
interface ProgramMounts {
  readonly env: V1EnvVar[];
  readonly container: Pick<V1Container, 'envFrom'>;
  readonly volumes: V1Volume[];
  readonly volumeMounts: V1VolumeMount[];
}

/**
 * The logins for Redis, the token of the admin port, the settings that change without a restart, and what the program needs to
 * know who its stations are.
 */
export function programMounts(input: RenderInput, component: Component, access: Access): ProgramMounts {
  const [redis, admin, settings] = [
    redisVolumes(input, component),
    adminMount(input),
    settingsMount(input, component),
  ];
  const door = mountSecrets(access.secrets);
  return {
    env: [...admin.env, ...settings.env, ...access.env],
    container: settings.container,
    volumes: [...redis.volumes, ...admin.volumes, ...settings.volumes, ...door.volumes],
    volumeMounts: [
      ...redis.volumeMounts,
      ...admin.volumeMounts,
      ...settings.volumeMounts,
      ...door.volumeMounts,
    ],
  };
}

/** Without a heap limit V8 grows until the kernel kills the Pod, with every socket in it. */
function nodeOptions(memory: string | undefined, further: readonly string[]): V1EnvVar {
  const mebibytes = (limit: string) => Math.floor((quantity(limit) * HEAP_SHARE) / 2 ** 20);
  const limit = memory === undefined ? [] : [`--max-old-space-size=${mebibytes(memory)}`];
  return { name: 'NODE_OPTIONS', value: ['--enable-source-maps', ...limit, ...further].join(' ') };
}

const probe = (path: string, rest: Omit<V1Probe, 'httpGet'>): V1Probe => ({
  httpGet: { path, port: 'admin' },
  ...rest,
});

export const probes = (
  input: RenderInput,
): Pick<V1Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> => ({
  startupProbe: probe(PATH.liveness, {
    // Earlier no port is open, and each failed probe would be a warning Event.
    ...(input.renderRevision >= 2 && { initialDelaySeconds: 2 }),
    periodSeconds: 1,
    timeoutSeconds: 5,
    failureThreshold: 60,
  }),
  readinessProbe: probe(PATH.readiness, { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 2 }),
  // Tolerant: a restart disconnects every station of the Pod.
  livenessProbe: probe(PATH.liveness, { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
});

export const ADMIN_PORT = { name: 'admin', containerPort: PORT.admin };
