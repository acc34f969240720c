/**
 * What a gateway does for a rollout: it counts the stations that were moved, and tells which stations charge. A move is noted
 * when the socket is closed; the next connection of that station takes the note back, on whichever proxy it is.
 */

/** A station that is asked to reconnect. */
export interface Move {
  readonly stationId: string;
  /** Session epoch of the connection that is closed. */
  readonly epoch: number;
  /** The connection had an open CALL. */
  readonly forced: boolean;
}

/** The counts of one rollout over all gateways. */
export interface RolloutCounts {
  readonly id: string;
  readonly moves: number;
  /** Stations that were moved, and how many of them more than once. */
  readonly stations: number;
  readonly movedAgain: number;
  readonly forced: number;
  /** Moved stations that have not connected again; those of them for longer than `missingAfterMs`. */
  readonly away: number;
  /** At most 10 000 are counted. */
  readonly missing: number;
  /** Time from the close to the next response to the station; absent while no station got one. */
  readonly gapSeconds?: { readonly p50: number; readonly p99: number };
  /** Most moved stations that connected again within one second. */
  readonly peakReturnsPerSecond: number;
}

export interface GatewayRollouts {
  /**
   * Notes moves; they are gathered and stored soon. Counts are of one rollout at a time: an id that was not counted before
   * begins them again, and moves of an earlier one are ignored.
   */
  recordMoves(rollout: string, moves: readonly Move[]): void;
  /** All counts are 0 for a rollout that is not the last. Rejects while the store is unavailable. */
  report(rollout: string, missingAfterMs: number): Promise<RolloutCounts>;
  /** Which of these stations have an open transaction. Rejects while the store is unavailable. */
  charging(stationIds: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Counts are kept for so long after the last change. */
export const ROLLOUT_SECONDS = 7 * 86_400;
/** Rollouts before the last one that are known as such. */
export const EARLIER_ROLLOUTS = 8;

/** Each bucket of the gaps is so much longer than the one before: the error of a quantile is at most half of it. */
const GROWTH = 1.1;
/** The last bucket has all gaps of a day and more. */
const LONGEST_MS = 86_400_000;

/** The bucket of a time from close to response. */
export function gapBucket(ms: number): number {
  return Math.floor(Math.log(Math.min(Math.max(ms, 1), LONGEST_MS)) / Math.log(GROWTH));
}

/** Quantiles of gaps in seconds, from the counts by bucket; undefined without any. */
export function gapQuantiles(buckets: ReadonlyMap<number, number>): RolloutCounts['gapSeconds'] {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return undefined;
  const quantile = (share: number): number => {
    let left = Math.max(1, Math.ceil(total * share));
    for (const [bucket, count] of sorted) {
      left -= count;
      if (left <= 0) return Math.round(GROWTH ** (bucket + 0.5)) / 1000;
    }
    return 0;
  };
  return { p50: quantile(0.5), p99: quantile(0.99) };
}
