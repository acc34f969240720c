/**
 * Open requests in Redis, where every process of a network sees them: `{state prefix}:pending:{client}`, a hash of
 * message id → `{"featureName":"…"}` in the database after ours, as ocpp-go has it with UseDistributedState. A hash expires
 * when nothing was added for the state's time to live, so that a process that dies leaves nothing behind.
 */
import { TransportError } from '../../errors.ts';
import {
  type ClientState,
  clientStateOf,
  type PendingRequest,
  type ServerState,
} from '../../pending-requests.ts';
import {
  openReady,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import { escapeKey, type Keys } from '../keys.ts';

/** How long open requests are kept by default; ms. */
const STATE_TTL_MS = 30_000;
/** Keys looked at in one step of a walk over the database. */
const STEP = 200;

class RedisServerState implements ServerState {
  readonly #commands: RedisConnection;
  readonly #keys: Keys;
  readonly #settings: RedisSettings;

  constructor(commands: RedisConnection, keys: Keys, settings: RedisSettings) {
    this.#commands = commands;
    this.#keys = keys;
    this.#settings = settings;
  }

  clientState(clientId: string): ClientState {
    return clientStateOf(this, clientId);
  }

  async addPendingRequest(
    clientId: string,
    messageId: string,
    featureName: string,
    forMs = 0,
  ): Promise<boolean> {
    const key = this.#keys.pending(clientId);
    const seconds = Math.ceil(Math.max(this.#settings.stateTtlMs ?? STATE_TTL_MS, forMs) / 1000);
    const value = JSON.stringify({ featureName } satisfies PendingRequest);
    // Together, so that no hash stays without an expiry; never shorter, as it may hold a request that must stay longer.
    const all = this.#commands
      .multi()
      .hsetnx(key, messageId, value)
      .expire(key, seconds, 'NX')
      .expire(key, seconds, 'GT')
      .exec();
    const [added] = (await this.#try(all)) ?? [];
    return added?.[1] === 1;
  }

  async getPendingRequest(clientId: string, messageId: string): Promise<PendingRequest | undefined> {
    const key = this.#keys.pending(clientId);
    const text = await this.#try(this.#commands.hget(key, messageId));
    return text === null ? undefined : readPending(key, messageId, text);
  }

  async pendingRequests(clientId: string): Promise<ReadonlyMap<string, PendingRequest>> {
    const key = this.#keys.pending(clientId);
    const all = Object.entries(await this.#try(this.#commands.hgetall(key)));
    return new Map(all.map(([id, text]) => [id, readPending(key, id, text)]));
  }

  async hasPendingRequest(clientId: string): Promise<boolean> {
    return (await this.#try(this.#commands.exists(this.#keys.pending(clientId)))) === 1;
  }

  async hasPendingRequests(): Promise<boolean> {
    for await (const keys of this.#walk()) if (keys.length > 0) return true;
    return false;
  }

  async completePendingRequest(clientId: string, messageId: string): Promise<void> {
    await this.#try(this.#commands.hdel(this.#keys.pending(clientId), messageId));
  }

  async clearClientPendingRequest(clientId: string): Promise<void> {
    await this.#try(this.#commands.del(this.#keys.pending(clientId)));
  }

  async clearAll(): Promise<void> {
    for await (const keys of this.#walk()) if (keys.length > 0) await this.#try(this.#commands.del(...keys));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#commands.disconnect();
  }

  /** The hashes of all clients, some at a time. ocpp-go keeps no list of them, so this code keeps none. */
  async *#walk(): AsyncGenerator<readonly string[]> {
    const prefix = this.#keys.pending('');
    // A prefix is a text, MATCH takes a pattern.
    const pattern = `${prefix.replaceAll(/[\\*?[\]^]/g, '\\$&')}*`;
    let cursor = '0';
    do {
      const [next, keys] = await this.#try(this.#commands.scan(cursor, 'MATCH', pattern, 'COUNT', STEP));
      yield keys;
      cursor = next;
    } while (cursor !== '0');
  }

  async #try<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      throw unavailable(this.#settings.addr, error);
    }
  }
}

/** On a connection of its own. Rejects with `store-unavailable` when Redis cannot be reached in time. */
export async function openServerState(settings: RedisSettings, keys: Keys): Promise<ServerState> {
  const commands = await openReady({ ...settings, db: settings.db + 1 });
  return new RedisServerState(commands, keys, settings);
}

function readPending(key: string, messageId: string, text: string): PendingRequest {
  try {
    const { featureName } = JSON.parse(text) as Partial<PendingRequest>;
    if (typeof featureName === 'string') return { featureName };
  } catch {
    // Reported below.
  }
  throw new TransportError('bad-envelope', `${key}, field ${escapeKey(messageId)}: not {"featureName":"…"}`);
}
