/**
 * Writes the admin token of the HTTP API once its ServiceAccount exists, which owns the Secret. A token that is there stays, also one
 * of the user. Secrets cannot be read: the Secret of an earlier ServiceAccount may still exist for a moment and then go, and one
 * that was deleted shows only in Pods that do not start. In both cases it is written again.
 */
import { randomBytes } from 'node:crypto';
import { type Observed, isOwnedBy } from '../observe/observe.ts';
import { stateOf } from '../observe/workloads.ts';
import { apiAdminSecret } from '../render/api/admin-secret.ts';
import { nameOf } from '../render/render-input.ts';
import { SERVICE_ACCOUNTS } from '../render/resources.ts';
import type { Problem } from '../status/conditions.ts';
import type { Pass } from './apply.ts';
import { ensureSecret } from './embedded-redis.ts';

const TOKEN_BYTES = 32;
const RETRY_MS = 10_000;
/** Until then an earlier Secret of the name is gone. */
const REPLACED_MS = 60_000;

/** Of the last write, by this process. */
export interface ApiAdminState {
  /** uid of the ServiceAccount. */
  readonly owner: string | undefined;
  /** ms since 1970 */
  readonly at: number;
}

/**
 * Call it after the objects are applied.
 * @param now ms since 1970
 * @returns what the next pass is to know, and the problem if the Secret is refused
 * @throws StoreError when the API server is unreachable or busy
 */
export async function ensureApiAdmin(
  { store, caches, cluster, deletionGuard }: Pass,
  { api }: Pick<Observed, 'api'>,
  last: ApiAdminState,
  now: number,
): Promise<{ readonly state: ApiAdminState; readonly problem?: Problem }> {
  const { namespace = 'default' } = cluster.metadata;
  const account = caches.get({ resource: SERVICE_ACCOUNTS, namespace, name: nameOf(cluster, 'api') });
  if (account === undefined || !isOwnedBy(account, cluster)) return { state: last };
  const { uid: owner, creationTimestamp = '' } = account.metadata;
  const workload = stateOf(api);
  const isSettled = workload.ready >= workload.desired && now - Date.parse(creationTimestamp) > REPLACED_MS;
  if (owner === last.owner && (isSettled || now - last.at < RETRY_MS)) return { state: last };
  await deletionGuard.confirm();
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const problem = await ensureSecret(store, apiAdminSecret(cluster, account, token));
  return { state: { owner, at: now }, ...(problem !== undefined && { problem }) };
}
