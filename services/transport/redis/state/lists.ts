/** Pages of stored data in Redis. */
import {
  byScore,
  CHANNEL_STREAMS,
  type EntryRange,
  type FieldPage,
  type StoredEntry,
  type StoredLists,
  type StreamBounds,
} from '../../stored-lists.ts';
import type { Member } from '../../stored-state.ts';
import {
  BLOCK_SECONDS,
  openConnection,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import type { Readers } from '../connection/readers.ts';
import type { Keys } from '../keys.ts';
import { replaceEntry } from './replace-entry.ts';

type RawEntry = readonly [id: string, fields: readonly string[]];

export interface RedisListsOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  readonly readers: Readers;
  readonly onError: (error: Error) => void;
}

export class RedisLists implements StoredLists {
  readonly #options: RedisListsOptions;
  /** For reads that wait; opened when it is needed. */
  #waiting: RedisConnection | undefined;

  constructor(options: RedisListsOptions) {
    this.#options = options;
  }

  async entries(stream: string, { after, before, limit, newestFirst = false }: EntryRange) {
    // Redis refuses it as an exclusive end.
    if (before === '0-0') return [];
    const key = this.#stream(stream);
    const low = after === undefined ? '-' : `(${after}`;
    const high = before === undefined ? '+' : `(${before}`;
    const found = await this.#try((redis) =>
      newestFirst
        ? redis.xrevrange(key, high, low, 'COUNT', limit)
        : redis.xrange(key, low, high, 'COUNT', limit),
    );
    return found.map(entryOf);
  }

  async bounds(stream: string): Promise<StreamBounds> {
    const key = this.#stream(stream);
    const [first, last, info] = await this.#try((redis) =>
      Promise.all([
        redis.xrange(key, '-', '+', 'COUNT', 1),
        redis.xrevrange(key, '+', '-', 'COUNT', 1),
        redis.exists(key).then((exists) => (exists === 1 ? redis.xinfo('STREAM', key) : [])),
      ]),
    );
    const facts = new Map(pairsOf(info as readonly unknown[]));
    const length = Number(facts.get('length') ?? 0);
    const isTrimmed = Number(facts.get('entries-added') ?? 0) > length;
    return { first: first[0]?.[0], last: last[0]?.[0], length, isTrimmed };
  }

  async nextEntries(stream: string, after: string, limit: number, waitMs: number) {
    const { redis: settings, onError } = this.#options;
    this.#waiting ??= openConnection(settings, 'blocking', onError);
    await ready(this.#waiting, waitMs);
    const block = Math.max(1, Math.min(waitMs, BLOCK_SECONDS * 1000));
    const read = this.#waiting.xread('COUNT', limit, 'BLOCK', block, 'STREAMS', this.#stream(stream), after);
    const found = await read.catch(this.#outOfReach);
    return (found?.[0]?.[1] ?? []).map(entryOf);
  }

  async dropEntry(stream: string, id: string): Promise<boolean> {
    return (await this.#try((redis) => redis.xdel(this.#stream(stream), id))) === 1;
  }

  replaceEntry(stream: string, id: string, fields: Readonly<Record<string, string>>): Promise<boolean> {
    return this.#try((redis) => replaceEntry(redis, { stream: this.#stream(stream), id, fields }));
  }

  trimBefore(stream: string, id: string): Promise<number> {
    return this.#try((redis) => redis.xtrim(this.#stream(stream), 'MINID', id));
  }

  async fieldPage(key: string, limit: number, from = '0'): Promise<FieldPage> {
    // Redis returns a small record whole, whatever COUNT says. So the cursor also says how many of its fields were returned.
    const [cursor = '0', skip = '0'] = from.split(':');
    const [next, found] = await this.#try((redis) =>
      redis.hscan(this.#options.keys.state(key), cursor, 'COUNT', limit),
    );
    const pairs = pairsOf(found).slice(Number(skip));
    const fields = pairs.slice(0, limit);
    if (pairs.length > limit) return { fields, next: `${cursor}:${Number(skip) + limit}` };
    return { fields, next: next === '0' ? undefined : next };
  }

  async membersAfter(key: string, after: Member | undefined, limit: number): Promise<readonly Member[]> {
    const name = this.#options.keys.state(key);
    const low = after === undefined ? '-inf' : String(after.score);
    const all: Member[] = [];
    // Members of one score are in the order of their bytes, so those up to `after` are skipped.
    for (let offset = 0; all.length < limit; offset += limit) {
      const found = await this.#try((redis) =>
        redis.zrangebyscore(name, low, '+inf', 'WITHSCORES', 'LIMIT', offset, limit),
      );
      const members = pairsOf(found).map(([member, score]) => ({
        member,
        score: Number(score),
      }));
      all.push(...members.filter((one) => after === undefined || byScore(one, after) > 0));
      if (members.length < limit) break;
    }
    return all.slice(0, limit);
  }

  close(): void {
    this.#waiting?.disconnect();
  }

  #stream(stream: string): string {
    const { keys } = this.#options;
    return CHANNEL_STREAMS.has(stream) ? `${keys.prefix}:${stream}` : keys.state(stream);
  }

  readonly #outOfReach = (error: unknown): never => {
    throw unavailable(this.#options.redis.addr, error);
  };

  #try<T>(action: (redis: RedisConnection) => Promise<T>): Promise<T> {
    return this.#options.readers.read(action).catch(this.#outOfReach);
  }
}

/** Waits for a connection that is being opened; a command on it fails if that takes longer. */
async function ready(connection: RedisConnection, waitMs: number): Promise<void> {
  if (connection.status === 'ready') return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, waitMs);
  connection.once('ready', resolve);
  await promise;
  clearTimeout(timer);
  connection.off('ready', resolve);
}

function entryOf([id, fields]: RawEntry): StoredEntry {
  return { id, fields: Object.fromEntries(pairsOf(fields)) };
}

/** Names and values by turns. */
function pairsOf<T>(flat: readonly T[]): [T, T][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as T, flat[2 * i + 1] as T]);
}
