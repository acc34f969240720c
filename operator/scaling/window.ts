/**
 * The stabilisation window: what was wanted recently, kept so that its maximum is exact and its length
 * bounded. A later recommendation that is as high makes an earlier one irrelevant, so the list falls.
 */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';

export type Recommendations = NonNullable<AutoscalingStatus['recommendations']>;

/** One entry per fiftieth of the window: the schema admits 100. */
const BUCKETS = 50;

/** @param now ms since 1970 @param windowMs entries older than this are forgotten */
export function recommend(
  earlier: Recommendations,
  replicas: number,
  now: number,
  windowMs: number,
): Recommendations {
  const bucketMs = Math.max(1, windowMs / BUCKETS);
  const bucket = (at: string | number) => Math.floor(new Date(at).getTime() / bucketMs);
  const kept = recent(earlier, now, windowMs).filter((one) => one.replicas > replicas);
  // In one bucket the higher one stands for both.
  const last = kept.at(-1);
  if (last !== undefined && bucket(last.at) === bucket(now)) return kept;
  return [...kept, { at: new Date(now).toISOString(), replicas }];
}

/** Without what is older than the window. A time in the future is another leader's clock. */
export function recent(recommendations: Recommendations, now: number, windowMs: number): Recommendations {
  return recommendations.filter(({ at }) => Math.abs(now - Date.parse(at)) <= windowMs);
}

/** Undefined: nothing was recommended. */
export function highest(recommendations: Recommendations): number | undefined {
  return recommendations.length === 0
    ? undefined
    : Math.max(...recommendations.map(({ replicas }) => replicas));
}

/** Clocks of one cluster differ by less. */
const SKEW_MS = 60_000;

/**
 * ms since a time of the status; Infinity for never. One in the future was written by another leader: it counts as now, or, where
 * that clock was wrong, for nothing, as it would hold up the scaling until it is reached.
 */
export function sinceMs(time: string | undefined, now: number): number {
  const ms = time === undefined ? Infinity : now - Date.parse(time);
  return ms < -SKEW_MS ? Infinity : Math.max(0, ms);
}
