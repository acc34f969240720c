/**
 * Dead letters: what could not be read, whose outcome could not be stored, or whose handling failed or ended its
 * processor too often. A person looks at them (docs/dead-letters.md) and lets each be handled again, or drops it.
 *
 * A replayed letter has no connection any more: acknowledge.lua applies its writes and nobody gets an answer. If the
 * station sent the message again and that was handled, the business key is known, and nothing is written twice.
 */
import { TransportError } from '../../errors.ts';
import { BUSINESS_KEY_SECONDS } from '../../transport.ts';
import {
  isRefusal,
  openReady,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import { readRequest, replayedEntry, timeOf } from '../queue/envelope.ts';
import type { Keys } from '../keys.ts';

export interface DeadLetter {
  /** `<ms since 1970>-<number>`; rises. */
  readonly id: string;
  /** When it was given up; ms since 1970. */
  readonly at: number;
  readonly reason: string;
  /** How often it was handed to a processor. */
  readonly deliveries: number;
  /** As it stood in the queue. */
  readonly entry: string;
}

const ID = /^\d+-\d+$/;

export class DeadLetters implements AsyncDisposable {
  readonly #commands: RedisConnection;
  readonly #keys: Keys;
  readonly #addr: string;

  constructor(commands: RedisConnection, keys: Keys, addr: string) {
    this.#commands = commands;
    this.#keys = keys;
    this.#addr = addr;
  }

  count(): Promise<number> {
    return this.#try(this.#commands.xlen(this.#keys.deadLetters));
  }

  /** Oldest first. @param after id of the last letter of the page before */
  async list(limit: number, after?: string): Promise<DeadLetter[]> {
    if (after !== undefined && !ID.test(after)) throw noLetter(after);
    const from = after === undefined ? '-' : `(${after}`;
    const found = await this.#try(this.#commands.xrange(this.#keys.deadLetters, from, '+', 'COUNT', limit));
    return found.map(([id, fields]) => letterOf(id, fields));
  }

  /** Rejects with `no-dead-letter`. */
  async get(id: string): Promise<DeadLetter> {
    if (!ID.test(id)) throw noLetter(id);
    const [found] = await this.#try(this.#commands.xrange(this.#keys.deadLetters, id, id));
    if (found === undefined) throw noLetter(id);
    return letterOf(...found);
  }

  /**
   * Puts the letter behind everything that waits, as if it had never been delivered. Rejects with `no-dead-letter`, and
   * with `bad-envelope` for what cannot be read by this version either.
   */
  async replay(id: string): Promise<void> {
    const { entry } = await this.get(id);
    const read = readRequest(entry);
    if (!read.ok)
      throw new TransportError('bad-envelope', `dead letter ${id} cannot be read: ${read.reason}`);
    const { deadLetters, requests } = this.#keys;
    const moved = await this.#try(this.#commands.replay(deadLetters, requests, id, replayedEntry(entry, id)));
    if (moved === 0) throw noLetter(id);
  }

  /** Rejects with `no-dead-letter`. */
  async drop(id: string): Promise<void> {
    if (!ID.test(id)) throw noLetter(id);
    if ((await this.#try(this.#commands.xdel(this.#keys.deadLetters, id))) === 0) throw noLetter(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#commands.disconnect();
  }

  async #try<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      throw isRefusal(error) ? error : unavailable(this.#addr, error);
    }
  }
}

/**
 * Whether business keys of the message's time are gone: if the station sent it again and that was handled, a replay
 * would do the same a second time.
 */
export function mayRepeat({ at, entry }: DeadLetter, now: number): boolean {
  return now - (timeOf(entry) ?? at) > BUSINESS_KEY_SECONDS * 1000;
}

/** Opens them on a connection of their own. Rejects with `store-unavailable` when Redis cannot be reached in time. */
export async function openDeadLetters(settings: RedisSettings, keys: Keys): Promise<DeadLetters> {
  return new DeadLetters(await openReady(settings), keys, settings.addr);
}

function letterOf(id: string, fields: readonly string[]): DeadLetter {
  // In the order in which add-dead-letter.lua writes them.
  const [, reason = '', , deliveries, , entry = ''] = fields;
  return { id, at: Number(id.split('-')[0]), reason, deliveries: Number(deliveries), entry };
}

function noLetter(id: string): TransportError {
  return new TransportError('no-dead-letter', `there is no dead letter ${id} (any more)`);
}
