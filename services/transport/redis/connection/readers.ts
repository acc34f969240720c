/**
 * Connections for reads of state. One is enough while Redis keeps up, and keeps batches large. Reads that would wait behind
 * long scripts on it use further ones, as many as the pool allows, opened when they are needed.
 */
import type { RedisConnection } from './connection.ts';

/** Reads in flight on one connection before another is used. */
const BUSY = 32;

interface Reader {
  readonly connection: RedisConnection;
  inFlight: number;
}

export class Readers {
  readonly #all: [Reader, ...Reader[]];
  readonly #open: () => RedisConnection;
  readonly #most: number;
  #closed = false;

  /** @param first belongs to the caller @param most how many `open` may open beside it */
  constructor(first: RedisConnection, open: () => RedisConnection, most: number) {
    this.#all = [{ connection: first, inFlight: 0 }];
    this.#open = open;
    this.#most = most;
    // A fail-over: all follow the first. One that stayed would read outdated state.
    first.on('close', () => {
      for (const { connection } of this.#all.slice(1)) connection.disconnect(true);
    });
  }

  async read<T>(action: (connection: RedisConnection) => Promise<T>): Promise<T> {
    const reader = this.#pick();
    reader.inFlight++;
    try {
      return await action(reader.connection);
    } finally {
      reader.inFlight--;
    }
  }

  /** Reads that follow use the first connection, which its owner closes. */
  close(): void {
    this.#closed = true;
    for (const { connection } of this.#all.splice(1)) connection.disconnect();
  }

  #pick(): Reader {
    const [first] = this.#all;
    const ready = this.#all.filter(({ connection }) => connection.status === 'ready');
    const free = ready.find(({ inFlight }) => inFlight < BUSY);
    if (free !== undefined) return free;
    if (!this.#closed && ready.length === this.#all.length && ready.length <= this.#most) {
      this.#all.push({ connection: this.#open(), inFlight: 0 });
    }
    return ready.reduce((least, one) => (one.inFlight < least.inFlight ? one : least), first);
  }
}
