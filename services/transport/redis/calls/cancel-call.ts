import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<string[]>(new URL('./cancel-call.lua', import.meta.url));

/** @returns the call's state, reason and answer after it; empty when there is no such call */
export function cancelCall(connection: RedisConnection, keys: Keys, messageId: string): Promise<string[]> {
  return script(connection, [keys.call(messageId)], [keys.prefix, messageId]);
}
