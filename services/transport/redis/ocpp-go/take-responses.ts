import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<string[]>(new URL('./take-responses.lua', import.meta.url));

export interface TakeResponses {
  readonly proxyId: string;
  /** Entries of one station at most. */
  readonly most: number;
  readonly connections: readonly { readonly stationId: string; readonly epoch: number }[];
}

/** @returns epoch, entry, epoch, entry ..., oldest first; an entry '' says that the session was deleted */
export function takeResponses(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, most, connections }: TakeResponses,
): Promise<string[]> {
  const pairs = connections.flatMap(({ stationId, epoch }) => [escapeKey(stationId), epoch]);
  return script(connection, [keys.process(proxyId)], [keys.prefix, most, ...pairs]);
}
