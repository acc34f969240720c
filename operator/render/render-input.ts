/** The input of every renderer: the cluster with defaults applied, and the decisions of the pass. */
import type { DefaultedSpec, OcppCluster } from '../api/ocpp-cluster.ts';
import { defaultedSpec } from '../api/defaults.ts';
import type { KubeObject, OwnerReference, Resource } from '../kube/object-store.ts';
import { apiVersionOf } from './resources.ts';
import { REVISION_ANNOTATION, SET_LABEL } from './revision.ts';

export type Component = 'ws-proxy' | 'processor' | 'redis' | 'api' | 'bill-sink';
/** The suffix of an object's name: a component, or something that concerns all of them. */
export type Part = Component | 'alerts';

export interface RenderContext {
  /** Image of ws-proxy, processor, API and bill sink, `repository:tag`. */
  readonly image: string;
  readonly redisImage: string;
  /** Of the embedded Redis; absent for clusters created without a password. */
  readonly redisPasswordSecret?: string;
  /** Size at which the volume was created: a StatefulSet cannot change it. Absent for a new one. */
  readonly redisVolumeSize?: string;
  /** OCPP_CLUSTER_ID of running programs; absent: namespace, name and uid of the cluster. */
  readonly clusterId?: string;
  /** Pods are not replaced when their template changes: paused by annotation, or an unknown render revision. */
  readonly holdRollouts?: boolean;
  /** Decided by the scaler. */
  readonly processorReplicas: number;
  /** Scale-in is paused by annotation: autoscalers of Kubernetes and of KEDA take part in it. */
  readonly pauseScaleIn?: boolean;
  /** The autoscaler of an earlier mode still exists; the new one is rendered once it is gone. */
  readonly holdAutoscaler?: boolean;
  /** Decided by the scaler; absent: spec.proxy.replicas. */
  readonly proxyReplicas?: number;
  /** The proxy set to render; 'none': every existing set is kept as it is. Absent: the Deployment `<cluster>-ws-proxy`. */
  readonly proxySet?: RenderedSet | 'none';
  /** Labels in addition to those of all ws-proxy Pods, by which the Service selects one set. */
  readonly servingLabels?: Readonly<Record<string, string>>;
  /** Secret with the token of the admin port, from revision 3 on; absent: the admin port takes no orders. */
  readonly adminSecret?: string;
  /** Version of the Pod templates: see revision.ts. */
  readonly renderRevision: number;
  /** Whether the API server serves this kind of an add-on; absent: none is served. */
  readonly serves?: (resource: Resource) => boolean;
  /** Namespace of the operator; absent when it runs outside this Kubernetes cluster. */
  readonly operatorNamespace?: string;
}

export interface RenderedSet {
  /** Name of the Deployment. */
  readonly name: string;
  /** Hash of the template. */
  readonly template: string;
  /** Its Pods carry the label of the set; those of the Deployment `<cluster>-ws-proxy` do not. */
  readonly isLabelled: boolean;
}

export interface RenderInput extends RenderContext {
  readonly cluster: OcppCluster;
  readonly namespace: string;
  readonly spec: DefaultedSpec;
}

export function renderInputOf(cluster: OcppCluster, context: RenderContext): RenderInput {
  const namespace = cluster.metadata.namespace ?? 'default';
  return { ...context, cluster, namespace, spec: defaultedSpec(cluster) };
}

/** Images of earlier render revisions have neither API nor bill sink. */
const EXTRAS_SINCE_REVISION = 3;

/** Whether the cluster gets the HTTP API. */
export const hasApi = ({ spec, renderRevision }: Pick<RenderInput, 'spec' | 'renderRevision'>): boolean =>
  spec.api.enabled && renderRevision >= EXTRAS_SINCE_REVISION;

/** Whether the cluster gets the bill sink. */
export const hasBillSink = ({
  spec,
  renderRevision,
}: Pick<RenderInput, 'spec' | 'renderRevision'>): boolean =>
  spec.billing.sink !== undefined && renderRevision >= EXTRAS_SINCE_REVISION;

/** The components that a spec may ask for beside those of stations. */
export const optionalComponents = (
  input: Pick<RenderInput, 'spec' | 'renderRevision'>,
): readonly ('api' | 'bill-sink')[] => [
  ...(hasApi(input) ? (['api'] as const) : []),
  ...(hasBillSink(input) ? (['bill-sink'] as const) : []),
];

/** Selects the objects of all clusters. */
export const MANAGED_BY = 'app.kubernetes.io/managed-by=ocpp-operator';

export const nameOf = (cluster: OcppCluster, part: Part): string => `${cluster.metadata.name}-${part}`;

/** Labels of every object of a cluster: the operator finds the objects by them. */
export const clusterLabels = (cluster: OcppCluster): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/name': 'ocpp',
  'app.kubernetes.io/instance': cluster.metadata.name,
  'app.kubernetes.io/managed-by': 'ocpp-operator',
});

export const componentLabels = (cluster: OcppCluster, part: Part): Readonly<Record<string, string>> => ({
  ...clusterLabels(cluster),
  'app.kubernetes.io/component': part,
});

/** Never changes: selectors are immutable in Deployments and StatefulSets. */
export const selectorLabels = (
  cluster: OcppCluster,
  component: Component,
): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/name': 'ocpp',
  'app.kubernetes.io/instance': cluster.metadata.name,
  'app.kubernetes.io/component': component,
});

export const selectorText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

/** Metadata that the spec may add to an object; it cannot override the labels of the operator. */
interface OwnMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An object of the cluster, with its name, labels and owner reference: it is deleted with the cluster. */
export function owned(
  input: RenderInput,
  resource: Resource,
  part: Part,
  body: object,
  { labels, annotations }: OwnMetadata = {},
): KubeObject {
  const { cluster } = input;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name: nameOf(cluster, part),
      namespace: input.namespace,
      labels: { ...labels, ...componentLabels(cluster, part) },
      ...(annotations !== undefined && { annotations }),
      ownerReferences: [ownerOf(cluster)],
    },
    ...body,
  };
}

export const ownerOf = (cluster: OcppCluster): OwnerReference => ({
  apiVersion: cluster.apiVersion,
  kind: cluster.kind,
  name: cluster.metadata.name,
  uid: cluster.metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

/** A Deployment or StatefulSet. */
export const workload = (
  input: RenderInput,
  resource: Resource,
  component: Component,
  spec: object,
  annotations: Readonly<Record<string, string>> = {},
): KubeObject =>
  owned(
    input,
    resource,
    component,
    { spec },
    { annotations: { [REVISION_ANNOTATION]: String(input.renderRevision), ...annotations } },
  );

/** Labels of the Pods of the rendered proxy set, besides those of all ws-proxy Pods. */
export function setLabels(
  { proxySet }: RenderContext,
  component: Component,
): Readonly<Record<string, string>> {
  if (component !== 'ws-proxy' || proxySet === undefined || proxySet === 'none') return {};
  return proxySet.isLabelled ? { [SET_LABEL]: proxySet.name } : {};
}
