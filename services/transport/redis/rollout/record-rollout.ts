import { EARLIER_ROLLOUTS, gapBucket, type Move, ROLLOUT_SECONDS } from '../../rollout.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./record-rollout.lua', import.meta.url));

export interface RolloutRecord {
  readonly processId: string;
  /** Number of this record of the process, from 1: one that is sent twice counts once. */
  readonly number: number;
  /** Id of the rollout of the moves; '' without moves. */
  readonly rollout: string;
  /** `closedAt`: ms, on the clock of `now`. */
  readonly moves: readonly (Move & { readonly closedAt: number })[];
  /** Times from a close to the next response; ms. */
  readonly gaps: readonly number[];
  readonly now: number;
}

/** @returns whether it was counted: not before, and not of an earlier rollout */
export async function recordRollout(
  connection: RedisConnection,
  keys: Keys,
  { processId, number, rollout, moves, gaps, now }: RolloutRecord,
): Promise<boolean> {
  const names = [keys.rollout, keys.rolloutMoves, keys.rolloutAway];
  const bounds = [ROLLOUT_SECONDS, EARLIER_ROLLOUTS];
  const head = [keys.prefix, escapeKey(rollout), processId, number, ...bounds, gaps.length];
  const texts = moves.flatMap(({ stationId, epoch, forced, closedAt }) => [
    escapeKey(stationId),
    epoch,
    Math.max(0, Math.round(now - closedAt)),
    forced ? 'forced' : '',
    // It returned between the close and this record, so its gap was not longer.
    gapBucket(now - closedAt),
  ]);
  return (await script(connection, names, [...head, ...gaps.map(gapBucket), ...texts])) === 1;
}
