/**
 * The two parts of an embedded Redis that are not rendered: its password, which is written once and never read, and the
 * growth of its volume, which a StatefulSet does not support.
 */
import { randomBytes } from 'node:crypto';
import type { DefaultedSpec, OcppCluster, OcppClusterStatus, RedisStatus } from '../api/ocpp-cluster.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import { quantity } from '../api/quantity.ts';
import { PERSISTENT_VOLUME_CLAIMS } from '../render/resources.ts';
import { clusterLabels, nameOf, ownerOf } from '../render/render-input.ts';
import type { Problem } from '../status/conditions.ts';
import type { Release, Running } from '../render/release.ts';

/** Undefined: the cluster has no embedded Redis. A cluster that was created without a password keeps none. */
export function chooseRedis(
  cluster: OcppCluster,
  { redis }: Pick<DefaultedSpec, 'redis'>,
  status: OcppClusterStatus | undefined,
  { redisImage }: Release,
  running: Running = {},
): RedisStatus | undefined {
  if (redis.embedded === undefined) return undefined;
  const configured = redis.embedded.passwordSecretName || generatedName(cluster);
  const found = running.redisPasswordSecret === undefined ? configured : running.redisPasswordSecret;
  const passwordSecretName = status?.image === undefined ? found : status.redis?.passwordSecretName;
  const storage = status?.redis?.storage;
  return {
    image: redisImage,
    ...(passwordSecretName && { passwordSecretName }),
    ...(storage !== undefined && { storage }),
  };
}

/** Contains a part of the uid: a leftover Secret of a deleted cluster of the same name must not be used. */
const generatedName = (cluster: OcppCluster) =>
  `${nameOf(cluster, 'redis')}-${(cluster.metadata.uid ?? '').slice(0, 8)}`;

/**
 * Creates the Secret unless it exists or the user provides it. The operator cannot read Secrets, so each call is a write:
 * call it once per cluster, and again while its Pods do not start.
 */
export async function ensurePassword(
  store: ObjectStore,
  cluster: OcppCluster,
  { passwordSecretName }: RedisStatus,
): Promise<Problem | undefined> {
  if (passwordSecretName !== generatedName(cluster)) return undefined;
  const secret: KubeObject & { readonly type: string; readonly stringData: object } = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: passwordSecretName,
      namespace: cluster.metadata.namespace ?? 'default',
      labels: { ...clusterLabels(cluster), 'app.kubernetes.io/component': 'redis' },
      ownerReferences: [ownerOf(cluster)],
    },
    type: 'Opaque',
    stringData: { password: randomBytes(24).toString('base64url') },
  };
  return ensureSecret(store, secret);
}

/** Creates a Secret unless it exists: the operator can neither read nor change Secrets. */
export const ensureSecret = (store: ObjectStore, secret: KubeObject): Promise<Problem | undefined> =>
  problemOf(`Secret/${secret.metadata.name}`, () => store.create(secret));

/** Requests a larger volume. Resolves to the problem, or to undefined when the request was accepted or not needed. */
export async function growVolume(
  store: ObjectStore,
  cluster: OcppCluster,
  size: string,
): Promise<Problem | undefined> {
  const { namespace = 'default' } = cluster.metadata;
  const claim = await claimOf(store, cluster);
  const name = claimName(cluster);
  const current = claim?.spec?.resources?.requests?.['storage'];
  if (current === undefined || quantity(current) >= quantity(size)) return undefined;
  const spec = { resources: { requests: { storage: size } } };
  const request = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec };
  return problemOf(`PersistentVolumeClaim/${name}`, () => store.apply(request));
}

/** A claim that was deleted by mistake still works until its Pod ends: then all data are gone. Undefined: it is not. */
export async function volumeProblem(store: ObjectStore, cluster: OcppCluster): Promise<Problem | undefined> {
  const claim = await claimOf(store, cluster);
  const since = claim?.metadata.deletionTimestamp;
  if (claim === undefined || since === undefined) return undefined;
  const { name } = claim.metadata;
  const volume = claim.spec?.volumeName ?? 'VOLUME';
  const message =
    `PersistentVolumeClaim ${name} was deleted at ${since}: it goes, with all data, as soon as the Pod ${nameOf(cluster, 'redis')}-0 ends. ` +
    'Do not end that Pod. Back up now, and keep the volume: ' +
    `kubectl patch pv ${volume} -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' (docs/operations.md)`;
  return { reason: 'VolumeTerminating', message };
}

const claimName = (cluster: OcppCluster) => `data-${nameOf(cluster, 'redis')}-0`;

const claimOf = (store: ObjectStore, cluster: OcppCluster): Promise<Claim | undefined> =>
  store.get({
    resource: PERSISTENT_VOLUME_CLAIMS,
    namespace: cluster.metadata.namespace ?? 'default',
    name: claimName(cluster),
  });

interface Claim extends KubeObject {
  readonly spec?: {
    readonly volumeName?: string;
    readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
  };
}

async function problemOf(what: string, request: () => Promise<unknown>): Promise<Problem | undefined> {
  try {
    await request();
    return undefined;
  } catch (error) {
    if (!(error instanceof StoreError) || error.retryable) throw error;
    return { reason: 'Refused', message: `${what} was refused: ${error.message}` };
  }
}
