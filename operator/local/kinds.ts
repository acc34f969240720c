/** The Kubernetes kinds that `npm start` runs, reduced to the fields that it reads. pod-fields.ts decides about all others. */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject, Resource } from '../kube/object-store.ts';
import { clusterLabels } from '../render/render-input.ts';
import { PODS } from '../render/resources.ts';

export const SECRETS: Resource = { ...PODS, kind: 'Secret', plural: 'secrets' };

export type Labels = Readonly<Record<string, string>>;

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels };
  readonly spec: PodSpec;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly terminationGracePeriodSeconds?: number;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly {
    readonly configMapRef?: { readonly name: string; readonly optional?: boolean };
  }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
  };
}

export interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string };
  readonly tcpSocket?: { readonly port: number | string };
  readonly exec?: { readonly command: readonly string[] };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

export interface SecretVolume {
  readonly secretName: string;
  /** Only these keys. */
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: object;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly secret?: SecretVolume;
  readonly configMap?: { readonly name: string };
  readonly projected?: {
    readonly sources?: readonly {
      readonly serviceAccountToken?: { readonly path: string };
      readonly secret?: { readonly name: string; readonly optional?: boolean } & Pick<SecretVolume, 'items'>;
    }[];
  };
}

export interface Pod extends KubeObject {
  readonly spec: PodSpec;
  readonly status?: PodStatus;
}

export interface PodStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly conditions?: readonly PodCondition[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

/** Of a Pod or Deployment. */
export interface PodCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
  /** RFC 3339. */
  readonly lastTransitionTime?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restartCount: number;
  readonly state: object;
}

interface Selector {
  readonly selector: { readonly matchLabels: Labels };
}

export interface Deployment extends KubeObject {
  readonly spec: Selector & {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly paused?: boolean;
    readonly strategy?: {
      readonly type?: string;
      readonly rollingUpdate?: {
        readonly maxSurge?: number | string;
        readonly maxUnavailable?: number | string;
      };
    };
    readonly template: PodTemplate;
  };
}

export interface StatefulSet extends KubeObject {
  readonly spec: Selector & {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly updateStrategy?: { readonly rollingUpdate?: { readonly partition?: number } };
    readonly template: PodTemplate;
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

export interface Service extends KubeObject {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly selector?: Labels;
    readonly ports?: readonly ServicePort[];
  };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  /** Number or name of a container port; default: `port`. */
  readonly targetPort?: number | string;
}

export interface Secret extends KubeObject {
  /** Base64. */
  readonly data?: Labels;
  readonly stringData?: Labels;
}

export interface ConfigMap extends KubeObject {
  readonly data?: Labels;
}

/** `namespace/name`, as messages name Pods and Services. */
export function nameOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? 'default'}/${object.metadata.name}`;
}

/** ws-proxy, processor, redis or api. */
export const componentOf = ({ metadata }: KubeObject): string | undefined =>
  metadata.labels?.['app.kubernetes.io/component'];

/** Whether the operator made `object` for `cluster`. */
export const belongsTo = (object: KubeObject, cluster: OcppCluster): boolean =>
  object.metadata.namespace === cluster.metadata.namespace && selects(clusterLabels(cluster), object);

export function isReady(pod: Pod): boolean {
  return condition(pod, 'Ready')?.status === 'True';
}

export function condition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((one) => one.type === type);
}

export function selects(selector: Labels, object: KubeObject): boolean {
  return Object.entries(selector).every(([key, value]) => object.metadata.labels?.[key] === value);
}

/** Container port by name or number, undefined when a name is not among the Pod's. */
export function containerPort(spec: PodSpec, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  return ports.find((one) => one.name === port)?.containerPort;
}
