import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<[number, string?, ...string[]]>(new URL('./end-proxy.lua', import.meta.url));

export interface EndProxy {
  readonly proxyId: string;
  /** Stations named at most. */
  readonly most: number;
  /** Also while its lease runs. */
  readonly force: boolean;
}

export interface EndingProxy {
  /** Ids of its Redis connections, comma-separated. */
  readonly clients: string;
  /** Stations (escaped) whose sessions must be ended; none when the proxy has ended. */
  readonly stations: readonly string[];
}

/** @returns undefined while its lease runs */
export async function endProxy(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, most, force }: EndProxy,
): Promise<EndingProxy | undefined> {
  const lists = [keys.sessions(proxyId), keys.outbox(proxyId), keys.inflight(proxyId)];
  const names = [keys.process(proxyId), ...lists, keys.members('proxy')];
  const [, clients, ...stations] = await script(connection, names, [proxyId, most, force ? 'force' : '']);
  return clients === undefined ? undefined : { clients, stations };
}
