/** ws-proxy Pods that are ending and give up their stations meanwhile. Pure. */
import type { DrainStatus } from '../api/ocpp-cluster.ts';
import type { Signals } from '../scaling/demand.ts';
import { idOf, type Observed, podsOf } from '../reconcile/observe.ts';
import { no, type Verdict, yes } from './verdict.ts';
import type { Pod } from '../reconcile/workloads.ts';

/** The status lists no more; the condition counts all. */
export const DRAINS_SHOWN = 100;

/** Those that have to be done first come first. */
export function drainsOf(observed: Observed, { sessionsOf }: Signals): readonly DrainStatus[] {
  return podsOf(observed, 'ws-proxy')
    .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
    .map((pod) => drainOf(pod, sessionsOf?.get(idOf(pod))))
    .sort((a, b) => ((a.deadline ?? '') < (b.deadline ?? '') ? -1 : 1));
}

function drainOf({ metadata }: Pod, sessions: number | undefined): DrainStatus {
  // Of a Pod that is ending this is the time at which its grace period is over.
  const deadline = metadata.deletionTimestamp;
  return {
    pod: metadata.name,
    ...(sessions !== undefined && { sessions }),
    ...(deadline !== undefined && { deadline }),
  };
}

export function draining(drains: readonly DrainStatus[]): Verdict {
  if (drains.length === 0) return no('NoPodDraining', 'no ws-proxy Pod is giving up its stations');
  const known = drains.flatMap(({ sessions }) => (sessions === undefined ? [] : [sessions]));
  const left = known.reduce((sum, one) => sum + one, 0);
  const stations = known.length === drains.length ? `${left}` : `${left} or more`;
  const last = drains.at(-1)?.deadline;
  const until = last === undefined ? '' : `, until ${last} at the latest`;
  const pods = drains.length === 1 ? '1 ws-proxy Pod gives' : `${drains.length} ws-proxy Pods give`;
  return yes('GivingUpStations', `${pods} up ${stations} stations${until}`);
}
