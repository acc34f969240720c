import { openOfStation } from '../../stored-state.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number[]>(new URL('./open-transactions.lua', import.meta.url));

/** @returns those of the stations that have an open transaction */
export async function openTransactions(
  connection: RedisConnection,
  keys: Keys,
  stationIds: readonly string[],
): Promise<string[]> {
  const names = stationIds.map((stationId) => keys.state(openOfStation(stationId)));
  const positions = await script(connection, [keys.requests], names);
  return positions.map((position) => stationIds[position - 1] ?? '');
}
