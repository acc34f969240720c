/**
 * Connections for reads of state. One is enough while Redis keeps up, and keeps batches large; what waits behind long
 * scripts on it goes over further ones, as many as the pool allows, opened when they are needed.
 */
import type { RedisConnection } from './connection.ts';

/** Reads in the air on one connection before another is taken. */
const BUSY = 32;

interface Reader {
  readonly connection: RedisConnection;
  inTheAir: number;
}

export class Readers {
  readonly #all: [Reader, ...Reader[]];
  readonly #open: () => RedisConnection;
  readonly #most: number;

  /** @param most how many `open` may open beside the first, which is somebody else's */
  constructor(first: RedisConnection, open: () => RedisConnection, most: number) {
    this.#all = [{ connection: first, inTheAir: 0 }];
    this.#open = open;
    this.#most = most;
    // A fail-over: where the first goes, all go. One that stayed would read what is past.
    first.on('close', () => {
      for (const { connection } of this.#all.slice(1)) connection.disconnect(true);
    });
  }

  async read<T>(action: (connection: RedisConnection) => Promise<T>): Promise<T> {
    const reader = this.#pick();
    reader.inTheAir++;
    try {
      return await action(reader.connection);
    } finally {
      reader.inTheAir--;
    }
  }

  close(): void {
    for (const { connection } of this.#all.splice(1)) connection.disconnect();
  }

  #pick(): Reader {
    const [first] = this.#all;
    const ready = this.#all.filter(({ connection }) => connection.status === 'ready');
    const free = ready.find(({ inTheAir }) => inTheAir < BUSY);
    if (free !== undefined) return free;
    if (ready.length === this.#all.length && ready.length <= this.#most) {
      this.#all.push({ connection: this.#open(), inTheAir: 0 });
    }
    return ready.reduce((least, one) => (one.inTheAir < least.inTheAir ? one : least), first);
  }
}
