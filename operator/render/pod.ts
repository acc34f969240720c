/**
 * The common part of all Pods: the `restricted` Pod Security Standard, spreading over nodes, no Service links, no API
 * token, and the user's additions (`podTemplate`). Pods have one container and no init containers: `npm start` runs
 * these very templates as child processes.
 */
import type { V1Container, V1EnvVar, V1PodTemplateSpec, V1Volume } from '@kubernetes/client-node';
import type { PodTemplateSpec } from '../api/ocpp-cluster.ts';
import { ENV } from '../../services/contract.ts';
import { quantity } from '../api/quantity.ts';
import {
  type Component,
  componentLabels,
  nameOf,
  selectorLabels,
  setLabels,
  type RenderInput,
} from './render-input.ts';

export interface PodParts {
  /** Also the primary group, and the owner of volumes. */
  readonly user: number;
  readonly graceSeconds: number;
  readonly resources: Resources;
  readonly volumes?: readonly V1Volume[];
  readonly container: Omit<V1Container, 'name' | 'resources' | 'securityContext' | 'imagePullPolicy'>;
}

interface Resources {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

export function podTemplate(
  input: RenderInput,
  component: Component,
  parts: PodParts,
  extra: PodTemplateSpec,
): V1PodTemplateSpec {
  const { cluster, spec } = input;
  const { pullPolicy, pullSecrets } = spec.image;
  const { labels, annotations } = extra.metadata ?? {};
  const volumes = [...(parts.volumes ?? [])];
  return {
    metadata: {
      labels: { ...labels, ...componentLabels(cluster, component), ...setLabels(input, component) },
      ...(annotations !== undefined && { annotations }),
    },
    spec: {
      serviceAccountName: nameOf(cluster, component),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // Makes the sandbox process 1 instead of the program: the kernel drops a SIGTERM to process 1 before its handler is
      // installed, so a Pod deleted right after its start would stay for the whole grace period.
      shareProcessNamespace: true,
      terminationGracePeriodSeconds: parts.graceSeconds,
      ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
      ...placement(input, component, extra),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: parts.user,
        runAsGroup: parts.user,
        fsGroup: parts.user,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(volumes.length > 0 && { volumes }),
      containers: [
        {
          name: component,
          ...parts.container,
          imagePullPolicy: pullPolicy,
          env: mergeEnv(parts.container.env ?? [], extra.env),
          resources: resourcesOf(input, parts.resources, extra),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

function placement(input: RenderInput, component: Component, extra: PodTemplateSpec): object {
  const spread = (topologyKey: string) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: {
      matchLabels: { ...selectorLabels(input.cluster, component), ...setLabels(input, component) },
    },
  });
  const zones = input.renderRevision >= 2 ? [spread('topology.kubernetes.io/zone')] : [];
  const { nodeSelector, tolerations, affinity, priorityClassName, topologySpreadConstraints } = extra;
  return {
    topologySpreadConstraints: topologySpreadConstraints ?? [...zones, spread('kubernetes.io/hostname')],
    ...(nodeSelector !== undefined && { nodeSelector }),
    ...(tolerations !== undefined && { tolerations }),
    ...(affinity !== undefined && { affinity }),
    ...(priorityClassName !== undefined && { priorityClassName }),
  };
}

/** Merges resource by resource. Before revision 2 the user's requests and limits each replaced the defaults as a whole. */
export function resourcesOf(
  { renderRevision }: Pick<RenderInput, 'renderRevision'>,
  defaults: Resources,
  extra: PodTemplateSpec,
): Resources {
  const given = extra.resources ?? {};
  if (renderRevision < 2) {
    const limits = given.limits ?? defaults.limits;
    return { requests: given.requests ?? withinLimits(defaults.requests, limits), limits };
  }
  const limits = { ...defaults.limits, ...given.limits };
  return { requests: { ...withinLimits(defaults.requests, limits), ...given.requests }, limits };
}

/** Lowers default requests to the given limits: the API server refuses a request above its limit. */
function withinLimits(
  requests: Readonly<Record<string, string>>,
  limits: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const fit = ([name, value]: [string, string]) => {
    const limit = limits[name];
    return [name, limit !== undefined && quantity(limit) < quantity(value) ? limit : value];
  };
  return Object.fromEntries(Object.entries(requests).map(fit)) as Record<string, string>;
}

function mergeEnv(ours: readonly V1EnvVar[], theirs: PodTemplateSpec['env'] = []): V1EnvVar[] {
  const kept = ours.filter(({ name }) => !theirs.some((one) => one.name === name));
  return [...kept, ...theirs];
}

export const POD_ENV: readonly V1EnvVar[] = [
  { name: ENV.podName, valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: ENV.podIp, valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
];
