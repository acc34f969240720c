import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { StationSession } from '../../gateway.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./open-session.lua', import.meta.url));

export interface OpenSession {
  readonly proxyId: string;
  readonly epoch: number;
  readonly session: StationSession;
}

/** `unregistered`: the proxy has no living registration; `replaced`: a younger connection was first. */
export type Opened = 'open' | 'unregistered' | 'replaced';

export async function openSession(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, epoch, session }: OpenSession,
): Promise<Opened> {
  const { stationId, remoteAddress, protocol, metadata } = session;
  const now = new Date().toISOString();
  const event = {
    event: 'connect',
    charge_point_id: stationId,
    ws_server_id: proxyId,
    timestamp: now,
    remote_addr: remoteAddress,
    connection: epoch,
  };
  const records = [keys.session(stationId), keys.lastEpoch(stationId)];
  const names = [keys.process(proxyId), ...records, keys.active, keys.sessions(proxyId)];
  const station = [escapeKey(stationId), stationId, epoch, now, remoteAddress, protocol];
  const texts = [JSON.stringify(metadata ?? {}), JSON.stringify(event)];
  const reply = await script(connection, names, [keys.prefix, proxyId, ...station, ...texts]);
  return reply === 1 ? 'open' : reply === 0 ? 'unregistered' : 'replaced';
}
