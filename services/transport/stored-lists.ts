/** Pages of what is stored, for programs that show it or pass it on. Handlers need none of these. */
import { RECORDED } from './recorder/recorded-frames.ts';
import type { Member } from './stored-state.ts';

/** An entry of a stream. Keys of streams are relative to the state prefix, except `events` and what the transport itself keeps. */
export interface StoredEntry {
  /** `<ms since 1970>-<number>`; rises within a stream. */
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The streams of the transport itself, which are under the channel prefix. */
export const CHANNEL_STREAMS: ReadonlySet<string> = new Set([
  'events',
  'unreadable',
  'dead-letters',
  RECORDED,
]);

export interface EntryRange {
  /** Exclusive; omitted: from the first. */
  readonly after?: string;
  /** Exclusive; omitted: to the last. */
  readonly before?: string;
  readonly limit: number;
  /** From the last to the first. */
  readonly newestFirst?: boolean;
}

export interface StreamBounds {
  /** Ids of the oldest and the newest entry; undefined for an empty stream. */
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly length: number;
  /** Entries were dropped, as the stream is bounded. */
  readonly isTrimmed: boolean;
}

export interface FieldPage {
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

/** The order of ids of entries. */
export function isLater(id: string, other: string): boolean {
  const [[ms, number], [otherMs, otherNumber]] = [partsOf(id), partsOf(other)];
  return ms === otherMs ? number > otherNumber : ms > otherMs;
}

/** The id right before another one: as the exclusive `after` of a range, it includes that one. */
export function idBefore(id: string): string {
  const [ms, number] = partsOf(id);
  if (number > 0n) return `${ms}-${number - 1n}`;
  return ms > 0n ? `${ms - 1n}-${LAST_NUMBER}` : '0-0';
}

/** Of a millisecond: 64 bits. */
const LAST_NUMBER = 2n ** 64n - 1n;

function partsOf(id: string): readonly [ms: bigint, number: bigint] {
  const [ms = '0', number = '0'] = id.split('-');
  return [BigInt(ms), BigInt(number)];
}

export interface StoredLists {
  entries(stream: string, range: EntryRange): Promise<readonly StoredEntry[]>;
  bounds(stream: string): Promise<StreamBounds>;
  /** Up to `limit` entries after an id, waiting for the first one up to `waitMs`. One wait at a time. */
  nextEntries(stream: string, after: string, limit: number, waitMs: number): Promise<readonly StoredEntry[]>;
  /** Removes an entry. @returns whether it was there */
  dropEntry(stream: string, id: string): Promise<boolean>;
  /** Replaces an entry by a new one at the end of the stream, in one step. @returns whether it was there; otherwise nothing is added */
  replaceEntry(stream: string, id: string, fields: Readonly<Record<string, string>>): Promise<boolean>;
  /** Removes the entries with a lower id. @returns how many they were */
  trimBefore(stream: string, id: string): Promise<number>;
  /**
   * About `limit` fields of a record, in no order; one that changes meanwhile may be missing or come twice.
   * @param from `next` of the page before; omitted: the first page
   */
  fieldPage(key: string, limit: number, from?: string): Promise<FieldPage>;
  /** Members of a sorted set by score, then by text, after one of them. */
  membersAfter(key: string, after: Member | undefined, limit: number): Promise<readonly Member[]>;
}

/** The order of members of a sorted set: by score, then by the bytes of their UTF-8. */
export function byScore(one: Member, other: Member): number {
  return one.score - other.score || byBytes(one.member, other.member);
}

export function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
