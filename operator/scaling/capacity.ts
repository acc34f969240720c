/** The capacity of one processor, μ: messages per busy second, measured while processors work and smoothed. */
import type { Work } from './demand.ts';

/** μ before the first measurement, 1/s: low, as too many processors for a moment do no harm. */
export const CAPACITY_PRIOR = 500;
/** After this much busy time a new measurement has a weight of 63 %, s. */
const SMOOTHING_BUSY_SECONDS = 5;
/** An idle process spends most of its busy time on other things than messages: below this share the capacity never falls. */
const LEAST_BUSY_SHARE = 0.25;
/** The first measurement counts in full, so it must not be of a moment only, s. */
const FIRST_BUSY_SECONDS = 1;

/**
 * Exponential smoothing, weighted by the busy time behind the measurement.
 * @param known undefined: never measured
 * @returns undefined while nothing was measured
 */
export function smoothCapacity(known: number | undefined, work: Work | undefined): number | undefined {
  const before = known !== undefined && Number.isFinite(known) && known > 0 ? known : undefined;
  const measured = work === undefined ? undefined : measuredIn(work, before);
  if (work === undefined || measured === undefined) return before;
  if (before === undefined) return work.busySeconds >= FIRST_BUSY_SECONDS ? measured : undefined;
  const weight = 1 - Math.exp(-work.busySeconds / SMOOTHING_BUSY_SECONDS);
  return before + (measured - before) * weight;
}

function measuredIn(
  { completed, busySeconds, seconds }: Work,
  before: number | undefined,
): number | undefined {
  if (!(completed > 0) || !(busySeconds > 0)) return undefined;
  const measured = completed / busySeconds;
  // What an idle process does besides only lowers the figure, so a higher one counts.
  const isIdle = busySeconds < LEAST_BUSY_SHARE * seconds;
  if (isIdle && (before === undefined || measured <= before)) return undefined;
  return Number.isFinite(measured) ? measured : undefined;
}
