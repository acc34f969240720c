import { gapQuantiles, type RolloutCounts } from '../../rollout.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<readonly (number | string)[]>(new URL('./rollout-report.lua', import.meta.url));

const GAP = 'gap:';
/** Keeps the script short where far too many are missing in any case. */
const MISSING_COUNTED = 10_000;

/** The counts of a rollout; all 0 for another one than the last. */
export async function rolloutReport(
  connection: RedisConnection,
  keys: Keys,
  rollout: string,
  missingAfterMs: number,
): Promise<RolloutCounts> {
  const names = [keys.rollout, keys.rolloutMoves, keys.rolloutAway];
  const reply = await script(connection, names, [escapeKey(rollout), missingAfterMs, MISSING_COUNTED]);
  const [stations = 0, away = 0, missing = 0, ...rest] = reply;
  const fields = new Map<string, number>();
  for (let i = 0; i < rest.length; i += 2) fields.set(String(rest[i]), Number(rest[i + 1]));
  const buckets = [...fields].filter(([name]) => name.startsWith(GAP));
  const gapSeconds = gapQuantiles(
    new Map(buckets.map(([name, count]) => [Number(name.slice(GAP.length)), count])),
  );
  return {
    id: rollout,
    moves: fields.get('moves') ?? 0,
    stations: Number(stations),
    movedAgain: fields.get('movedAgain') ?? 0,
    forced: fields.get('forced') ?? 0,
    away: Number(away),
    missing: Number(missing),
    ...(gapSeconds && { gapSeconds }),
    peakReturnsPerSecond: fields.get('peak') ?? 0,
  };
}
