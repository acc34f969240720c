/** A bounded stream that a person reads: pages of it, one entry, and dropping one. */
import type { TransportError } from '../../errors.ts';
import { isRefusal, type RedisConnection, unavailable } from '../connection/connection.ts';

export interface StreamFormat<T> {
  readonly key: string;
  /** @param fields names and values by turns, in the order in which the script writes them */
  readonly read: (id: string, fields: readonly string[]) => T;
  readonly missing: (id: string) => TransportError;
}

const ID = /^\d+-\d+$/;

export class Stream<T> implements AsyncDisposable {
  readonly #commands: RedisConnection;
  readonly #addr: string;
  readonly #format: StreamFormat<T>;

  constructor(commands: RedisConnection, addr: string, format: StreamFormat<T>) {
    this.#commands = commands;
    this.#addr = addr;
    this.#format = format;
  }

  count(): Promise<number> {
    return this.try((commands) => commands.xlen(this.#format.key));
  }

  /** Rejects with the error of an entry that is missing. */
  async get(id: string): Promise<T> {
    const { key, read } = this.#format;
    this.#check(id);
    const [found] = await this.try((commands) => commands.xrange(key, id, id));
    if (found === undefined) throw this.#format.missing(id);
    return read(...found);
  }

  /** Rejects with the error of an entry that is missing. */
  async drop(id: string): Promise<void> {
    this.#check(id);
    const dropped = await this.try((commands) => commands.xdel(this.#format.key, id));
    if (dropped === 0) throw this.#format.missing(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#commands.disconnect();
  }

  /** Oldest first. @param after id of the last entry of the previous page */
  protected async page(limit: number, after?: string): Promise<T[]> {
    const { key, read } = this.#format;
    if (after !== undefined) this.#check(after);
    const from = after === undefined ? '-' : `(${after}`;
    const found = await this.try((commands) => commands.xrange(key, from, '+', 'COUNT', limit));
    return found.map(([id, fields]) => read(id, fields));
  }

  protected async try<R>(action: (commands: RedisConnection) => Promise<R>): Promise<R> {
    try {
      return await action(this.#commands);
    } catch (error) {
      throw isRefusal(error) ? error : unavailable(this.#addr, error);
    }
  }

  #check(id: string): void {
    if (!ID.test(id)) throw this.#format.missing(id);
  }
}
