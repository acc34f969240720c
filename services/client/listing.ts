/**
 * Listings: pages with a cursor. A filter examines a bounded number of entries for one page, so that no request reads the
 * whole network, and a page may be empty and still have a cursor.
 */
import { TransportError } from '../transport/errors.ts';
import type { Listing, Page, PageRequest } from './cluster-client.ts';

export const DEFAULT_LIMIT = 100;
export const MOST = 1000;
/** Entries that one page examines at most, and how many are read at once. */
export const EXAMINED = 2000;
export const READ_AT_ONCE = 200;

/** What was read of a list, in its order. */
export interface Reading<E> {
  readonly entries: readonly E[];
  /** Where reading goes on; undefined at the end of the list. */
  readonly next: string | undefined;
}

export interface Source<E, T> {
  /** Up to `limit` entries after the cursor. */
  read(after: string | undefined, limit: number): Promise<Reading<E>>;
  /** Where reading goes on after an entry. */
  cursorOf(entry: E): string;
  /** Items of entries, at the same places; undefined for one that the filter leaves out. */
  items(entries: readonly E[]): Promise<readonly (T | undefined)[]> | readonly (T | undefined)[];
}

export function listingOf<E, T>(source: Source<E, T>): Listing<T> {
  const page = (request: PageRequest = {}) => readPage(source, request);
  return {
    page,
    async *[Symbol.asyncIterator]() {
      let after: string | undefined;
      do {
        const { items, next } = await page({ limit: MOST, ...(after !== undefined && { after }) });
        yield* items;
        after = next;
      } while (after !== undefined);
    },
  };
}

async function readPage<E, T>(source: Source<E, T>, request: PageRequest): Promise<Page<T>> {
  const limit = limitOf(request);
  const found: T[] = [];
  let { after } = request;
  for (let examined = 0; examined < EXAMINED;) {
    const { entries, next } = await source.read(
      after,
      Math.min(Math.max(limit - found.length, 1), READ_AT_ONCE),
    );
    const items = await source.items(entries);
    for (const [place, item] of items.entries()) {
      if (item === undefined) continue;
      found.push(item);
      if (found.length < limit) continue;
      const last = entries[place];
      const isAll = next === undefined && place === entries.length - 1;
      return isAll || last === undefined ? { items: found } : { items: found, next: source.cursorOf(last) };
    }
    if (next === undefined) return { items: found };
    after = next;
    examined += Math.max(entries.length, 1);
  }
  return { items: found, ...(after !== undefined && { next: after }) };
}

/** @throws TransportError bad-cursor */
export function limitOf({ limit = DEFAULT_LIMIT }: PageRequest): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST) return limit;
  throw new TransportError('bad-cursor', `limit must be a whole number from 1 to ${MOST}, it is ${limit}`);
}

/** A cursor of any text: opaque to those who pass it on. */
export const writeCursor = (text: string): string => Buffer.from(text).toString('base64url');

/** @throws TransportError bad-cursor */
export function readCursor(cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const text = bytes.toString();
  if (cursor !== '' && writeCursor(text) === cursor) return text;
  throw badCursor(cursor);
}

export function badCursor(cursor: string): TransportError {
  const shown = JSON.stringify(cursor.slice(0, 60));
  return new TransportError(
    'bad-cursor',
    `${shown} is no cursor of this list: use \`next\` of a page as it is`,
  );
}
