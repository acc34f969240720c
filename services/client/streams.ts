/** Streams as listings: events, bills, reports, meter values, audit entries. Ids of entries are their cursors. */
import type { StoredEntry, StoredLists } from '../transport/stored-lists.ts';
import type { AuditEntry, EventFilter, Listing, NetworkEvent, StreamEntry } from './cluster-client.ts';
import { badCursor, listingOf } from './listing.ts';

const ID = /^\d{1,16}-\d{1,16}$/;

/** @throws TransportError bad-cursor */
export function checkId(cursor: string): string {
  if (ID.test(cursor)) return cursor;
  throw badCursor(cursor);
}

export interface StreamOptions<T> {
  readonly stream: string;
  readonly newestFirst?: boolean;
  /** Undefined leaves the entry out. */
  readonly item: (entry: StoredEntry) => T | undefined;
}

export function streamListing<T>(
  lists: StoredLists,
  { stream, newestFirst = false, item }: StreamOptions<T>,
): Listing<T> {
  return listingOf<StoredEntry, T>({
    async read(after, limit) {
      const from = after === undefined ? {} : { [newestFirst ? 'before' : 'after']: checkId(after) };
      const entries = await lists.entries(stream, { ...from, limit, newestFirst });
      return { entries, next: entries.length < limit ? undefined : entries.at(-1)?.id };
    },
    cursorOf: ({ id }) => id,
    items: (entries) => entries.map(item),
  });
}

/** When an entry was stored, by the clock of Redis. */
export const timeOfId = (id: string): string => new Date(Number(id.split('-')[0])).toISOString();

/** An entry of `events`, or undefined if the filter leaves it out. */
export function eventOf(
  { id, fields }: StoredEntry,
  { station, type }: EventFilter,
): NetworkEvent | undefined {
  const { type: kind = '', stationId = '', ...others } = fields;
  if ((station !== undefined && stationId !== station) || (type !== undefined && kind !== type))
    return undefined;
  return { id, at: timeOfId(id), type: kind, station: stationId, fields: others };
}

/** An entry of another stream of stations. */
export function entryOf(
  { id, fields }: StoredEntry,
  { station, type }: EventFilter,
): StreamEntry | undefined {
  const { stationId = '', ...others } = fields;
  if (station !== undefined && stationId !== station) return undefined;
  if (type !== undefined && others['type'] !== type) return undefined;
  return { id, at: timeOfId(id), station: stationId, fields: others };
}

export const auditEntryOf = ({ id, fields }: StoredEntry): AuditEntry => ({ id, at: timeOfId(id), fields });
