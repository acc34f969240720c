/**
 * Reads of records: those of one turn of the event loop that want the same fields are one script. A command of its own costs the
 * client several times what the reading costs Redis.
 */
import type { RedisConnection } from '../connection/connection.ts';
import type { Readers } from '../connection/readers.ts';
import { readRecords } from './read-records.ts';

/** Records that one script reads: nothing else runs in Redis meanwhile. */
const MOST = 32;

/** Of `read`: all fields of each record, names and values by turns. */
export const ALL_FIELDS: readonly string[] = [];

/** Values in the order of the names, null for one that is missing. */
type Values = readonly (string | null)[];

interface Waiting {
  readonly key: string;
  readonly resolve: (values: Values) => void;
  readonly reject: (error: unknown) => void;
}

export class RecordReads {
  readonly #readers: Readers;
  /** By the array of their names: callers that want the same fields share a constant. */
  readonly #waiting = new Map<readonly string[], Waiting[]>();

  constructor(readers: Readers) {
    this.#readers = readers;
  }

  /** @param names of the fields, or ALL_FIELDS @throws what Redis or its connection says; a key that is no record fails alone */
  read(key: string, names: readonly string[]): Promise<Values> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) process.nextTick(() => this.#send());
      const same = this.#waiting.get(names);
      if (same === undefined) this.#waiting.set(names, [{ key, resolve, reject }]);
      else same.push({ key, resolve, reject });
    });
  }

  #send(): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const [names, waiting] of all) {
      for (let i = 0; i < waiting.length; i += MOST) {
        const some = waiting.slice(i, i + MOST);
        // Its connection may not open at all.
        this.#readers.read((redis) => readAll(redis, some, names)).catch((error) => rejectAll(some, error));
      }
    }
  }
}

function rejectAll(waiting: readonly Waiting[], error: unknown): void {
  for (const { reject } of waiting) reject(error);
}

/** Settles what waits. Never rejects. */
async function readAll(
  redis: RedisConnection,
  waiting: readonly Waiting[],
  names: readonly string[],
): Promise<void> {
  try {
    const keys = waiting.map(({ key }) => key);
    const [first = ''] = keys;
    // A command reads any number of fields, a script some thousand, and a command works while a slot moves to another node.
    const found =
      keys.length === 1 ? [await readOne(redis, first, names)] : await readRecords(redis, keys, names);
    for (const [index, { resolve, reject }] of waiting.entries()) {
      const values = found[index];
      if (values instanceof Error) reject(values);
      else resolve(values ?? []);
    }
  } catch (error) {
    rejectAll(waiting, error);
  }
}

const readOne = async (redis: RedisConnection, key: string, names: readonly string[]): Promise<Values> =>
  names === ALL_FIELDS ? Object.entries(await redis.hgetall(key)).flat() : redis.hmget(key, ...names);
