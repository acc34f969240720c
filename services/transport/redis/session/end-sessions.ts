import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { DISCONNECTED, EVENTS_KEPT } from '../../stored-state.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./end-sessions.lua', import.meta.url));

/** The epoch of a station is remembered so long after its session, against late scripts. */
const LAST_EPOCH_SECONDS = 86_400;

export interface EndingSession {
  /** Escaped. */
  readonly station: string;
  /** Undefined: any epoch of this proxy. */
  readonly epoch: number | undefined;
}

export interface EndSessions {
  readonly proxyId: string;
  readonly sessions: readonly EndingSession[];
}

export async function endSessions(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, sessions }: EndSessions,
): Promise<void> {
  const args = [
    keys.prefix,
    proxyId,
    new Date().toISOString(),
    LAST_EPOCH_SECONDS,
    EVENTS_KEPT,
    DISCONNECTED,
  ];
  const pairs = sessions.flatMap(({ station, epoch = '' }) => [station, epoch]);
  const names = [keys.active, keys.sessions(proxyId), keys.knownStations, keys.disconnected, keys.events];
  await script(connection, names, [...args, ...pairs]);
}
