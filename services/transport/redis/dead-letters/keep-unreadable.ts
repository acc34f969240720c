import type { UnreadableText } from '../../unreadable.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./keep-unreadable.lua', import.meta.url));

/** @returns false when the station has used its quota */
export async function keepUnreadable(
  connection: RedisConnection,
  keys: Keys,
  { stationId, protocol, epoch, reason, text }: Omit<UnreadableText, 'at'>,
): Promise<boolean> {
  const args = [keys.prefix, escapeKey(stationId), stationId, protocol, epoch, reason, text];
  return (await script(connection, [keys.unreadable], args)) === 1;
}
