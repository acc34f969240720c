/**
 * Tables and single lines for a terminal. Texts of stations may hold control characters, which could move the cursor or change
 * colours: they are shown as JSON escapes. Pure.
 */

export interface Column<T> {
  readonly head: string;
  readonly of: (row: T) => string | undefined;
  /** Right-aligned, for numbers. */
  readonly right?: boolean;
}

/** Longest text of a cell that is not in the last column. */
const WIDEST = 60;
const NONE = '-';

/** Control characters, and marks that change the direction or the line of what follows. */
const UNSAFE = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF\p{Cs}]/gu;
const escaped = (character: string) =>
  JSON.stringify(character).length > 3
    ? JSON.stringify(character).slice(1, -1)
    : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

export const printable = (text: string): string => text.replaceAll(UNSAFE, escaped);

/** The same value as JSON that is safe to show. */
export const safeJson = (value: unknown, space?: number): string =>
  JSON.stringify(value, undefined, space)
    .split('\n')
    .map((line) => line.replaceAll(UNSAFE, escaped))
    .join('\n');

/** A line of heads and one for each row. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const last = columns.length - 1;
  const cellsOf = (row: T) =>
    columns.map(({ of }, index) => {
      const text = printable(of(row) ?? '');
      if (text === '') return NONE;
      return index < last ? cut(text, WIDEST) : text;
    });
  const lines = [columns.map(({ head }) => head), ...rows.map(cellsOf)];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines.map((line) =>
    line
      .map((text, index) => {
        const width = widths[index] ?? 0;
        if (columns[index]?.right === true) return text.padStart(width);
        return index < last ? text.padEnd(width) : text;
      })
      .join('  '),
  );
}

export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** The fields of an object, one a line; objects in it as JSON. */
export function details(value: object): string[] {
  const fields = Object.entries(value).filter(([, one]) => one !== undefined);
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, one]) => `${printable(name).padEnd(width)}  ${shown(one)}`);
}

const shown = (value: unknown) => (typeof value === 'string' ? printable(value) : safeJson(value));

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
] as const;

/** The time since then, in its largest unit: `3m`. A text that is no time is shown as it is. */
export function age(then: string | undefined, now: number): string | undefined {
  if (then === undefined) return undefined;
  const at = Date.parse(then);
  return Number.isNaN(at) ? then : span((now - at) / 1000);
}

/** A number of seconds; clocks that differ make no negative one. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [size, unit] = UNITS.find(([least]) => whole >= least) ?? [1, 's'];
  return `${Math.floor(whole / size)}${unit}`;
}

/** Wh, an exact decimal, as kWh. */
export function energy(wh: string | undefined): string | undefined {
  return wh === undefined || !Number.isFinite(Number(wh)) ? wh : `${(Number(wh) / 1000).toFixed(3)} kWh`;
}
