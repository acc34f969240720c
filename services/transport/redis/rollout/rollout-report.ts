import type { RolloutCounts } from '../../rollout.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';
import { rolloutCounts } from './rollout-counts.ts';

const script = loadScript<readonly (number | string)[]>(new URL('./rollout-report.lua', import.meta.url));

/** Keeps the script short where far too many are missing in any case. */
const MISSING_COUNTED = 10_000;

const NONE = { moves: 0, stations: 0, movedAgain: 0, forced: 0, away: 0, peakReturnsPerSecond: 0 };

/** The counts of a rollout; all 0 for another one than the last. */
export async function rolloutReport(
  connection: RedisConnection,
  keys: Keys,
  rollout: string,
  missingAfterMs: number,
): Promise<RolloutCounts> {
  const names = [keys.rollout, keys.rolloutMoves, keys.rolloutAway];
  const reply = await script(connection, names, [escapeKey(rollout), missingAfterMs, MISSING_COUNTED]);
  const [stations = 0, away = 0, missing = 0, ...fields] = reply;
  const counts = rolloutCounts(Number(stations), Number(away), fields) ?? NONE;
  return { ...counts, id: rollout, missing: Number(missing) };
}
