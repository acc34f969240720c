/** How commands write what they found: the items of the API as JSON, or tables. */
import type { Run } from './command.ts';
import { DEFAULT_LIMIT } from './options.ts';
import type { Query } from './api-client.ts';
import { type Column, details, printable, safeJson, table } from './table.ts';

export function writeJson({ terminal }: Pick<Run, 'terminal'>, value: unknown): void {
  terminal.write(safeJson(value, 1));
}

/** @param none what is written to standard error where there are none, such as `no stations` */
export function writeRows<T>(
  { terminal, isJson }: Pick<Run, 'terminal' | 'isJson'>,
  rows: readonly T[],
  columns: readonly Column<T>[],
  none: string,
): void {
  if (isJson) return writeJson({ terminal }, rows);
  if (rows.length === 0) return terminal.note(none);
  for (const line of table(columns, rows)) terminal.write(line);
}

export function writeObject({ terminal, isJson }: Pick<Run, 'terminal' | 'isJson'>, value: object): void {
  if (isJson) return writeJson({ terminal }, value);
  for (const line of details(value)) terminal.write(line);
}

interface Listed<T> {
  readonly path: string;
  readonly query?: Query;
  readonly columns: readonly Column<T>[];
  readonly none: string;
}

/** Reads a list up to --limit and writes it; standard error says if there are more. */
export async function writeList<T>(run: Run, { path, query = {}, columns, none }: Listed<T>): Promise<void> {
  const limit = run.options.number('limit') ?? DEFAULT_LIMIT;
  const { items, hasMore } = await run.api.list<T>(path, query, limit);
  writeRows(run, items, columns, none);
  if (hasMore)
    run.terminal.note(`there are more than ${limit}: raise --limit, or choose fewer with a filter`);
}

/** The document of an event of a stream; one that is none is noted. @param what such as `an event` */
export function parsedOr({ note }: Pick<Run['terminal'], 'note'>, what: string, data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch {
    note(`${what} that is not JSON: ${printable(data.slice(0, 200))}`);
    return undefined;
  }
}

/** Local time of day. @param at ISO 8601 */
export const timeOf = (at: string): string => new Date(at).toTimeString().slice(0, 'HH:MM:SS'.length);
