/** The figures of a rollout in the status, from the counts in Redis. Pure. */
import type { RolloutStatus } from '../api/ocpp-cluster.ts';
import type { RolloutReport } from '../../services/contract.ts';
import { timeOf } from './step.ts';

interface Progress {
  readonly state: RolloutStatus;
  /** Absent while unknown: the last figures stay, except since when they are known. */
  readonly counts?: RolloutReport | undefined;
  /** ms since 1970 */
  readonly now: number;
}

export function withCounts({ state, counts, now }: Progress): RolloutStatus {
  if (counts?.id !== state.id) {
    const { countsSince: _, ...unknown } = state;
    return unknown;
  }
  const { stations: moved, away, missing, movedAgain, forced, gapSeconds, peakReturnsPerSecond } = counts;
  const returned = moved - away;
  const progressed = moved !== (state.moved ?? 0) || returned !== (state.returned ?? 0);
  const { eta: _, ...rest } = state;
  return {
    ...rest,
    moved,
    returned,
    missing,
    countsSince: state.countsSince ?? timeOf(now),
    movedAgain,
    forced,
    peakReturnsPerSecond,
    ...(gapSeconds !== undefined && { gapSeconds }),
    ...(progressed && { progressTime: timeOf(now) }),
    ...pace(state, moved, now),
  };
}

/** Of the phase Moving. */
function pace({ phase, phaseTime, stations = 0 }: RolloutStatus, moved: number, now: number) {
  const seconds = (now - Date.parse(phaseTime)) / 1000;
  const left = stations - moved;
  if (phase !== 'Moving' || seconds < 1 || moved === 0 || left <= 0) return {};
  const rate = moved / seconds;
  return { ratePerSecond: Math.round(rate * 10) / 10, eta: timeOf(now + (left / rate) * 1000) };
}
