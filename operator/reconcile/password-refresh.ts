/**
 * Kubelets change the file of a Secret up to 90 s after the Secret, and at once when an annotation of the Pod changes. A Pod
 * whose login is refused has the new password before the embedded Redis: its Pod gets an annotation, so that it follows.
 */
import type { KubeObject } from '../kube/object-store.ts';
import type { Signals } from '../scaling/demand.ts';
import { type Observed, podsOf } from '../observe/observe.ts';
import { annotated } from './pod-annotations.ts';

/** Its value is the time of the last refresh, RFC 3339. */
export const REFRESHED = 'ocpp.dev/password-refreshed';
/** Between two refreshes; ms. A password that is really wrong must not cause a write in each pass. */
const INTERVAL_MS = 30_000;

/** The annotation to apply, if one is due. @param now ms since 1970 */
export function passwordRefresh(observed: Observed, { store }: Signals, now: number): KubeObject[] {
  if (store === undefined || store.loginRefused.length === 0) return [];
  return podsOf(observed, 'redis').flatMap((pod) => {
    const { deletionTimestamp, annotations } = pod.metadata;
    const last = Date.parse(annotations?.[REFRESHED] ?? '');
    if (deletionTimestamp !== undefined || now - last < INTERVAL_MS) return [];
    return [annotated(pod, { [REFRESHED]: new Date(now).toISOString() })];
  });
}
