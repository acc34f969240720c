/**
 * Which ws-proxy Pods a scale-in removes first (pod-deletion-cost): those with the fewest stations, as each of their stations
 * has to reconnect. Costs are written only right before a scale-in, as every watcher of Pods receives each write.
 */
import type { KubeObject } from '../kube/object-store.ts';
import type { Signals } from '../scaling/demand.ts';
import { annotated } from './pod-annotations.ts';
import { idOf, isPodOf, type Observed, podsOf } from '../observe/observe.ts';
import type { PlannedSet } from '../rollout/plan.ts';

/** Cost of a Pod that a scale-in has emptied: below that of every other. */
const EMPTIED = -1;

export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * The annotations to apply before a scale-in of a proxy set; none if no set gets smaller.
 * @param sets with the number of Pods that each is to have
 * @param emptied names of the Pods that have moved their stations already: they are removed first
 * @param full cost of a Pod whose number of stations is unknown: it is removed last
 */
export function podDeletionCosts(
  observed: Observed,
  { sessionsOf }: Signals,
  sets: readonly PlannedSet[],
  full: number,
  emptied: ReadonlySet<string> = new Set(),
): KubeObject[] {
  const smaller = observed.proxySets.filter(({ metadata, spec }) => {
    const replicas = sets.find(({ name }) => name === metadata.name)?.replicas;
    return replicas !== undefined && replicas > 0 && replicas < (spec?.replicas ?? 0);
  });
  const staying = podsOf(observed, 'ws-proxy').filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && smaller.some((set) => isPodOf(pod, set)),
  );
  return staying.map((pod) => {
    const { name } = pod.metadata;
    const cost = emptied.has(name) ? EMPTIED : (sessionsOf?.get(idOf(pod)) ?? full);
    return annotated(pod, { [DELETION_COST]: String(cost) });
  });
}
