/**
 * The defaults of the CRD's schema, filled in as an API server does it on every read. Needed for stores
 * that do not (npm start), and for the one default that the schema cannot express: no Redis of either
 * kind means an embedded one.
 */
import type {
  EmbeddedRedisSpec,
  OcppCluster,
  OcppClusterSpec,
  PodTemplateSpec,
  RedisSpec,
} from './ocpp-cluster.ts';
import { fieldSchema, ocppClusterSchema, type Schema } from './schema.ts';

type Whole<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> };

/** `spec` with every default in place. What stays optional has none. */
export interface DefaultedSpec {
  readonly image: Whole<NonNullable<OcppClusterSpec['image']>>;
  readonly upgrade: NonNullable<OcppClusterSpec['upgrade']>;
  readonly protocols: readonly string[];
  readonly listeners: NonNullable<OcppClusterSpec['listeners']>;
  readonly proxy: DefaultedProxy;
  readonly processor: DefaultedProcessor;
  readonly monitoring: Defaulted<Monitoring, 'labels'>;
  readonly networkPolicy: Defaulted<NetworkPolicy, 'stationsFrom' | 'metricsFrom'>;
  readonly redis: DefaultedRedis;
}

/** With defaults for all but the fields `Free`. */
type Defaulted<T, Free extends keyof T> = Whole<Omit<T, Free>> & Pick<T, Free>;
type Monitoring = NonNullable<OcppClusterSpec['monitoring']>;
type NetworkPolicy = NonNullable<OcppClusterSpec['networkPolicy']>;
type Proxy = NonNullable<OcppClusterSpec['proxy']>;
type Service = NonNullable<Proxy['service']>;
type Admission = NonNullable<Proxy['admission']>;
type Processor = NonNullable<OcppClusterSpec['processor']>;
export type DefaultedAutoscaling = Whole<NonNullable<Processor['autoscaling']>>;

export interface DefaultedProxy {
  readonly replicas: number;
  readonly autoscaling?: Whole<NonNullable<Proxy['autoscaling']>>;
  readonly defaultProtocol?: string;
  readonly maxSessionsPerPod: number;
  readonly service: Whole<Pick<Service, 'type' | 'externalTrafficPolicy'>> & Service;
  readonly ingress?: NonNullable<Proxy['ingress']>;
  readonly gateway?: Whole<NonNullable<Proxy['gateway']>>;
  readonly admission: Whole<Omit<Admission, 'bootsPerSecond'>> & Pick<Admission, 'bootsPerSecond'>;
  readonly drain: Whole<NonNullable<Proxy['drain']>>;
  readonly podTemplate: PodTemplateSpec;
}

export type DefaultedTransactions = Whole<NonNullable<Processor['transactions']>>;

export interface DefaultedProcessor extends Whole<
  Omit<Processor, 'replicas' | 'autoscaling' | 'transactions'>
> {
  readonly replicas?: number;
  readonly transactions: DefaultedTransactions;
  readonly autoscaling: DefaultedAutoscaling;
}

export interface DefaultedEmbeddedRedis extends Whole<Omit<EmbeddedRedisSpec, 'storage'>> {
  readonly storage: Whole<NonNullable<EmbeddedRedisSpec['storage']>>;
}

/** Exactly one of `embedded` and `external` is there. */
export interface DefaultedRedis extends Whole<Omit<RedisSpec, 'embedded' | 'external'>> {
  readonly embedded?: DefaultedEmbeddedRedis;
  readonly external?: NonNullable<RedisSpec['external']>;
}

/** `value` with the defaults of `schema` in it; the value itself is left as it is. */
export function applyDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => applyDefaults(item, items));
  }
  if (typeof value !== 'object' || value === null) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    // An API server reads null as "not given" where there is a default.
    const given = filled[name] ?? field.default;
    if (given !== undefined) filled[name] = applyDefaults(given, field);
  }
  return filled;
}

/** The object as an API server would hand it out. */
export function withDefaults(cluster: OcppCluster): OcppCluster {
  return applyDefaults(cluster, ocppClusterSchema) as OcppCluster;
}

/** What the operator works with: every default in place, and one Redis. */
export function defaultedSpec(cluster: OcppCluster): DefaultedSpec {
  const spec = withDefaults(cluster).spec as unknown as DefaultedSpec;
  if (spec.redis.external !== undefined || spec.redis.embedded !== undefined) return spec;
  const embedded = applyDefaults({}, fieldSchema('spec', 'redis', 'embedded')) as DefaultedEmbeddedRedis;
  return { ...spec, redis: { ...spec.redis, embedded } };
}
