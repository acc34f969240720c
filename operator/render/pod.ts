/**
 * What the Pods of all components share: the `restricted` Pod Security Standard, spreading over nodes,
 * no Service links, no API token, and the user's additions (`podTemplate`). Pods stay plain (one
 * container, no init containers): `npm start` runs these very templates as child processes.
 */
import type { V1Container, V1EnvVar, V1PodTemplateSpec, V1Volume } from '@kubernetes/client-node';
import type { PodTemplateSpec } from '../api/ocpp-cluster.ts';
import { ENV } from '../../services/contract.ts';
import { quantity } from '../api/quantity.ts';
import { type Component, componentLabels, nameOf, selectorLabels, type View } from './view.ts';

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
  view: View,
  component: Component,
  parts: PodParts,
  extra: PodTemplateSpec,
): V1PodTemplateSpec {
  const { cluster, spec } = view;
  const { pullPolicy, pullSecrets } = spec.image;
  const { labels, annotations } = extra.metadata ?? {};
  const volumes = [...(parts.volumes ?? [])];
  return {
    metadata: {
      labels: { ...labels, ...componentLabels(cluster, component) },
      ...(annotations !== undefined && { annotations }),
    },
    spec: {
      serviceAccountName: nameOf(cluster, component),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // The sandbox is process 1, not the program: the kernel drops a SIGTERM for process 1 that is not handled yet,
      // so that a Pod deleted in its first moment would stay for the whole grace period.
      shareProcessNamespace: true,
      terminationGracePeriodSeconds: parts.graceSeconds,
      ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
      ...placement(view, component, extra),
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
          resources: resourcesOf(view, parts.resources, extra),
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

function placement(view: View, component: Component, extra: PodTemplateSpec): object {
  const spread = (topologyKey: string) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(view.cluster, component) },
  });
  const zones = view.renderRevision >= 2 ? [spread('topology.kubernetes.io/zone')] : [];
  const { nodeSelector, tolerations, affinity, priorityClassName, topologySpreadConstraints } = extra;
  return {
    topologySpreadConstraints: topologySpreadConstraints ?? [...zones, spread('kubernetes.io/hostname')],
    ...(nodeSelector !== undefined && { nodeSelector }),
    ...(tolerations !== undefined && { tolerations }),
    ...(affinity !== undefined && { affinity }),
    ...(priorityClassName !== undefined && { priorityClassName }),
  };
}

/** One resource given leaves the others as they are; until revision 2 requests and limits were replaced, each as a whole. */
export function resourcesOf(
  { renderRevision }: Pick<View, 'renderRevision'>,
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

/** A limit below our default request would be refused by the API server, though only the limit was given. */
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
