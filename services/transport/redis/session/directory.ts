/** The directory of stations, from what scripts keep when sessions begin and end. */
import { PROTOCOLS } from '../../../ocpp/frame.ts';
import type { DirectoryEntry, SessionFacts, StationDirectory } from '../../station-directory.ts';
import type { KeptRefusal } from '../../watch/refused-handshakes.ts';
import { type RedisConnection, unavailable } from '../connection/connection.ts';
import type { Readers } from '../connection/readers.ts';
import type { Keys } from '../keys.ts';
import { keptRefusals } from './note-refusals.ts';

const SESSION_FIELDS = ['ws_server_id', 'protocol', 'remote_addr', 'connected_at'] as const;

export class RedisDirectory implements StationDirectory {
  readonly #readers: Readers;
  readonly #keys: Keys;
  readonly #addr: string;

  constructor(readers: Readers, keys: Keys, addr: string) {
    this.#readers = readers;
    this.#keys = keys;
    this.#addr = addr;
  }

  async known(limit: number, after?: string, prefix = ''): Promise<readonly string[]> {
    // Redis compares bytes, so the cursor wins if it is within the prefix.
    const low = after === undefined ? `[${prefix}` : `(${after}`;
    const found = await this.#try((redis) =>
      redis.zrangebylex(this.#keys.knownStations, low, '+', 'LIMIT', 0, limit),
    );
    return found.filter((stationId) => stationId.startsWith(prefix));
  }

  knownCount(): Promise<number> {
    return this.#try((redis) => redis.zcard(this.#keys.knownStations));
  }

  connectedCount(): Promise<number> {
    return this.#try((redis) => redis.scard(this.#keys.active));
  }

  async entries(stationIds: readonly string[]): Promise<readonly DirectoryEntry[]> {
    if (stationIds.length === 0) return [];
    const [sessions, ends] = await this.#try((redis) =>
      Promise.all([
        Promise.all(stationIds.map((id) => redis.hmget(this.#keys.session(id), ...SESSION_FIELDS))),
        redis.hmget(this.#keys.disconnected, ...stationIds),
      ]),
    );
    return stationIds.map((stationId, i) => {
      const session = sessionOf(sessions[i] ?? []);
      return {
        stationId,
        session,
        disconnectedAt: session === undefined ? (ends[i] ?? undefined) : undefined,
      };
    });
  }

  refused(): Promise<readonly KeptRefusal[]> {
    return this.#try((redis) => keptRefusals(redis, this.#keys, Date.now()));
  }

  #try<T>(action: (redis: RedisConnection) => Promise<T>): Promise<T> {
    return this.#readers.read(action).catch((error: unknown) => {
      throw unavailable(this.#addr, error);
    });
  }
}

/** A session that names no protocol belongs to ocpp-go, which speaks OCPP 1.6 only. */
function sessionOf([proxyId, protocol, remoteAddress, connectedAt]: readonly (string | null)[]):
  | SessionFacts
  | undefined {
  if (typeof proxyId !== 'string') return undefined;
  return {
    proxyId,
    protocol: PROTOCOLS.find((known) => known === protocol) ?? 'ocpp1.6',
    remoteAddress: remoteAddress ?? '',
    connectedAt: connectedAt ?? '',
  };
}
