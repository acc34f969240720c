import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<string[]>(new URL('./lost-sessions.lua', import.meta.url));

export interface LostSessions {
  readonly proxyId: string;
  /** Processors of ocpp-go may have deleted a session, which is not lost then. */
  readonly ocppGoInterop: boolean;
  /** Stations are escaped. */
  readonly connections: readonly { readonly station: string; readonly epoch: number }[];
}

/** @returns the epochs of the connections that do not hold their stations' sessions any more */
export async function lostSessions(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, ocppGoInterop, connections }: LostSessions,
): Promise<number[]> {
  const args = [keys.prefix, proxyId, ocppGoInterop ? 'ocpp-go' : ''];
  const pairs = connections.flatMap(({ station, epoch }) => [station, epoch]);
  return (await script(connection, [keys.requests], [...args, ...pairs])).map(Number);
}
