/**
 * Unreadable texts of stations, kept for a person who asks what a station sent (docs/dead-letters.md). No program depends on
 * them. Scripts keep them with add-unreadable.lua.
 */
import { TransportError } from '../../errors.ts';
import { openReady, type RedisConnection, type RedisSettings } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { Stream } from './stream.ts';

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

/** Entries read at once while those of one station are looked for. */
const AT_ONCE = 500;

export class UnreadableTexts extends Stream<KeptText> {
  constructor(commands: RedisConnection, keys: Keys, addr: string) {
    super(commands, addr, { key: keys.unreadable, read: textOf, missing: noText });
  }

  /** Oldest first. @param after id of the last text of the previous page @param stationId omitted: of all stations */
  async list(limit: number, after?: string, stationId?: string): Promise<KeptText[]> {
    if (stationId === undefined) return this.page(limit, after);
    const found: KeptText[] = [];
    for (let last = after; found.length < limit;) {
      const page = await this.page(AT_ONCE, last);
      found.push(...page.filter((text) => text.stationId === stationId));
      last = page.at(-1)?.id;
      if (page.length < AT_ONCE) break;
    }
    return found.slice(0, limit);
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
