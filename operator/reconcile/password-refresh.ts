/**
 * Kubelets change the file of a Secret up to 90 s after the Secret, and at once when an annotation of the Pod changes. A Pod
 * whose login is refused has the new password before the embedded Redis: its Pod gets an annotation, so that it follows.
 */
import type { Log } from '../../services/runtime/log.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import type { Signals } from '../scaling/demand.ts';
import { type Observed, podsOf } from '../observe/observe.ts';

/** Its value is the time of the last refresh, RFC 3339. */
export const REFRESHED = 'ocpp.dev/password-refreshed';
/** Between two refreshes; ms. A password that is really wrong must not cause a write in each pass. */
const INTERVAL_MS = 30_000;

/** The annotation to apply, if one is due. @param now ms since 1970 */
export function passwordRefresh(observed: Observed, { store }: Signals, now: number): KubeObject[] {
  if (store === undefined || store.loginRefused.length === 0) return [];
  return podsOf(observed, 'redis').flatMap(({ metadata }) => {
    const { name, namespace, uid, deletionTimestamp, annotations } = metadata;
    const last = Date.parse(annotations?.[REFRESHED] ?? '');
    if (deletionTimestamp !== undefined || now - last < INTERVAL_MS) return [];
    return [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          ...(namespace !== undefined && { namespace }),
          // With the uid, apply never creates a Pod that is already gone.
          ...(uid !== undefined && { uid }),
          annotations: { [REFRESHED]: new Date(now).toISOString() },
        },
      },
    ];
  });
}

/** A write that fails is no failure of the pass: the kubelet changes the file anyway, later. */
export async function refreshPassword(
  store: ObjectStore,
  pods: readonly KubeObject[],
  log: Log,
): Promise<void> {
  for (const pod of pods) {
    try {
      await store.apply(pod);
      log.info({ pod: pod.metadata.name }, 'a login was refused: Redis is to read its password file again');
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      log.warn({ pod: pod.metadata.name, error: error.message }, 'the password of Redis is not refreshed');
    }
  }
}
