/** Reads stored state in Redis, and amends it. Writes of outcomes are part of acknowledge.lua. */
import { TransportError } from '../../errors.ts';
import type { Amendment, Member, StateStore, StreamSize } from '../../stored-state.ts';
import { isRefusal, type RedisConnection } from '../connection/connection.ts';
import { memoryShare } from '../connection/memory-guard.ts';
import type { Keys } from '../keys.ts';
import type { Readers } from '../connection/readers.ts';
import { retrying } from '../connection/retry.ts';
import type { RedisSettings } from '../connection/settings.ts';
import { amend, type AmendPath } from './amend.ts';
import { ALL_FIELDS, RecordReads } from './record-reads.ts';
import { reserve } from './reserve.ts';

/** Fields in one step of a scan. */
const SCANNED = 500;

export class RedisState implements StateStore {
  readonly checksExpectations = true;
  readonly #path: AmendPath;
  readonly #readers: Readers;
  readonly #records: RecordReads;
  readonly #redis: RedisSettings;
  readonly #keys: Keys;

  constructor(path: AmendPath, readers: Readers, redis: RedisSettings, keys: Keys) {
    this.#path = path;
    this.#readers = readers;
    this.#records = new RecordReads(readers);
    this.#redis = redis;
    this.#keys = keys;
  }

  async record(key: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await this.#readRecord(key, ALL_FIELDS);
    if (found.length === 0) return undefined;
    // Not by assignment: `__proto__` is a name as any other.
    return Object.fromEntries(
      Array.from({ length: found.length / 2 }, (_, i) => [String(found[2 * i]), String(found[2 * i + 1])]),
    );
  }

  async field(key: string, field: string): Promise<string | undefined> {
    return (await this.#try(key, (redis) => redis.hget(this.#keys.state(key), field))) ?? undefined;
  }

  async fields(key: string, names: readonly string[]): Promise<Readonly<Record<string, string>> | undefined> {
    const values = await this.#readRecord(key, names);
    const found: [string, string][] = [];
    for (const [index, name] of names.entries()) {
      const value = values[index];
      if (typeof value === 'string') found.push([name, value]);
    }
    return found.length > 0 ? Object.fromEntries(found) : undefined;
  }

  reserve(counter: string, count: number, floor: number): Promise<number> {
    const what = { counter: this.#keys.counter(counter), count, floor };
    return this.#try(counter, (redis) => reserve(redis, what));
  }

  async members(key: string, max: number, limit: number, offset = 0): Promise<readonly Member[]> {
    const found = await this.#try(key, (redis) =>
      redis.zrangebyscore(this.#keys.state(key), '-inf', max, 'WITHSCORES', 'LIMIT', offset, limit),
    );
    return Array.from({ length: found.length / 2 }, (_, i) => ({
      member: String(found[2 * i]),
      score: Number(found[2 * i + 1]),
    }));
  }

  size(key: string): Promise<number> {
    return this.#try(key, (redis) => redis.zcard(this.#keys.state(key)));
  }

  async streamSize(key: string): Promise<StreamSize> {
    const name = this.#keys.state(key);
    const [length, oldest] = await Promise.all([
      this.#try(key, (redis) => redis.xlen(name)),
      // An ACL user of an earlier release may not read streams: its length is enough.
      this.#readers.read((redis) => redis.xrange(name, '-', '+', 'COUNT', 1)).catch(() => []),
    ]);
    const [id] = oldest[0] ?? [];
    return { length, oldestAt: id === undefined ? undefined : Number(id.split('-')[0]) };
  }

  /** All fields of a record, in no order; one that changes meanwhile may be missing or come twice. */
  async *scan(key: string): AsyncIterable<readonly [field: string, value: string]> {
    let cursor = '0';
    do {
      const [next, found] = await this.#try(key, (redis) =>
        redis.hscan(this.#keys.state(key), cursor, 'COUNT', SCANNED),
      );
      cursor = next;
      for (let i = 0; i + 1 < found.length; i += 2) yield [String(found[i]), String(found[i + 1])];
    } while (cursor !== '0');
  }

  memoryShare(): Promise<number | undefined> {
    return this.#try('the memory use', memoryShare);
  }

  amend(amendment: Amendment): Promise<boolean> {
    return amend(this.#path, amendment);
  }

  #readRecord(key: string, names: readonly string[]): Promise<readonly (string | null)[]> {
    return this.#store(key, () => this.#records.read(this.#keys.state(key), names));
  }

  #try<T>(key: string, read: (redis: RedisConnection) => Promise<T>): Promise<T> {
    return this.#store(key, () => this.#readers.read(read));
  }

  /** A store that cannot be reached is an error of its own kind, after which the delivery is requeued. */
  async #store<T>(key: string, read: () => Promise<T>): Promise<T> {
    try {
      return await retrying(this.#redis, read);
    } catch (error) {
      if (isRefusal(error)) throw error;
      throw new TransportError('store-unavailable', `${key} could not be read from Redis`, { cause: error });
    }
  }
}
