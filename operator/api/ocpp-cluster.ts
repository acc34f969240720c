/**
 * The OcppCluster resource (crds/ocppclusters.yaml) as TypeScript. Every field of `spec` that has a
 * default in the schema is still optional here: withDefaults() (defaults.ts) fills them in, from the
 * CRD's own schema, for stores that do not (npm start) and for objects older than a field.
 */
import type { KubeObject, Resource } from '../kube/object-store.ts';
import type { GatewaySpec, IngressSpec, MonitoringSpec, NetworkPolicySpec, ServiceSpec } from './access.ts';

export const API_VERSION = 'ocpp.dev/v1alpha1';
export const KIND = 'OcppCluster';
export const OCPP_CLUSTERS: Resource = {
  group: 'ocpp.dev',
  version: 'v1alpha1',
  kind: KIND,
  plural: 'ocppclusters',
  namespaced: true,
};

export interface OcppCluster extends KubeObject {
  readonly spec?: OcppClusterSpec;
  readonly status?: OcppClusterStatus;
}

export interface OcppClusterSpec {
  /** Image of ws-proxy and processor; empty repository or tag: the operator's default at creation. */
  readonly image?: ImageSpec;
  /** Auto: a new operator moves the cluster to its own image and Pod templates. */
  readonly upgrade?: 'Manual' | 'Auto';
  /** Subprotocols offered to stations. */
  readonly protocols?: readonly string[];
  /** One to eight, with names and ports of their own. */
  readonly listeners?: readonly ListenerSpec[];
  readonly proxy?: ProxySpec;
  readonly processor?: ProcessorSpec;
  readonly monitoring?: MonitoringSpec;
  readonly networkPolicy?: NetworkPolicySpec;
  readonly redis?: RedisSpec;
}

export interface ImageSpec {
  readonly repository?: string;
  readonly tag?: string;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly pullSecrets?: readonly string[];
}

export interface ListenerSpec {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  /** Not with a Service of type ClusterIP. */
  readonly nodePort?: number;
}

export interface ProxySpec {
  /** Ignored with autoscaling. */
  readonly replicas?: number;
  /** Left out: `replicas` is the number. */
  readonly autoscaling?: ProxyAutoscalingSpec;
  /** Of stations that name no subprotocol; left out: they are refused. */
  readonly defaultProtocol?: string;
  readonly maxSessionsPerPod?: number;
  readonly service?: ServiceSpec;
  readonly ingress?: IngressSpec;
  readonly gateway?: GatewaySpec;
  readonly admission?: {
    /** Of one Pod. */
    readonly connectionsPerSecond?: number;
    /** Of one Pod; left out: no limit. */
    readonly bootsPerSecond?: number;
  };
  readonly drain?: {
    readonly ratePerSecond?: number;
    readonly deadlineSeconds?: number;
    /** What becomes of stations with a running transaction. */
    readonly transactions?: 'Wait' | 'Close';
  };
  readonly podTemplate?: PodTemplateSpec;
}

export interface ProxyAutoscalingSpec {
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly targetSessionsPerPod?: number;
  /** Scale down to the highest number wanted during the last so many seconds. */
  readonly scaleDownStabilizationSeconds?: number;
}

export interface ProcessorSpec {
  /** Whole image reference of own handlers; empty: the built-in ones. */
  readonly image?: string;
  readonly callTimeoutSeconds?: number;
  /** What Authorize and transactions answer for an idToken that is not in the token list. */
  readonly unknownTokens?: 'Accept' | 'Reject';
  /** Whether messages that break their schema are repaired. Of ws-proxy and processor. */
  readonly validation?: 'Tolerant' | 'Strict';
  readonly transactions?: TransactionsSpec;
  /** Only for autoscaling mode Off. Written by the scale subresource. No default. */
  readonly replicas?: number;
  readonly autoscaling?: AutoscalingSpec;
  readonly podTemplate?: PodTemplateSpec;
}

export interface TransactionsSpec {
  /** How long a repeated start or stop is recognised. */
  readonly idempotencySeconds?: number;
  /** When a transaction whose station is silent is reported. */
  readonly reportAfterSeconds?: number;
  /** When it is closed; 0: never. */
  readonly abandonAfterSeconds?: number;
  /** Whether a token may charge in two transactions at once. */
  readonly concurrent?: 'Accept' | 'Reject';
}

export interface AutoscalingSpec {
  readonly mode?: 'Internal' | 'Off';
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  /** A backlog should be gone within this. */
  readonly targetDrainSeconds?: number;
  /** Scale down to the highest recommendation of the last so many seconds. */
  readonly scaleDownStabilizationSeconds?: number;
}

export interface RedisSpec {
  /** At most one of embedded and external; neither means embedded. */
  readonly embedded?: EmbeddedRedisSpec;
  readonly external?: ExternalRedisSpec;
  readonly channelPrefix?: string;
  readonly database?: number;
  readonly clientTimeoutSeconds?: number;
  readonly connectionPoolSize?: number;
  readonly retryAttempts?: number;
  readonly retryDelayMilliseconds?: number;
  readonly distributedState?: boolean;
  /** Empty: the channel prefix. */
  readonly stateKeyPrefix?: string;
  readonly stateTtlSeconds?: number;
}

