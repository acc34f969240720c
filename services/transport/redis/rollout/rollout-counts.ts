/** The counts of the last rollout, as Redis has them. */
import { gapQuantiles, type RolloutCounts } from '../../rollout.ts';
import { unescapeKey } from '../keys.ts';

const GAP = 'gap:';

/** @param fields the hash, as fields and values in turn; undefined without a rollout */
export function rolloutCounts(
  stations: number,
  away: number,
  fields: readonly (string | number)[],
): Omit<RolloutCounts, 'missing'> | undefined {
  const found = new Map<string, string | number>();
  for (let i = 0; i < fields.length; i += 2) found.set(String(fields[i]), fields[i + 1] ?? '');
  const id = found.get('id');
  if (id === undefined) return undefined;
  const count = (name: string) => Number(found.get(name) ?? 0);
  const buckets = [...found.keys()].filter((name) => name.startsWith(GAP));
  const gapSeconds = gapQuantiles(
    new Map(buckets.map((name) => [Number(name.slice(GAP.length)), count(name)])),
  );
  return {
    id: unescapeKey(String(id)),
    moves: count('moves'),
    stations,
    movedAgain: count('movedAgain'),
    forced: count('forced'),
    away,
    ...(gapSeconds && { gapSeconds }),
    peakReturnsPerSecond: count('peak'),
  };
}
