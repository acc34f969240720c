/**
 * The stabilization window: recent recommendations, kept so that the maximum is exact and the list is bounded. A later
 * recommendation that is at least as high replaces an earlier one, so the list is descending.
 */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';

export type Recommendations = NonNullable<AutoscalingStatus['recommendations']>;

/** One entry per fiftieth of the window: the schema admits 100. */
const BUCKETS = 50;

/** @param now ms since 1970 @param windowMs older entries are dropped */
export function recommend(
  earlier: Recommendations,
  replicas: number,
  now: number,
  windowMs: number,
): Recommendations {
  const bucketMs = Math.max(1, windowMs / BUCKETS);
  const bucket = (at: string | number) => Math.floor(new Date(at).getTime() / bucketMs);
  const kept = recent(earlier, now, windowMs).filter((one) => one.replicas > replicas);
  // Within one bucket only the higher one is kept.
  const last = kept.at(-1);
  if (last !== undefined && bucket(last.at) === bucket(now)) return kept;
  return [...kept, { at: new Date(now).toISOString(), replicas }];
}

/** Drops entries older than the window. A time in the future comes from the clock of another leader. */
export function recent(recommendations: Recommendations, now: number, windowMs: number): Recommendations {
  return recommendations.filter(({ at }) => Math.abs(now - Date.parse(at)) <= windowMs);
}

/** Undefined for an empty window. */
export function highest(recommendations: Recommendations): number | undefined {
  return recommendations.length === 0
    ? undefined
    : Math.max(...recommendations.map(({ replicas }) => replicas));
}

/** Clocks of one Kubernetes cluster differ by less. */
const SKEW_MS = 60_000;

/**
 * ms since a time in the status; Infinity for never. A time in the future was written by another leader and counts as now.
 * If it is too far ahead, that clock was wrong; the time is ignored, as it would block scaling until it is reached.
 */
export function sinceMs(time: string | undefined, now: number): number {
  const ms = time === undefined ? Infinity : now - Date.parse(time);
  return ms < -SKEW_MS ? Infinity : Math.max(0, ms);
}
