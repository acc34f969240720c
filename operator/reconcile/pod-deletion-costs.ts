/**
 * Which Pods a scale-in removes first (pod-deletion-cost): ws-proxies with the fewest stations, as each of their stations has
 * to reconnect, and processors with the fewest deliveries in flight, as each of these delays the end of the Pod. Costs are
 * written only right before a scale-in, as every watcher of Pods receives each write.
 */
import type { KubeObject } from '../kube/object-store.ts';
import type { Signals } from '../scaling/demand.ts';
import { annotated } from './pod-annotations.ts';
import { idOf, isPodOf, type Observed, podsOf } from '../observe/observe.ts';
import type { Pod, Workload } from '../observe/workloads.ts';
import type { PlannedSet } from '../rollout/plan.ts';

/** Cost of a Pod that a scale-in has emptied: below that of every other. */
const EMPTIED = -1;
/** Cost of a processor whose deliveries are unknown: it is removed last. */
const UNKNOWN = 1_000_000;

export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * The annotations to apply before a scale-in of a proxy set; none if no set gets smaller.
 * @param sets with the number of Pods that each is to have
 * @param emptied names of the Pods that have moved their stations already: they are removed first
 * @param full cost of a Pod whose number of stations is unknown: it is removed last
 */
export function proxyDeletionCosts(
  observed: Observed,
  { sessionsOf }: Signals,
  sets: readonly PlannedSet[],
  full: number,
  emptied: ReadonlySet<string> = new Set(),
): KubeObject[] {
  const smaller = observed.proxySets.filter((set) =>
    shrinks(set, sets.find(({ name }) => name === set.metadata.name)?.replicas),
  );
  const staying = living(observed, 'ws-proxy').filter((pod) => smaller.some((set) => isPodOf(pod, set)));
  return staying.map((pod) =>
    costing(pod, emptied.has(pod.metadata.name) ? EMPTIED : (sessionsOf?.get(idOf(pod)) ?? full)),
  );
}

/** The same before a scale-in of the processors. @param replicas that the Deployment is to have */
export function processorDeletionCosts(
  observed: Observed,
  { inFlightOf }: Signals,
  replicas: number,
): KubeObject[] {
  if (observed.processor === undefined || !shrinks(observed.processor, replicas)) return [];
  return living(observed, 'processor').map((pod) => costing(pod, inFlightOf?.get(idOf(pod)) ?? UNKNOWN));
}

/** All of its Pods end: there is nothing to choose. */
const shrinks = ({ spec }: Workload, replicas: number | undefined) =>
  replicas !== undefined && replicas > 0 && replicas < (spec?.replicas ?? 0);

const living = (observed: Observed, component: 'ws-proxy' | 'processor') =>
  podsOf(observed, component).filter(({ metadata }) => metadata.deletionTimestamp === undefined);

const costing = (pod: Pod, cost: number) => annotated(pod, { [DELETION_COST]: String(cost) });
