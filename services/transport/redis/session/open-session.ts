import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { StationSession } from '../../gateway.ts';
import { ROLLOUT_SECONDS } from '../../rollout.ts';
import { HELD_MS } from '../../station-call.ts';
import { STATIONS_KNOWN } from '../../station-directory.ts';
import { CONNECTED, DISCONNECTED, EVENTS_KEPT } from '../../stored-state.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<[number, number?]>(new URL('./open-session.lua', import.meta.url));

export interface OpenSession {
  readonly proxyId: string;
  readonly epoch: number;
  readonly session: StationSession;
}

export type Opened =
  /** `movedMs`: since a rollout closed the station's last connection. */
  | { readonly kind: 'open'; readonly movedMs?: number }
  /** The proxy has no living registration; a younger connection was first. */
  | { readonly kind: 'unregistered' }
  | { readonly kind: 'replaced' };

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
  const rollout = [keys.rollout, keys.rolloutAway];
  const directory = [keys.knownStations, keys.disconnected, keys.events];
  const station = [escapeKey(stationId), stationId, epoch, now, remoteAddress, protocol];
  const texts = [JSON.stringify(metadata ?? {}), JSON.stringify(event)];
  const limits = [ROLLOUT_SECONDS, STATIONS_KNOWN, HELD_MS, EVENTS_KEPT];
  const args = [keys.prefix, proxyId, ...station, ...texts, ...limits, CONNECTED, DISCONNECTED];
  const [state, movedMs] = await script(connection, [...names, ...rollout, ...directory], args);
  if (state !== 1) return { kind: state === 0 ? 'unregistered' : 'replaced' };
  return movedMs === undefined ? { kind: 'open' } : { kind: 'open', movedMs };
}
