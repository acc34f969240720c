/** Moves one stream, batch by batch, until PostgreSQL is lost. While Redis is away it waits. */
import { sleep } from '../runtime/clock.ts';
import { TransportError } from '../transport/errors.ts';
import type { StoredEntry } from '../transport/stored-lists.ts';
import { Backoff } from './backoff.ts';
import type { Ledger, Moved } from './ledger.ts';
import { type Finding, readNext, type Source, trimMoved } from './stream-reader.ts';
import type { Table } from './tables.ts';

export interface MoverObserver {
  /** Whether Redis answers; an error says why not. */
  redis(stream: string, problem: Error | undefined): void;
  moved(stream: string, moved: Moved): void;
  found(stream: string, finding: Finding, facts: object): void;
  trimmed(stream: string, count: number): void;
  /** Everything in the stream is in PostgreSQL. */
  caughtUp(stream: string): void;
}

export interface MoverOptions {
  readonly source: Source;
  readonly ledger: Ledger;
  readonly table: Table;
  /** Entries that stay in Redis. */
  readonly keep: number;
  readonly observer: MoverObserver;
  readonly signal: AbortSignal;
}

/** Pause after the end of a stream; ms. */
const IDLE_MS = 500;
const FIRST_BATCH = 50;
export const LARGEST_BATCH = 500;
/** About so much is held of one stream; characters. */
const BATCH_SIZE = 4_000_000;

/** Resolves when the signal aborts. Rejects as PostgreSQL does. */
export async function moveStream(options: MoverOptions): Promise<void> {
  const { source, ledger, table, keep, observer, signal } = options;
  const { stream } = table;
  const backoff = new Backoff();
  let limit = FIRST_BATCH;
  /** Entries since the stream was last trimmed. */
  let untrimmed = Number.POSITIVE_INFINITY;
  let cursor: { readonly dataId: string; readonly id: string } | undefined;
  const cursorOf = async (dataId: string) =>
    cursor?.dataId === dataId ? cursor.id : ledger.cursor(table, dataId);

  while (!signal.aborted) {
    const next = await fromRedis(() => readNext(source, stream, cursorOf, limit));
    if (next === 'away') continue;
    const [first, ...others] = next?.entries ?? [];
    if (next === undefined || first === undefined) {
      if (next !== undefined) observer.caughtUp(stream);
      await sleep(IDLE_MS, signal);
      continue;
    }
    const { dataId, finding } = next;
    const entries = [first, ...others] as const;
    if (finding !== undefined)
      observer.found(stream, finding, { cursor: next.cursor, first: first.id, dataId });
    observer.moved(stream, await ledger.move({ table, dataId, cursor: next.cursor, entries }));
    cursor = { dataId, id: entries.at(-1)?.id ?? first.id };
    untrimmed += entries.length;
    if (untrimmed > keep / 10) {
      const at = { dataId, cursor: cursor.id };
      const trimmed = await fromRedis(() => trimMoved(source, stream, at, keep));
      if (trimmed !== 'away') untrimmed = 0;
      if (trimmed !== 'away' && trimmed > 0) observer.trimmed(stream, trimmed);
    }
    const isFull = entries.length >= limit;
    limit = nextLimit(entries);
    if (!isFull) await sleep(IDLE_MS, signal);
  }

  /** Waits after a failure. The cursor is read by `readNext` too: its errors are not those of Redis. */
  async function fromRedis<T>(read: () => Promise<T>): Promise<T | 'away'> {
    try {
      const value = await read();
      observer.redis(stream, undefined);
      backoff.reset();
      return value;
    } catch (error) {
      if (!isOfRedis(error)) throw error;
      observer.redis(stream, error);
      await sleep(backoff.next(), signal);
      return 'away';
    }
  }
}

/** Errors of PostgreSQL are of other kinds. */
function isOfRedis(error: unknown): error is TransportError {
  return error instanceof TransportError;
}

/** As many as fit into memory, judged by those that came last. */
function nextLimit(entries: readonly StoredEntry[]): number {
  const size = entries.reduce((sum, { fields }) => sum + JSON.stringify(fields).length, 0) / entries.length;
  return Math.max(1, Math.min(LARGEST_BATCH, Math.floor(BATCH_SIZE / size)));
}