export interface ExternalRedisSpec {
  readonly mode?: 'Standalone' | 'Sentinel' | 'Cluster';
  /** host:port of the server, of the Sentinels, or of nodes of the Cluster. */
  readonly addresses: readonly string[];
  /** Secret with keys `password` and, optionally, `username`. */
  readonly credentialsSecretName?: string;
  /** TLS is on when it is there. */
  readonly tls?: {
    /** Secret with key `ca.crt`. */
    readonly caSecretName?: string;
    /** Secret of type kubernetes.io/tls. */
    readonly clientCertificateSecretName?: string;
    readonly serverName?: string;
  };
  /** With mode Sentinel, and only then. */
  readonly sentinel?: {
    readonly masterName: string;
    readonly credentialsSecretName?: string;
    readonly tls?: boolean;
  };
}

export interface EmbeddedRedisSpec {
  /** Whole reference; empty: the operator's when the cluster is created. */
  readonly image?: string;
  /** Secret with key `password`; empty: one is made. */
  readonly passwordSecretName?: string;
  readonly storage?: {
    readonly size?: string;
    readonly storageClassName?: string;
    readonly onDelete?: 'Retain' | 'Delete';
  };
  readonly appendFsync?: 'always' | 'everysec';
  readonly podTemplate?: PodTemplateSpec;
}

/** What a user may add to our Pods, merged as by a strategic merge patch. Lists replace ours, except env, which is merged by name. */
export interface PodTemplateSpec {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  readonly affinity?: object;
  readonly topologySpreadConstraints?: readonly object[];
  readonly priorityClassName?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

export type Phase = 'Pending' | 'Running' | 'Progressing' | 'Draining' | 'Degraded' | 'Paused';

export interface OcppClusterStatus {
  readonly observedGeneration?: number;
  readonly phase?: Phase;
  readonly conditions?: readonly Condition[];
  /** Image that this cluster's Pods run: resolved at creation, kept through operator upgrades. */
  readonly image?: string;
  /** `repository:tag` of spec.image when `image` was chosen: another one there chooses anew. */
  readonly imageRequested?: string;
  /** Of the Pod templates (operator/render/revision.ts), chosen together with the image. */
  readonly renderRevision?: number;
  readonly redis?: RedisStatus;
  /** ws-proxy Pods that are giving up their stations, oldest deadline first. */
  readonly drain?: readonly DrainStatus[];
  readonly proxy?: {
    readonly replicas: number;
    readonly readyReplicas: number;
    /** Open station sockets; left out while unknown. */
    readonly sessions?: number;
    /** Left out without spec.proxy.autoscaling. */
    readonly autoscaling?: ProxyAutoscalingStatus;
  };
  readonly processor?: {
    readonly replicas: number;
    readonly readyReplicas: number;
    /** For the scale subresource. */
    readonly selector: string;
  };
  readonly queue?: { readonly depth: number; readonly oldestSeconds: number; readonly inFlight: number };
  readonly autoscaling?: AutoscalingStatus;
  /** Station URLs. */
  readonly endpoints?: readonly string[];
}

/** Of an embedded Redis. */
export interface RedisStatus {
  readonly image?: string;
  /** Left out for clusters that were made before it had one. */
  readonly passwordSecretName?: string;
  /** Size of the volume that was asked for last. */
  readonly storage?: string;
}

export interface DrainStatus {
  readonly pod: string;
  /** Left out while unknown. */
  readonly sessions?: number;
  /** When Kubernetes ends the Pod whatever it still holds. */
  readonly deadline?: string;
}

/** Also the memory of the scaler of proxies. */
export type ProxyAutoscalingStatus = Pick<
  AutoscalingStatus,
  'desiredReplicas' | 'reason' | 'lastScaleTime' | 'recommendations'
>;

/** Also the memory of the scaler, so that a change of leader forgets nothing. */
export interface AutoscalingStatus {
  readonly desiredReplicas?: number;
  readonly reason?: string;
  readonly lastScaleTime?: string;
  readonly lastScaleDirection?: 'Up' | 'Down';
  /** Messages per busy second of one replica, smoothed; the last good value. */
  readonly capacityPerReplica?: number;
  /** Recommendations of the stabilisation window, oldest first: `{at, replicas}`. */
  readonly recommendations?: readonly { readonly at: string; readonly replicas: number }[];
}

export type ConditionType =
  | 'Available'
  | 'Progressing'
  | 'Degraded'
  | 'Draining'
  | 'RedisReady'
  | 'HighlyAvailable'
  | 'AutoscalingActive';

/** metav1.Condition. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, stable: for machines. */
  readonly reason: string;
  /** For a person at night: what is wrong and what to do. */
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}
