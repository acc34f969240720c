/**
 * The OcppCluster resource as TypeScript: its name in the API, and the object. The types of spec and status are
 * generated from crds/ocppclusters.yaml.
 */
import type { KubeObject, Resource } from '../kube/object-store.ts';
import type * as generated from './ocpp-cluster.generated.ts';

export type * from './ocpp-cluster.generated.ts';

export const API_VERSION = 'ocpp.dev/v1alpha1';
export const KIND = 'OcppCluster';
export const OCPP_CLUSTERS: Resource = {
  group: 'ocpp.dev',
  version: 'v1alpha1',
  kind: KIND,
  plural: 'ocppclusters',
  namespaced: true,
};

/** specReplicasPath of the scale subresource. */
export const SCALE_PATH = ['spec', 'processor', 'replicas'] as const;

export interface OcppCluster extends KubeObject {
  readonly spec?: generated.OcppClusterSpec;
  readonly status?: OcppClusterStatus;
}

/** With the conditions by name; the schema leaves room for those of later versions. */
export interface OcppClusterStatus extends Omit<generated.OcppClusterStatus, 'conditions'> {
  readonly conditions?: readonly Condition[];
}

export type Phase = NonNullable<OcppClusterStatus['phase']>;

export type ConditionType =
  | 'Available'
  | 'Progressing'
  | 'Degraded'
  | 'Draining'
  | 'RedisReady'
  | 'HighlyAvailable'
  | 'Secured'
  | 'AutoscalingActive';

/** metav1.Condition. */
export interface Condition extends generated.ConditionStatus {
  readonly type: ConditionType;
}
