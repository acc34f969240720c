/**
 * A list that is read page by page, with a filter of the page beside those of the API. Pages are read until there are enough rows that are
 * wanted, and a bound says after how many requests without them the user decides.
 */
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ApiProblem } from '../api/client.ts';
import { patiently, problemFrom } from '../api/patience.ts';

export interface PageOf<T> {
  readonly items: readonly T[];
  /** Cursor of the next page; undefined at the end. */
  readonly next?: string;
}

export type ReadPage<T> = (
  page: { readonly limit: number; readonly after?: string },
  signal: AbortSignal,
) => Promise<PageOf<T>>;

export interface PagesOptions<T> {
  readonly readPage: ReadPage<T>;
  /** A page may repeat what an earlier one, or an event, has brought. */
  readonly keyOf: (item: T) => string;
  /** What `readPage` depends on: it is read from the beginning after a change. */
  readonly keys: readonly unknown[];
  /** Filter of the page; omitted: all. */
  readonly isWanted?: (item: T) => boolean;
  /** What `isWanted` depends on. */
  readonly filterKeys?: readonly unknown[];
}

export interface PagedList<T> {
  /** Those that are wanted. */
  readonly rows: readonly T[];
  /** How many were read. */
  readonly examined: number;
  /** `more`: there are further pages; `failed`: the API refused it. */
  readonly state: 'reading' | 'more' | 'complete' | 'failed';
  /** Why the last request failed; while `reading`, it is repeated. */
  readonly problem: ApiProblem | undefined;
  readonly more: () => void;
  /** From the beginning; the rows stay until the first page is there. */
  readonly reload: () => void;
  /** Changes what was read, such as after an event; a page that is being read then is changed, too. */
  readonly change: (change: Change<T>) => void;
}

type Change<T> = (items: readonly T[]) => readonly T[];

interface Held<T> extends Pick<PagedList<T>, 'state' | 'problem'> {
  readonly items: readonly T[];
}

const LIMIT = 500;
/** Rows that are wanted at first, and further ones of each `more`. */
const ROWS = 200;
/** Requests until the user decides. */
const REQUESTS = 10;

export function usePages<T>({
  readPage,
  keyOf,
  keys,
  isWanted,
  filterKeys = [],
}: PagesOptions<T>): PagedList<T> {
  const held = useSignal<Held<T>>({ items: [], state: 'reading', problem: undefined });
  const round = useSignal(0);
  const wish = useSignal({ rows: ROWS, requests: REQUESTS });
  const next = useRef<() => Promise<void>>(async () => undefined);
  const changes = useRef<Change<T>[]>([]);
  const { items, state, problem } = held.value;
  const rows = useMemo(
    () => (isWanted === undefined ? items : items.filter(isWanted)),
    [items, ...filterKeys],
  );
  useEffect(() => {
    held.value = { items: [], state: 'reading', problem: undefined };
  }, keys);
  useEffect(() => {
    wish.value = { rows: ROWS, requests: REQUESTS };
  }, [...keys, ...filterKeys]);
  useEffect(() => {
    const over = new AbortController();
    next.current = readerOf({ readPage, keyOf, held, changes: changes.current, over: over.signal });
    void next.current();
    return () => over.abort();
  }, [...keys, round.value]);
  const isWaiting = state === 'more' && rows.length < wish.value.rows && wish.value.requests > 0;
  useEffect(() => {
    if (!isWaiting) return;
    wish.value = { ...wish.peek(), requests: wish.peek().requests - 1 };
    void next.current();
  }, [isWaiting, items]);
  return {
    rows,
    examined: items.length,
    state: isWaiting ? 'reading' : state,
    problem,
    more: () => void (wish.value = { rows: rows.length + ROWS, requests: REQUESTS }),
    reload: () => {
      held.value = { ...held.peek(), state: 'reading', problem: undefined };
      round.value++;
    },
    change: (change) => {
      if (held.peek().state === 'reading') changes.current.push(change);
      held.value = { ...held.peek(), items: change(held.peek().items) };
    },
  };
}

interface Reader<T> extends Pick<PagesOptions<T>, 'readPage' | 'keyOf'> {
  readonly held: Signal<Held<T>>;
  /** Those since the reading began. */
  readonly changes: Change<T>[];
  readonly over: AbortSignal;
}

/** @returns reads one more page */
function readerOf<T>({ readPage, keyOf, held, changes, over }: Reader<T>): () => Promise<void> {
  let after: string | undefined;
  let isFirst = true;
  return async () => {
    changes.length = 0;
    held.value = { ...held.peek(), state: 'reading' };
    try {
      const page = { limit: LIMIT, ...(after !== undefined && { after }) };
      const found = await patiently(
        (signal) => readPage(page, signal),
        over,
        (problem) => void (held.value = { ...held.peek(), problem }),
      );
      if (over.aborted) return;
      const known = isFirst ? [] : held.peek().items;
      const items = new Map([...known, ...found.items].map((item) => [keyOf(item), item]));
      isFirst = false;
      after = found.next;
      held.value = {
        items: changes.reduce<readonly T[]>((changed, change) => change(changed), [...items.values()]),
        state: after === undefined ? 'complete' : 'more',
        problem: undefined,
      };
    } catch (error) {
      if (!over.aborted) held.value = { ...held.peek(), state: 'failed', problem: problemFrom(error) };
    }
  };
}
