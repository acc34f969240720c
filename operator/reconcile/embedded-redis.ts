/**
 * The two things about an embedded Redis that are not rendered: its password, which is written once and never read, and
 * the growth of its volume, which a StatefulSet cannot do.
 */
import { randomBytes } from 'node:crypto';
import type { DefaultedSpec, OcppCluster, OcppClusterStatus, RedisStatus } from '../api/ocpp-cluster.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import { quantity } from '../api/quantity.ts';
import { PERSISTENT_VOLUME_CLAIMS } from '../render/resources.ts';
import { clusterLabels, nameOf, ownerOf } from '../render/render-input.ts';
import type { Problem } from './apply.ts';
import type { Release, Running } from './release.ts';

/** Undefined: the cluster has no embedded Redis. A cluster that was made without a password stays so. */
export function chooseRedis(
  cluster: OcppCluster,
  { redis }: Pick<DefaultedSpec, 'redis'>,
  status: OcppClusterStatus | undefined,
  { redisImage }: Release,
  running: Running = {},
): RedisStatus | undefined {
  if (redis.embedded === undefined) return undefined;
  const made = redis.embedded.passwordSecretName || generatedName(cluster);
  const found = running.redisPasswordSecret === undefined ? made : running.redisPasswordSecret;
  const passwordSecretName = status?.image === undefined ? found : status.redis?.passwordSecretName;
  const storage = status?.redis?.storage;
  return {
    image: redisImage,
    ...(passwordSecretName && { passwordSecretName }),
    ...(storage !== undefined && { storage }),
  };
}

/** With a part of the uid: what is left of a deleted cluster of the same name must not be taken for ours. */
const generatedName = (cluster: OcppCluster) =>
  `${nameOf(cluster, 'redis')}-${(cluster.metadata.uid ?? '').slice(0, 8)}`;

/**
 * Makes the Secret unless it is there or is somebody else's to make. It cannot be read, so whoever calls this often
 * should not: once for each cluster, and again while its Pods do not start.
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
  return refusal(`Secret/${passwordSecretName}`, () => store.create(secret));
}

/** Asks for a larger volume. Resolves to the problem, or to nothing when the size is asked for. */
export async function growVolume(
  store: ObjectStore,
  cluster: OcppCluster,
  size: string,
): Promise<Problem | undefined> {
  const { namespace = 'default' } = cluster.metadata;
  const name = `data-${nameOf(cluster, 'redis')}-0`;
  const claim: Claim | undefined = await store.get({ resource: PERSISTENT_VOLUME_CLAIMS, namespace, name });
  const now = claim?.spec?.resources?.requests?.['storage'];
  if (now === undefined || quantity(now) >= quantity(size)) return undefined;
  const spec = { resources: { requests: { storage: size } } };
  const wanted = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec };
  return refusal(`PersistentVolumeClaim/${name}`, () => store.apply(wanted));
}

interface Claim extends KubeObject {
  readonly spec?: { readonly resources?: { readonly requests?: Readonly<Record<string, string>> } };
}

async function refusal(what: string, request: () => Promise<unknown>): Promise<Problem | undefined> {
  try {
    await request();
    return undefined;
  } catch (error) {
    if (!(error instanceof StoreError) || error.retryable) throw error;
    return { reason: 'Refused', message: `${what} was refused: ${error.message}` };
  }
}
