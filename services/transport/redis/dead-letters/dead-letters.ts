/**
 * Dead letters: entries that could not be read, whose outcome could not be stored, or whose handling failed or ended its
 * processor too often. An operator inspects them (docs/dead-letters.md) and replays or drops each.
 *
 * A replayed letter has no connection any more: acknowledge.lua applies its writes and sends no response. If the station sent
 * the message again and that was handled, the business key is known, and nothing is written twice.
 */
import { TransportError } from '../../errors.ts';
import { BUSINESS_KEY_SECONDS } from '../../outcome.ts';
import { openReady, type RedisConnection, type RedisSettings } from '../connection/connection.ts';
import { readRequest, replayedEntry, timeOf } from '../queue/envelope.ts';
import type { Keys } from '../keys.ts';
import { replayDeadLetter } from './replay-dead-letter.ts';
import { Stream } from './stream.ts';

export interface DeadLetter {
  /** `<ms since 1970>-<number>`; rises. */
  readonly id: string;
  /** When it became a dead letter; ms since 1970. */
  readonly at: number;
  readonly reason: string;
  /** How often it was handed to a processor. */
  readonly deliveries: number;
  /** As it was in the queue. */
  readonly entry: string;
}

export class DeadLetters extends Stream<DeadLetter> {
  readonly #keys: Keys;

  constructor(commands: RedisConnection, keys: Keys, addr: string) {
    super(commands, addr, { key: keys.deadLetters, read: letterOf, missing: noLetter });
    this.#keys = keys;
  }

  /** Oldest first. @param after id of the last letter of the previous page */
  list(limit: number, after?: string): Promise<DeadLetter[]> {
    return this.page(limit, after);
  }

  /**
   * Enqueues the letter behind all waiting entries, as if it had never been delivered. Rejects with `no-dead-letter`, and with
   * `bad-envelope` when this version cannot read it either.
   */
  async replay(id: string): Promise<void> {
    const { entry } = await this.get(id);
    const read = readRequest(entry);
    if (!read.ok)
      throw new TransportError('bad-envelope', `dead letter ${id} cannot be read: ${read.reason}`);
    const replay = { id, entry: replayedEntry(entry, id) };
    const replayed = await this.try((commands) => replayDeadLetter(commands, this.#keys, replay));
    if (!replayed) throw noLetter(id);
  }
}

/**
 * Whether business keys of the message's time have expired: if the station sent it again and that was handled, a replay would
 * apply it a second time.
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
