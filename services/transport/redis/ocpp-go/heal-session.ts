import type { StationSession } from '../../gateway.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./heal-session.lua', import.meta.url));

export interface HealSession {
  readonly proxyId: string;
  readonly epoch: number;
  readonly session: StationSession;
  /** ms since 1970 */
  readonly openedAt: number;
  /** Number of the last CALL of the station that is not open any more. */
  readonly settled: number;
}

export async function healSession(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, epoch, session, openedAt, settled }: HealSession,
): Promise<void> {
  const { stationId, remoteAddress, protocol, metadata } = session;
  const records = [keys.session(stationId), keys.lastEpoch(stationId)];
  const names = [keys.process(proxyId), ...records, keys.active, keys.sessions(proxyId)];
  const station = [escapeKey(stationId), stationId, epoch, new Date(openedAt).toISOString()];
  const facts = [remoteAddress, protocol, JSON.stringify(metadata ?? {}), settled];
  await script(connection, names, [proxyId, ...station, ...facts]);
}
