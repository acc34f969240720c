/** What every renderer gets: the cluster with its defaults in place, and what was decided outside of it. */
import type { DefaultedSpec, OcppCluster } from '../api/ocpp-cluster.ts';
import { defaultedSpec } from '../api/defaults.ts';
import type { KubeObject, OwnerReference, Resource } from '../kube/object-store.ts';
import { apiVersionOf } from './resources.ts';
import { REVISION_ANNOTATION } from './revision.ts';

export type Component = 'ws-proxy' | 'processor' | 'redis';
/** What objects are named after: a component, or what concerns all of them. */
export type Part = Component | 'alerts';

export interface RenderContext {
  /** Image of ws-proxy and processor, `repository:tag`. */
  readonly image: string;
  readonly redisImage: string;
  /** Of the embedded Redis; left out for clusters that were made without a password. */
  readonly redisPasswordSecret?: string;
  /** Of the volume as it was made: a StatefulSet cannot change it. Left out for a new one. */
  readonly redisVolumeSize?: string;
  /** Pods stay as they are, though their template changes: an order by annotation. */
  readonly holdRollouts?: boolean;
  /** The scaler's decision. */
  readonly processorReplicas: number;
  /** The scaler's decision too; left out: what the spec says. */
  readonly proxyReplicas?: number;
  /** How the Pod templates look: see revision.ts. */
  readonly renderRevision: number;
  /** Kinds of add-ons that the API server has; none where left out. */
  readonly serves?: (resource: Resource) => boolean;
  /** Where the operator runs; left out where that is no namespace of this Kubernetes cluster. */
  readonly operatorNamespace?: string;
}

export interface View extends RenderContext {
  readonly cluster: OcppCluster;
  readonly namespace: string;
  readonly spec: DefaultedSpec;
}

export function viewOf(cluster: OcppCluster, context: RenderContext): View {
  const namespace = cluster.metadata.namespace ?? 'default';
  return { ...context, cluster, namespace, spec: defaultedSpec(cluster) };
}

/** Selects what operators made, of all clusters. */
export const MANAGED_BY = 'app.kubernetes.io/managed-by=ocpp-operator';

export const nameOf = (cluster: OcppCluster, part: Part): string => `${cluster.metadata.name}-${part}`;

/** Labels of everything of a cluster: the operator finds it by them. */
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

/** What a user may give an object; the labels by which we find it are ours. */
interface OwnMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An object of the cluster: named, labelled, and deleted with it. */
export function owned(
  view: View,
  resource: Resource,
  part: Part,
  body: object,
  { labels, annotations }: OwnMetadata = {},
): KubeObject {
  const { cluster } = view;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name: nameOf(cluster, part),
      namespace: view.namespace,
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

/** An object with Pods. */
export const workload = (view: View, resource: Resource, component: Component, spec: object): KubeObject =>
  owned(
    view,
    resource,
    component,
    { spec },
    { annotations: { [REVISION_ANNOTATION]: String(view.renderRevision) } },
  );
