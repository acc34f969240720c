/** What ws-proxy and processor share: the admin port with its probes, the settings of Redis, the heap's limit. */
import type { V1Container, V1EnvVar, V1Probe } from '@kubernetes/client-node';
import type { PodTemplateSpec } from '../api/ocpp-cluster.ts';
import { DEFAULT, ENV, PATH, PORT } from '../../services/contract.ts';
import { POD_ENV, resourcesOf } from './pod.ts';
import { quantity } from '../api/quantity.ts';
import { redisEnv } from './redis-access.ts';
import type { View } from './view.ts';

/** `nonroot` of distroless images. */
export const NONROOT = 65532;
/** Of the memory limit; sockets' and Redis' buffers lie outside of the heap. */
const HEAP_SHARE = 0.7;

/** @param further options of Node itself */
export function programEnv(
  view: View,
  resources: Parameters<typeof resourcesOf>[1],
  extra: PodTemplateSpec,
  further: readonly string[] = [],
): V1EnvVar[] {
  const { spec } = view;
  return [
    ...POD_ENV,
    { name: ENV.adminPort, value: String(PORT.admin) },
    { name: ENV.callTimeout, value: `${spec.processor.callTimeoutSeconds}s` },
    ...unlessDefault(ENV.validation, spec.processor.validation, DEFAULT.validation),
    ...redisEnv(view),
    nodeOptions(resourcesOf(view, resources, extra).limits['memory'], further),
  ];
}

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** What a program does without being told is not told: Pods of before keep their template. */
export const unlessDefault = <T>(name: string, value: T, unlike: T, text = String(value)): Variable[] =>
  value === unlike ? [] : [{ name, value: text }];

/** Without a limit V8 grows until the kernel kills the Pod, with every socket in it. */
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
  view: View,
): Pick<V1Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> => ({
  startupProbe: probe(PATH.liveness, {
    // Before that nobody listens, and each question is a warning among the Events.
    ...(view.renderRevision >= 2 && { initialDelaySeconds: 2 }),
    periodSeconds: 1,
    timeoutSeconds: 5,
    failureThreshold: 60,
  }),
  readinessProbe: probe(PATH.readiness, { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 2 }),
  // Patient: a restart costs every station its connection.
  livenessProbe: probe(PATH.liveness, { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
});

export const ADMIN_PORT = { name: 'admin', containerPort: PORT.admin };
