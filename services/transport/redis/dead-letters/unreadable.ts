/**
 * Texts of stations that could not be understood, kept for a person (docs/dead-letters.md): what did this station
 * send? Nothing depends on them. The scripts that keep them are in add-unreadable.lua.
 */
import { TransportError } from '../../errors.ts';
import {
  isRefusal,
  openReady,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import type { Keys } from '../keys.ts';

export interface KeptText {
  /** `<ms since 1970>-<number>`; rises. */
  readonly id: string;
  /** When it was kept; ms since 1970. */
  readonly at: number;
  readonly stationId: string;
  readonly protocol: string;
  /** Epoch of the connection; 0 where it is not known. */
  readonly connection: number;
  readonly reason: string;
  readonly text: string;
}

const ID = /^\d+-\d+$/;
/** Entries read at once while those of one station are looked for. */
const AT_ONCE = 500;

export class UnreadableTexts implements AsyncDisposable {
  readonly #commands: RedisConnection;
  readonly #key: string;
  readonly #addr: string;

  constructor(commands: RedisConnection, keys: Keys, addr: string) {
    this.#commands = commands;
    this.#key = keys.unreadable;
    this.#addr = addr;
  }

  count(): Promise<number> {
    return this.#try(this.#commands.xlen(this.#key));
  }

  /** Oldest first. @param after id of the last text of the page before @param stationId left out: of all stations */
  async list(limit: number, after?: string, stationId?: string): Promise<KeptText[]> {
    if (after !== undefined && !ID.test(after)) throw noText(after);
    const found: KeptText[] = [];
    let from = after === undefined ? '-' : `(${after}`;
    while (found.length < limit) {
      const count = stationId === undefined ? limit : AT_ONCE;
      const page = await this.#try(this.#commands.xrange(this.#key, from, '+', 'COUNT', count));
      const texts = page.map(([id, fields]) => textOf(id, fields));
      found.push(...texts.filter((text) => stationId === undefined || text.stationId === stationId));
      if (page.length < count) break;
      from = `(${texts.at(-1)?.id ?? ''}`;
    }
    return found.slice(0, limit);
  }

  /** Rejects with `no-unreadable-text`. */
  async get(id: string): Promise<KeptText> {
    if (!ID.test(id)) throw noText(id);
    const [found] = await this.#try(this.#commands.xrange(this.#key, id, id));
    if (found === undefined) throw noText(id);
    return textOf(...found);
  }

  /** Rejects with `no-unreadable-text`. */
  async drop(id: string): Promise<void> {
    if (!ID.test(id)) throw noText(id);
    if ((await this.#try(this.#commands.xdel(this.#key, id))) === 0) throw noText(id);
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

/** Opens them on a connection of their own. Rejects with `store-unavailable` when Redis cannot be reached in time. */
export async function openUnreadableTexts(settings: RedisSettings, keys: Keys): Promise<UnreadableTexts> {
  return new UnreadableTexts(await openReady(settings), keys, settings.addr);
}

function textOf(id: string, fields: readonly string[]): KeptText {
  // In the order in which add-unreadable.lua writes them.
  const [, stationId = '', , protocol = '', , connection, , reason = '', , text = ''] = fields;
  const at = Number(id.split('-')[0]);
  return { id, at, stationId, protocol, connection: Number(connection), reason, text };
}

function noText(id: string): TransportError {
  return new TransportError('no-unreadable-text', `there is no unreadable text ${id} (any more)`);
}
