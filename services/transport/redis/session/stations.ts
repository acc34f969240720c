/** The connected stations, from the sessions in Redis, and unsolicited frames to them. */
import type { Frame } from '../../../ocpp/frame.ts';
import { TransportError } from '../../errors.ts';
import type { SessionMetadata } from '../../gateway.ts';
import { type RedisConnection, unavailable, wasNotDone } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { retrying } from '../connection/retry.ts';
import type { RedisSettings } from '../connection/settings.ts';
import { writeToStation } from './write-to-station.ts';

const WRITES_AT_ONCE = 100;

export class Stations {
  readonly #commands: RedisConnection;
  readonly #keys: Keys;
  readonly #redis: RedisSettings;

  constructor(commands: RedisConnection, keys: Keys, redis: RedisSettings) {
    this.#commands = commands;
    this.#keys = keys;
    this.#redis = redis;
  }

  async write(stationId: string, frame: Frame): Promise<void> {
    const write = () => writeToStation(this.#commands, this.#keys, { stationId, frame });
    // A frame whose reply was lost may be queued already, and is not queued twice.
    const written = await retrying(this.#redis, write, wasNotDone).catch((error: unknown) => {
      throw unavailable(this.#redis.addr, error);
    });
    if (written === 'queued') return;
    const why = written === 'offline' ? 'is not connected' : 'is behind a proxy whose outbox is full';
    throw new TransportError('station-offline', `station ${stationId} ${why}`);
  }

  async writeToAll(frame: (stationId: string) => Frame): Promise<ReadonlyMap<string, Error>> {
    const errors = new Map<string, Error>();
    const stations = await this.connected();
    for (let i = 0; i < stations.length; i += WRITES_AT_ONCE) {
      const chunk = stations.slice(i, i + WRITES_AT_ONCE).map((stationId) =>
        this.write(stationId, frame(stationId)).catch((error: Error) => {
          errors.set(stationId, error);
        }),
      );
      await Promise.all(chunk);
    }
    return errors;
  }

  async connected(): Promise<string[]> {
    const stations: string[] = [];
    let cursor = '0';
    do {
      const [next, some] = await this.#commands.sscan(this.#keys.active, cursor, 'COUNT', 1000);
      stations.push(...some);
      cursor = next;
    } while (cursor !== '0');
    // A scan may return one twice.
    return [...new Set(stations)];
  }

  async isConnected(stationId: string): Promise<boolean> {
    return (await this.#commands.exists(this.#keys.session(stationId))) === 1;
  }

  /** Of the connection with this epoch; undefined if it has not the session. */
  async metadata(stationId: string, epoch: number): Promise<SessionMetadata | undefined> {
    const key = this.#keys.session(stationId);
    const read = () => this.#commands.hmget(key, 'connection', 'metadata');
    const [connection, text] = await retrying(this.#redis, read).catch((error: unknown) => {
      throw unavailable(this.#redis.addr, error);
    });
    return connection === String(epoch) ? readMetadata(text) : undefined;
  }
}

/** Another program may have written it: what is no text does not count, and ends no delivery. */
function readMetadata(text: string | null | undefined): SessionMetadata {
  try {
    const facts = Object.entries(JSON.parse(text ?? '{}') as object);
    return Object.fromEntries(facts.filter(([, value]) => typeof value === 'string'));
  } catch {
    return {};
  }
}
