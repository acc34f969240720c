/** Applies writes and events that belong to no delivery. */
import type { Amendment } from '../../stored-state.ts';
import { isRefusal, type RedisConnection, unavailable } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';
import { addWrites } from './writes.ts';

const script = loadScript<number | [string, string]>(new URL('./amend.lua', import.meta.url));

export interface AmendPath {
  readonly commands: RedisConnection;
  readonly keys: Keys;
  /** Where Redis is, for messages. */
  readonly addr: string;
}

/** @returns false when the record is not as it was read. Rejects with `store-unavailable`, or where Redis refuses the writes. */
export async function amend(
  { commands, keys, addr }: AmendPath,
  { expected, writes, events }: Amendment,
): Promise<boolean> {
  // No record has a field without a name, so that '' always matches.
  const { key, field, value = '' } = expected ?? { key: 'nothing', field: '' };
  const args = [keys.prefix, field, value];
  addWrites(args, keys, { writes, events });
  try {
    const reply = await script(commands, [keys.state(key), keys.requests], args);
    if (typeof reply === 'object') throw new Error(`an amendment of ${key} cannot be stored: ${reply[1]}`);
    return reply === 1;
  } catch (error) {
    throw isRefusal(error) ? error : unavailable(addr, error);
  }
}
