/** Reads of stored state in Redis. Writes are part of finish.lua. */
import { TransportError } from '../errors.ts';
import type { StateReader } from '../transport.ts';
import { isRefusal, type RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';

export class RedisState implements StateReader {
  readonly #commands: RedisConnection;
  readonly #keys: Keys;

  constructor(commands: RedisConnection, keys: Keys) {
    this.#commands = commands;
    this.#keys = keys;
  }

  async record(key: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await this.#try(key, this.#commands.hgetall(this.#keys.state(key)));
    return Object.keys(found).length === 0 ? undefined : found;
  }

  async field(key: string, field: string): Promise<string | undefined> {
    return (await this.#try(key, this.#commands.hget(this.#keys.state(key), field))) ?? undefined;
  }

  reserve(counter: string, count: number, floor: number): Promise<number> {
    return this.#try(counter, this.#commands.reserve(this.#keys.counter(counter), count, floor));
  }

  /** A store out of reach is an error of its own kind: the delivery comes again. */
  async #try<T>(key: string, reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      if (isRefusal(error)) throw error;
      throw new TransportError('store-unavailable', `${key} could not be read from Redis`, { cause: error });
    }
  }
}
