import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';

type Values = readonly (string | null)[];

const script = loadScript<(Values | Error)[]>(new URL('./read-records.lua', import.meta.url));

/**
 * @param names of the fields; none: all of each record
 * @returns for each key the values in the order of the names, or names and values by turns; an error for a key that is no record
 */
export function readRecords(
  connection: RedisConnection,
  keys: readonly string[],
  names: readonly string[],
): Promise<(Values | Error)[]> {
  return script(connection, keys, [keys.length, names.length, ...names]);
}
