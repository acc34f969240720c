/**
 * Which ws-proxies go when there shall be fewer: those with the fewest stations, as each station of a Pod that goes has
 * to connect again. Kubernetes takes it as a hint, so nothing waits for it and nothing fails by it. It is
 * written just before the number is lowered, not all the time: each write is seen by everybody who watches Pods.
 */
import type { Log } from '../../services/runtime/log.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import type { Signals } from '../scaling/demand.ts';
import { idOf, type Observed, podsOf } from './observe.ts';

export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * What to apply to the Pods before there are only `replicas` of them; nothing where there are no more now.
 * @param full stations of a Pod whose stations are not known: it is not the one to go
 */
export function deletionCosts(
  observed: Observed,
  { sessionsOf }: Signals,
  replicas: number,
  full: number,
): KubeObject[] {
  if (replicas >= (observed.proxy?.spec?.replicas ?? 0)) return [];
  const staying = podsOf(observed, 'ws-proxy').filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined,
  );
  return staying.map((pod) => {
    const { name, namespace, uid } = pod.metadata;
    const cost = String(sessionsOf?.get(idOf(pod)) ?? full);
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        ...(namespace !== undefined && { namespace }),
        // A Pod that is gone is not to be made again.
        ...(uid !== undefined && { uid }),
        annotations: { [DELETION_COST]: cost },
      },
    };
  });
}

export async function writeCosts(store: ObjectStore, pods: readonly KubeObject[], log: Log): Promise<void> {
  for (const pod of pods) {
    try {
      await store.apply(pod);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      log.warn({ pod: pod.metadata.name, error: error.message }, 'no deletion cost written, any Pod may go');
    }
  }
}
