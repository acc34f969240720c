/**
 * The key from which the operator derives the admin token of each cluster: a Secret of its own, created at the first start. It
 * is the only Secret that the operator may read.
 */
import { randomBytes } from 'node:crypto';
import { sleep } from '../../services/runtime/clock.ts';
import type { Log } from '../../services/runtime/log.ts';
import { type KubeObject, type ObjectStore, type Resource, StoreError } from './object-store.ts';

const SECRETS: Resource = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
const FIELD = 'key';
const KEY_BYTES = 32;
const RETRY_MS = 2000;

interface Secret extends KubeObject {
  /** Values in Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface KeySecret {
  readonly name: string;
  readonly namespace: string;
}

/** Retries until the API server answers. Undefined: the operator may not read or create the Secret, or it stops. */
export async function readAdminKey(
  store: Pick<ObjectStore, 'get' | 'create'>,
  secret: KeySecret,
  log: Log,
  stopping?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const stopped = () => stopping?.aborted === true;
  while (!stopped()) {
    try {
      return await getOrCreate(store, secret);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { name, namespace } = secret;
      if (!error.retryable) {
        log.error(
          { secret: `${namespace}/${name}`, error: error.message },
          'cannot use the Secret with the key of the admin ports: rollouts move stations without orders to the Pods',
        );
        return undefined;
      }
      log.warn(
        { secret: `${namespace}/${name}`, error: error.message },
        'cannot read the key of the admin ports yet',
      );
      await sleep(RETRY_MS, stopping);
    }
  }
  return undefined;
}

async function getOrCreate(store: Pick<ObjectStore, 'get' | 'create'>, { name, namespace }: KeySecret) {
  const read = async () => {
    const found: Secret | undefined = await store.get({ resource: SECRETS, name, namespace });
    const text = found?.data?.[FIELD];
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  };
  const known = await read();
  if (known !== undefined) return known;
  const key = randomBytes(KEY_BYTES);
  const fresh: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'ocpp-operator' } },
    data: { [FIELD]: key.toString('base64') },
  };
  await store.create(fresh);
  // Another operator may have been faster.
  const stored = await read();
  if (stored === undefined)
    throw new StoreError('invalid', `Secret ${namespace}/${name} has no field ${FIELD}`);
  return stored;
}
