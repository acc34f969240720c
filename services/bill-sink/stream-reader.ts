/**
 * The next entries of a stream. The entry at the cursor stays in Redis, and each read begins with it: as long as it is there, what
 * follows is all that is new. If it is missing, Redis has lost data, or entries were trimmed before they were moved.
 */
import { idBefore, isLater, type StoredEntry } from '../transport/stored-lists.ts';
import type { OpenLists } from '../transport/redis/state/open-lists.ts';

export type Source = Pick<OpenLists, 'lists' | 'marker'>;

/** `gap`: entries were trimmed before they were moved. `rewound`: the newest entries were lost, and all are read again. */
export type Finding = 'begun-late' | 'gap' | 'rewound';

export interface Next {
  /** Of the data in Redis. */
  readonly dataId: string;
  readonly cursor: string | undefined;
  readonly entries: readonly StoredEntry[];
  readonly finding?: Finding;
}

/**
 * Undefined while there is nothing to read: no process of the cluster has used Redis, or its data were replaced during the read.
 * Rejects with `store-unavailable`.
 * @param cursorOf the cursor for these data
 */
export async function readNext(
  source: Source,
  stream: string,
  cursorOf: (dataId: string) => Promise<string | undefined>,
  limit: number,
): Promise<Next | undefined> {
  const before = await source.marker();
  if (before === undefined) return undefined;
  const dataId = before.id;
  const cursor = await cursorOf(dataId);
  const next = await readAfter(source, stream, cursor, limit);
  const after = await source.marker();
  return after?.id === dataId ? { dataId, cursor, ...next } : undefined;
}

async function readAfter(
  { lists }: Source,
  stream: string,
  cursor: string | undefined,
  limit: number,
): Promise<Pick<Next, 'entries' | 'finding'>> {
  if (cursor === undefined) {
    const [entries, { isTrimmed }] = await Promise.all([
      lists.entries(stream, { limit }),
      lists.bounds(stream),
    ]);
    return isTrimmed ? { entries, finding: 'begun-late' } : { entries };
  }
  const found = await lists.entries(stream, { after: idBefore(cursor), limit: limit + 1 });
  if (found[0]?.id === cursor) return { entries: found.slice(1) };
  const { first } = await lists.bounds(stream);
  if (first === undefined) return { entries: [] };
  if (isLater(first, cursor)) return { entries: await lists.entries(stream, { limit }), finding: 'gap' };
  return { entries: await lists.entries(stream, { limit }), finding: 'rewound' };
}

/** Entries in one step. */
const STEP = 500;

/**
 * Removes moved entries and keeps about the newest `keep`, up to a tenth more; never one after the cursor, and never that at the cursor.
 * @returns how many were removed
 */
export async function trimMoved(
  { lists, marker }: Source,
  stream: string,
  at: { readonly dataId: string; readonly cursor: string },
  keep: number,
): Promise<number> {
  const { length } = await lists.bounds(stream);
  if (length <= keep * 1.1) return 0;
  let removed = 0;
  while (length - removed > keep) {
    const oldest = await lists.entries(stream, { limit: Math.min(STEP, length - removed - keep + 1) });
    const last = oldest.at(-1)?.id;
    // Other data have other entries under the same ids.
    if (last === undefined || (await marker())?.id !== at.dataId) break;
    const trimmed = await lists.trimBefore(stream, isLater(last, at.cursor) ? at.cursor : last);
    removed += trimmed;
    if (trimmed === 0 || isLater(last, at.cursor)) break;
  }
  return removed;
}
