/** Terminating ws-proxy Pods and the stations that they still hold. Pure. */
import type { DrainStatus } from '../api/ocpp-cluster.ts';
import type { Signals } from '../scaling/demand.ts';
import { idOf, type Observed, podsOf } from '../observe/observe.ts';
import { conditionFalse, type ConditionValue, conditionTrue } from './conditions.ts';
import type { Pod } from '../observe/workloads.ts';

/** The status lists at most this many; the condition counts all. */
export const DRAINS_SHOWN = 100;

/** Sorted by deadline. */
export function drainsOf(observed: Observed, { sessionsOf }: Signals): readonly DrainStatus[] {
  return podsOf(observed, 'ws-proxy')
    .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
    .map((pod) => drainOf(pod, sessionsOf?.get(idOf(pod))))
    .sort((a, b) => ((a.deadline ?? '') < (b.deadline ?? '') ? -1 : 1));
}

function drainOf({ metadata }: Pod, sessions: number | undefined): DrainStatus {
  // In a terminating Pod this is the end of its grace period.
  const deadline = metadata.deletionTimestamp;
  return {
    pod: metadata.name,
    ...(sessions !== undefined && { sessions }),
    ...(deadline !== undefined && { deadline }),
  };
}

export interface ClosePace {
  /** Of the whole cluster. */
  readonly ratePerSecond: number;
  /** ms since 1970 */
  readonly now: number;
}

export function draining(drains: readonly DrainStatus[], pace?: ClosePace): ConditionValue {
  if (drains.length === 0) return conditionFalse('NoPodDraining', 'no ws-proxy Pod is draining');
  const known = drains.flatMap(({ sessions }) => (sessions === undefined ? [] : [sessions]));
  const left = known.reduce((sum, one) => sum + one, 0);
  const stations = known.length === drains.length ? `${left}` : `${left} or more`;
  const last = drains.at(-1)?.deadline;
  const deadline = last === undefined ? '' : `; the deadline is ${last}`;
  const pods = drains.length === 1 ? '1 ws-proxy Pod drains' : `${drains.length} ws-proxy Pods drain`;
  if (
    pace !== undefined &&
    last !== undefined &&
    left * 1000 > pace.ratePerSecond * (Date.parse(last) - pace.now)
  ) {
    const { ratePerSecond } = pace;
    const needed = left / ratePerSecond;
    const message = `${pods}, ${stations} stations left: moving them takes ${Math.ceil(needed)} s at ${ratePerSecond} per second, and the deadline is ${last}. The remaining sockets are closed then; raise spec.proxy.drain.ratePerSecond or deadlineSeconds`;
    return conditionTrue('DeadlineTooShort', message);
  }
  return conditionTrue('GivingUpStations', `${pods}, ${stations} stations left${deadline}`);
}

/** Reason of Progressing. */
export const WAITING_FOR_STATIONS = 'WaitingForStations';

/** All Pods of the spec are ready, but terminating ones still hold stations: not settled. @param now ms since 1970 */
export function unlessDraining(
  value: ConditionValue,
  drains: readonly DrainStatus[],
  now: number,
): ConditionValue {
  if (value.reason !== 'Settled') return value;
  // Without a reading it counts as holding stations until its deadline: then nothing is left of it but the object.
  const holding = drains.filter(({ sessions, deadline }) =>
    sessions === undefined ? now < Date.parse(deadline ?? '') : sessions > 0,
  );
  return holding.length === 0 ? value : conditionTrue(WAITING_FOR_STATIONS, draining(holding).message);
}
