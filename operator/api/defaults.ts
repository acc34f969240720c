/**
 * The defaults of the CRD's schema, filled in as an API server does it on every read. Needed for stores
 * that do not (npm start), and for the one default that the schema cannot express: no Redis of either
 * kind means an embedded one.
 */
import type { DefaultedRedisEmbedded, DefaultedSpec, OcppCluster } from './ocpp-cluster.ts';
import { fieldSchema, ocppClusterSchema, type Schema } from './schema.ts';

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
  const embedded = applyDefaults({}, fieldSchema('spec', 'redis', 'embedded')) as DefaultedRedisEmbedded;
  return { ...spec, redis: { ...spec.redis, embedded } };
}
