/**
 * A stream that many readers follow. One of them at a time waits for new entries in the store, and all get what it found: the store
 * has one waiting reader for each program, however many followers there are. The newest entries are kept here; a reader
 * that fell behind them reads from the store at its own pace.
 */
import type { StoredEntry, StoredLists } from '../transport/stored-lists.ts';
import type { FollowedListing, FollowedPage, FollowOptions, PageRequest } from './cluster-client.ts';
import { EXAMINED, limitOf, MOST, READ_AT_ONCE } from './listing.ts';
import { checkId, streamListing } from './streams.ts';

const KEPT = 1000;
/** Of the entries that one page examines; a page may examine one reading more. Recorded frames have 16 kB each, events far less. */
const EXAMINED_BYTES = 8 * 1024 * 1024;
/** Longest wait of one read in the store; ms. */
const WAIT_MS = 1000;
/** Before the first entry. */
const START = '0-0';

type Item<T> = (entry: StoredEntry) => T | undefined;

export class FollowedStream {
  readonly #lists: StoredLists;
  readonly #stream: string;
  /** The newest entries: all that came after `#from`, which is an id of the store, never a cursor of a reader. */
  #newest: StoredEntry[] = [];
  #from: string | undefined;
  #reading: Promise<void> | undefined;

  constructor(lists: StoredLists, stream: string) {
    this.#lists = lists;
    this.#stream = stream;
  }

  listing<T>(item: Item<T>): FollowedListing<T> {
    const listing = streamListing(this.#lists, { stream: this.#stream, item });
    const page = (request: PageRequest = {}) => this.#page(request, item);
    const wait = async (request: PageRequest, waitMs: number, signal?: AbortSignal) => {
      const end = performance.now() + waitMs;
      let found = await page(request);
      const isDone = () => found.items.length > 0 || found.isGap === true || signal?.aborted === true;
      for (let left = waitMs; !isDone() && left > 0; left = end - performance.now())
        found = await this.#following(
          found.next,
          { limit: limitOf(request), waitMs: Math.min(left, WAIT_MS) },
          item,
        );
      return found;
    };
    const end = async () => (await this.#lists.bounds(this.#stream)).last ?? START;
    return Object.assign(listing, { page, wait, end, follow: this.#follower(item, end) });
  }

  #follower<T>(item: Item<T>, end: () => Promise<string>) {
    const following = (cursor: string) => this.#following(cursor, { limit: MOST, waitMs: WAIT_MS }, item);
    return async function* follow({
      after,
      signal,
    }: FollowOptions): AsyncGenerator<FollowedPage<T>, void, undefined> {
      let cursor = after === undefined ? await end() : checkId(after);
      while (!signal.aborted) {
        const found = await following(cursor);
        cursor = found.next;
        yield found;
      }
    };
  }

  async #page<T>({ after = START, ...request }: PageRequest, item: Item<T>): Promise<FollowedPage<T>> {
    const limit = limitOf(request);
    const isGap = await this.#isGap(after);
    const items: T[] = [];
    let next = after;
    let bytes = 0;
    for (let examined = 0; items.length < limit && examined < EXAMINED && bytes < EXAMINED_BYTES;) {
      const entries = await this.#lists.entries(this.#stream, { after: next, limit: READ_AT_ONCE });
      for (const entry of entries) {
        if (items.length === limit) break;
        next = entry.id;
        bytes += bytesOf(entry);
        const one = item(entry);
        if (one !== undefined) items.push(one);
      }
      examined += entries.length;
      if (entries.length < READ_AT_ONCE) break;
    }
    return { items, next, ...(isGap && { isGap }) };
  }

  /** What follows a cursor: from what is kept here, for which it waits, or from the store. */
  async #following<T>(
    cursor: string,
    { limit, waitMs }: { readonly limit: number; readonly waitMs: number },
    item: Item<T>,
  ): Promise<FollowedPage<T>> {
    this.#from ??= (await this.#lists.bounds(this.#stream)).last ?? START;
    if (isBefore(cursor, this.#from)) {
      const found = await this.#page({ after: cursor, limit }, item);
      if (found.next !== cursor) return found;
      // The store has lost the entries up to `#from`.
      this.#reset();
      await sleep(waitMs);
      return found;
    }
    if (this.#keptAfter(cursor).length === 0) {
      this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
      // A reader that stops waiting leaves it to the others.
      this.#reading.catch(() => undefined);
      await Promise.race([this.#reading, sleep(waitMs)]);
    }
    // They may have left the kept ones meanwhile: then the next turn reads them from the store.
    const entries = isBefore(cursor, this.#from ?? cursor) ? [] : this.#keptAfter(cursor).slice(0, limit);
    return pageOf(entries, cursor, item);
  }

  #keptAfter(cursor: string): readonly StoredEntry[] {
    return this.#newest.filter(({ id }) => isBefore(cursor, id));
  }

  async #read(): Promise<void> {
    const after = this.#newest.at(-1)?.id ?? this.#from ?? START;
    try {
      this.#newest.push(...(await this.#lists.nextEntries(this.#stream, after, MOST, WAIT_MS)));
      const dropped = this.#newest.splice(0, Math.max(0, this.#newest.length - KEPT));
      this.#from = dropped.at(-1)?.id ?? this.#from;
    } catch (error) {
      this.#reset();
      throw error;
    }
  }

  #reset(): void {
    this.#newest = [];
    this.#from = undefined;
  }

  async #isGap(after: string): Promise<boolean> {
    if (checkId(after) === START) return false;
    const { first, isTrimmed } = await this.#lists.bounds(this.#stream);
    return isTrimmed && first !== undefined && isBefore(after, first);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function bytesOf({ fields }: StoredEntry): number {
  return Object.values(fields).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function pageOf<T>(
  entries: readonly StoredEntry[],
  cursor: string,
  item: (entry: StoredEntry) => T | undefined,
): FollowedPage<T> {
  const items = entries.map(item).filter((one) => one !== undefined);
  return { items, next: entries.at(-1)?.id ?? cursor };
}

function isBefore(id: string, other: string): boolean {
  const [ms = 0, number = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split('-').map(Number);
  return ms === otherMs ? number < otherNumber : ms < otherMs;
}
