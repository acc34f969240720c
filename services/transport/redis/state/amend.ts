/** Applies writes and events that belong to no delivery: amend.lua, from the process that holds a connection. */
import type { Amendment } from '../../stored-state.ts';
import { isRefusal, type RedisConnection, unavailable } from '../connection/connection.ts';
import { writesArguments } from '../queue/acknowledge-arguments.ts';
import type { Keys } from '../keys.ts';

export interface AmendPath {
  readonly commands: RedisConnection;
  readonly keys: Keys;
  /** Where Redis is, for messages. */
  readonly addr: string;
}

/** @returns false when the record is not as it was read. Rejects with `store-unavailable`, or where Redis refuses the writes. */
export async function amend(
  { commands, keys, addr }: AmendPath,
  { expected: { key, field, value = '' }, writes, events }: Amendment,
): Promise<boolean> {
  const what = writesArguments(keys, { writes, events });
  try {
    const reply = await commands.amend(keys.state(key), keys.requests, keys.prefix, field, value, ...what);
    if (typeof reply === 'object') throw new Error(`an amendment of ${key} cannot be stored: ${reply[1]}`);
    return reply === 1;
  } catch (error) {
    throw isRefusal(error) ? error : unavailable(addr, error);
  }
}
