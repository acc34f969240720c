/** The counts of a rollout in this process. */
import type { Clock } from '../../runtime/clock.ts';
import {
  EARLIER_ROLLOUTS,
  gapBucket,
  gapQuantiles,
  type GatewayRollouts,
  type Move,
  type RolloutCounts,
} from '../rollout.ts';
import { openOfStation } from '../stored-state.ts';

/** What the counts need of the bus. */
export interface RolloutSources {
  readonly clock: Clock;
  /** Session epoch of the last connection of a station; 0 without one. */
  readonly lastEpoch: (stationId: string) => number;
  /** Members of a sorted set of stored state. */
  readonly size: (key: string) => Promise<number>;
}

interface Counts {
  readonly id: string;
  readonly moves: Map<string, number>;
  readonly away: Map<string, number>;
  readonly gaps: Map<number, number>;
  forced: number;
  second: number;
  returns: number;
  peak: number;
}

export class MemoryRollouts implements GatewayRollouts {
  readonly #sources: RolloutSources;
  readonly #earlier: string[] = [];
  #counts: Counts = empty('');

  constructor(sources: RolloutSources) {
    this.#sources = sources;
  }

  recordMoves(rollout: string, moves: readonly Move[]): void {
    if (rollout !== this.#counts.id) {
      if (this.#earlier.includes(rollout)) return;
      this.#earlier.unshift(this.#counts.id);
      this.#earlier.splice(EARLIER_ROLLOUTS);
      this.#counts = empty(rollout);
    }
    const now = this.#sources.clock.now();
    for (const { stationId, epoch, forced } of moves) {
      const { moves: byStation, away } = this.#counts;
      byStation.set(stationId, (byStation.get(stationId) ?? 0) + 1);
      if (forced) this.#counts.forced += 1;
      away.set(stationId, now);
      if (this.#sources.lastEpoch(stationId) > epoch) {
        this.returned(stationId);
        this.answered(0);
      }
    }
  }

  /** A station has connected. @returns ms since it was moved; undefined: it was not */
  returned(stationId: string): number | undefined {
    const counts = this.#counts;
    const closedAt = counts.away.get(stationId);
    if (closedAt === undefined) return undefined;
    counts.away.delete(stationId);
    const now = this.#sources.clock.now();
    const second = Math.floor(now / 1000);
    counts.returns = counts.second === second ? counts.returns + 1 : 1;
    counts.second = second;
    counts.peak = Math.max(counts.peak, counts.returns);
    return now - closedAt;
  }

  /** A moved station got the first response on its new connection. @param ms since it was moved */
  answered(ms: number): void {
    const { gaps } = this.#counts;
    const bucket = gapBucket(ms);
    gaps.set(bucket, (gaps.get(bucket) ?? 0) + 1);
  }

  async report(rollout: string, missingAfterMs: number): Promise<RolloutCounts> {
    const counts = rollout === this.#counts.id ? this.#counts : empty(rollout);
    const { moves, away, gaps, forced, peak } = counts;
    const byStation = [...moves.values()];
    const latest = this.#sources.clock.now() - missingAfterMs;
    const gapSeconds = gapQuantiles(gaps);
    return {
      id: rollout,
      moves: byStation.reduce((sum, one) => sum + one, 0),
      stations: moves.size,
      movedAgain: byStation.filter((one) => one > 1).length,
      forced,
      away: away.size,
      missing: [...away.values()].filter((closedAt) => closedAt <= latest).length,
      ...(gapSeconds && { gapSeconds }),
      peakReturnsPerSecond: peak,
    };
  }

  async charging(stationIds: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const stationId of stationIds) {
      if ((await this.#sources.size(openOfStation(stationId))) > 0) found.add(stationId);
    }
    return found;
  }
}

function empty(id: string): Counts {
  const maps = { moves: new Map(), away: new Map(), gaps: new Map() };
  return { id, ...maps, forced: 0, second: 0, returns: 0, peak: 0 };
}
