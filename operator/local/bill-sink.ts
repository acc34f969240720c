/** The bill sink on one machine: it needs Redis and your PostgreSQL, for which nothing can be made here. Pure. */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { Secret } from './kinds.ts';

/** Why the sink that a manifest asks for cannot run; undefined: it can, or there is none. */
export function sinkObstacle(
  { metadata, spec }: OcppCluster,
  secrets: readonly Secret[],
  redis: boolean,
): string | undefined {
  const { postgres } = spec?.billing?.sink ?? {};
  if (postgres === undefined) return undefined;
  if (!redis) return 'there is no Redis';
  const { namespace = 'default' } = metadata;
  const exists = (name: string) =>
    secrets.some((one) => one.metadata.name === name && one.metadata.namespace === namespace);
  const missing = [postgres.secretName, postgres.caSecretName].find(
    (name) => name !== undefined && !exists(name),
  );
  return missing === undefined ? undefined : `the manifest has no Secret ${missing}`;
}

/** Without a sink that cannot run: processors then keep the streams bounded. */
export function withPossibleSink(
  cluster: OcppCluster,
  secrets: readonly Secret[],
  redis: boolean,
): OcppCluster {
  if (sinkObstacle(cluster, secrets, redis) === undefined) return cluster;
  const { sink: _, ...billing } = cluster.spec?.billing ?? {};
  return { ...cluster, spec: { ...cluster.spec, billing } };
}
