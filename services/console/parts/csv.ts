/**
 * CSV as RFC 4180 has it: CRLF, and quotes where they are needed. A spreadsheet takes a text such as `=1+1` or `@SUM(A1)` for a formula, also one
 * that a station sent. Such a text gets an apostrophe before it, which the import of tokens removes again. Exact decimals are numbers
 * and stay as they are.
 */

export type Cell = string | number | undefined;

export interface CsvColumn<Row> {
  readonly name: string;
  readonly of: (row: Row) => Cell;
}

/** A text that a spreadsheet could take for a formula: also after spaces, and with the wide forms of the characters. */
const FORMULA = /^'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/;
const PROTECTED = /^'+(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;

/** The text of a cell before it is quoted. */
export function harmless(cell: Cell): string {
  const text = cell === undefined ? '' : String(cell);
  return FORMULA.test(text) && !DECIMAL.test(text) ? `'${text}` : text;
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** One line with its end. */
export const csvLine = (cells: readonly Cell[]): string =>
  `${cells.map((cell) => quoted(harmless(cell))).join(',')}\r\n`;

export const csvHeader = <Row>(columns: readonly CsvColumn<Row>[]): string =>
  csvLine(columns.map(({ name }) => name));

export const csvRow = <Row>(columns: readonly CsvColumn<Row>[], row: Row): string =>
  csvLine(columns.map(({ of }) => of(row)));

/** A cell and what follows it, as the import of the API reads it. */
const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;

/** Removes the apostrophes of `harmless` from all cells. Lines stay where they are; a text that is no CSV is returned as it is. */
export function withoutApostrophes(csv: string): string {
  const cell = new RegExp(CELL);
  const parts: string[] = [];
  while (cell.lastIndex < csv.length) {
    const found = cell.exec(csv);
    if (found === null) return csv;
    const [, inner, plain = '', separator = ''] = found;
    const text = inner?.replaceAll('""', '"') ?? plain;
    const restored = PROTECTED.test(text) ? text.slice(1) : text;
    parts.push(inner === undefined ? restored : `"${restored.replaceAll('"', '""')}"`, separator);
  }
  return parts.join('');
}
