/** What all phases of a rollout share: their input, entering a phase, and the stations of sets. Pure. */
import type { RolloutStatus } from '../api/ocpp-cluster.ts';
import { isEmpty, type ProxySet, sessionsOf, stayingPods } from './proxy-set.ts';
import { type RolloutInput, timeOf } from './step.ts';

export interface PhaseInput extends RolloutInput {
  readonly state: RolloutStatus;
  readonly servingSet: ProxySet;
  readonly newSet: ProxySet;
}

export const enter = (
  state: RolloutStatus,
  phase: RolloutStatus['phase'],
  now: number,
  more: Partial<RolloutStatus> = {},
): RolloutStatus => ({ ...state, phase, phaseTime: timeOf(now), progressTime: timeOf(now), ...more });

/** The clock of a leader may be behind that of the one before: further ahead than this, a time counts as long ago; ms. */
const SKEW_MS = 60_000;

/** ms */
export function since(time: string | undefined, now: number): number {
  const ms = now - Date.parse(time ?? timeOf(now));
  return ms < -SKEW_MS ? Infinity : ms;
}

/** Whether kube-proxy and load balancers have followed the Service, which selects `set`. */
export const hasPropagated = ({ state, servingSet, settings, now }: PhaseInput, set: string): boolean =>
  servingSet.name === set && since(state.phaseTime, now) >= settings.propagationSeconds * 1000;

export const otherSets = ({ sets, newSet }: PhaseInput): ProxySet[] =>
  sets.filter(({ name }) => name !== newSet.name);

export const readyOf = (set: ProxySet): number => stayingPods(set).filter(({ ready }) => ready).length;

/** Undefined while those of one Pod are unknown. */
export function stationsOn(sets: readonly ProxySet[]): number | undefined {
  let sum = 0;
  for (const pod of sets.flatMap(({ pods }) => pods)) {
    const stations = isEmpty(pod) ? 0 : sessionsOf(pod);
    if (stations === undefined) return undefined;
    sum += stations;
  }
  return sum;
}
