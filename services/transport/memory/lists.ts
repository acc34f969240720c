/** Pages of what is stored in this process. */
import {
  byScore,
  isLater,
  type EntryRange,
  type FieldPage,
  type StoredEntry,
  type StoredLists,
  type StreamBounds,
} from '../stored-lists.ts';
import type { Member } from '../stored-state.ts';

export interface StoredData {
  stream(key: string): readonly StoredEntry[];
  /** How many entries were ever appended. */
  appended(key: string): number;
  record(key: string): Map<string, string> | undefined;
  sorted(key: string): ReadonlyMap<string, number> | undefined;
  /** Removes an entry. @returns whether it was there */
  drop(stream: string, id: string): boolean;
  append(stream: string, fields: Readonly<Record<string, string>>): void;
}

export class MemoryLists implements StoredLists {
  readonly #data: StoredData;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(data: StoredData) {
    this.#data = data;
  }

  async entries(
    stream: string,
    { after, before, limit, newestFirst = false }: EntryRange,
  ): Promise<readonly StoredEntry[]> {
    const found = this.#data
      .stream(stream)
      .filter(
        ({ id }) =>
          (after === undefined || isLater(id, after)) && (before === undefined || isLater(before, id)),
      );
    return (newestFirst ? found.toReversed() : found).slice(0, limit);
  }

  async bounds(stream: string): Promise<StreamBounds> {
    const entries = this.#data.stream(stream);
    const isTrimmed = this.#data.appended(stream) > entries.length;
    return { first: entries[0]?.id, last: entries.at(-1)?.id, length: entries.length, isTrimmed };
  }

  async nextEntries(stream: string, after: string, limit: number, waitMs: number) {
    const found = await this.entries(stream, { after, limit });
    if (found.length > 0) return found;
    await this.#appendedTo(stream, waitMs);
    return this.entries(stream, { after, limit });
  }

  async dropEntry(stream: string, id: string): Promise<boolean> {
    return this.#data.drop(stream, id);
  }

  async replaceEntry(stream: string, id: string, fields: Readonly<Record<string, string>>): Promise<boolean> {
    if (!this.#data.drop(stream, id)) return false;
    this.#data.append(stream, fields);
    return true;
  }

  async trimBefore(stream: string, id: string): Promise<number> {
    const earlier = this.#data.stream(stream).filter((entry) => isLater(id, entry.id));
    return earlier.filter((entry) => this.#data.drop(stream, entry.id)).length;
  }

  async fieldPage(key: string, limit: number, from = '0'): Promise<FieldPage> {
    const all = [...(this.#data.record(key) ?? [])];
    const end = Number(from) + limit;
    return { fields: all.slice(Number(from), end), next: end < all.length ? String(end) : undefined };
  }

  async membersAfter(key: string, after: Member | undefined, limit: number): Promise<readonly Member[]> {
    const all = [...(this.#data.sorted(key) ?? [])].map(([member, score]) => ({ member, score }));
    const later = all.filter((one) => after === undefined || byScore(one, after) > 0);
    return later.sort(byScore).slice(0, limit);
  }

  /** Called when an entry was appended to a stream. */
  appended(stream: string): void {
    for (const wake of this.#waiting.get(stream) ?? []) wake();
  }

  async #appendedTo(stream: string, waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(stream) ?? new Set();
    this.#waiting.set(stream, waiting.add(resolve));
    const timer = setTimeout(resolve, waitMs).unref();
    await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
  }
}
