/** Tokens from a CSV (RFC 4180) with a header line. A line with a fault is reported and left out; the others are stored. */
import type { Token, Tokens } from '../client/cluster-client.ts';
import { CONCURRENT_TRANSACTIONS, TOKEN_STATUSES } from '../csms/tokens.ts';
import { badRequest, Problem, problemOf } from './problems.ts';

export interface RefusedLine {
  readonly line: number;
  readonly problem: string;
}

export interface TokenImport {
  readonly imported: number;
  /** The first 1000. */
  readonly refused: readonly RefusedLine[];
}

const COLUMNS = [
  'token',
  'status',
  'expiry',
  'parent',
  'type',
  'concurrent',
  'maxEnergyWh',
  'maxDurationSeconds',
] as const;
type Column = (typeof COLUMNS)[number];

/** Tokens that are stored at once. */
const AT_ONCE = 50;
const MOST_REFUSED = 1000;
const MAX_TOKEN = 255;

/** @param over stops it between two lines; rejects with `bad-request` for a header line that is none */
export async function importTokens(
  tokens: Pick<Tokens, 'set'>,
  csv: string,
  over: AbortSignal,
): Promise<TokenImport> {
  const [header, ...records] = recordsOf(csv);
  const columns = columnsOf(header?.cells ?? []);
  const refused: RefusedLine[] = [];
  let imported = 0;
  const store = async ({ line, cells }: CsvRecord) => {
    try {
      const token = tokenOf(columns, cells);
      if (typeof token === 'string') throw new Problem('bad-entry', token);
      await tokens.set(token);
      imported++;
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code !== 'bad-entry') throw error;
      refused.push({ line, problem: problem.message });
    }
  };
  for (let begin = 0; begin < records.length && !over.aborted; begin += AT_ONCE)
    await Promise.all(records.slice(begin, begin + AT_ONCE).map(store));
  return { imported, refused: refused.sort((a, b) => a.line - b.line).slice(0, MOST_REFUSED) };
}

function columnsOf(cells: readonly string[]): readonly Column[] {
  const names = cells.map((cell) => cell.trim().toLowerCase());
  const columns = names.flatMap((name) => COLUMNS.find((one) => one.toLowerCase() === name) ?? []);
  const isComplete = columns.includes('token') && columns.includes('status');
  if (isComplete && columns.length === names.length && new Set(names).size === names.length) return columns;
  const message = `must begin with a header line that names token and status, and of ${COLUMNS.slice(2).join(', ')} what it has`;
  throw badRequest([{ path: '', message }]);
}

/** @returns a text for a line that cannot be used */
function tokenOf(columns: readonly Column[], cells: readonly string[]): Token | string {
  if (cells.length !== columns.length)
    return `has ${cells.length} values, and the header line ${columns.length}`;
  const values = Object.fromEntries(columns.map((name, i) => [name, cells[i]?.trim() ?? ''])) as Partial<
    Record<Column, string>
  >;
  const { token = '', status: given = '', expiry = '', parent = '', type = '', concurrent = '' } = values;
  if (token === '' || token.length > MAX_TOKEN) return `token must have 1 to ${MAX_TOKEN} characters`;
  const [energy, duration] = [values.maxEnergyWh, values.maxDurationSeconds].map(numberOf);
  if (Number.isNaN(energy) || Number.isNaN(duration))
    return 'maxEnergyWh and maxDurationSeconds must be numbers, or empty';
  const status = TOKEN_STATUSES.find((known) => known === given);
  if (status === undefined) return `status must be one of ${TOKEN_STATUSES.join(', ')}`;
  const rule = CONCURRENT_TRANSACTIONS.find((known) => known === concurrent);
  if (concurrent !== '' && rule === undefined)
    return `concurrent must be one of ${CONCURRENT_TRANSACTIONS.join(', ')}, or empty`;
  return {
    token,
    status,
    ...(expiry !== '' && { expiry }),
    ...(parent !== '' && { parent }),
    ...(type !== '' && { type }),
    ...(rule !== undefined && { concurrent: rule }),
    ...(energy !== undefined && { maxEnergyWh: energy }),
    ...(duration !== undefined && { maxDurationSeconds: duration }),
  };
}

/** @returns undefined for an empty cell, NaN for a text that is no number */
const numberOf = (text = '') => (text === '' ? undefined : Number(text));

interface CsvRecord {
  /** Of its beginning; the header line is 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Cells may be quoted, and a quoted one may hold commas, line breaks and doubled quotes. Empty lines are left out. */
function recordsOf(csv: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  let cells: string[] = [];
  let line = 1;
  let begin = 1;
  // Spreadsheets put a byte order mark first.
  cell.lastIndex = csv.startsWith('\uFEFF') ? 1 : 0;
  while (cell.lastIndex < csv.length || cells.length > 0) {
    const at = cell.lastIndex;
    const found = cell.exec(csv);
    if (found === null)
      throw badRequest([
        { path: '', message: `is no CSV at line ${line}: a quote is not closed, or text follows one` },
      ]);
    const [all, quoted, plain = '', separator] = found;
    cells.push(quoted?.replaceAll('""', '"') ?? plain);
    line += all.match(/\r\n|\n|\r/g)?.length ?? 0;
    if (separator === ',') continue;
    if (cells.length > 1 || cells[0] !== '') records.push({ line: begin, cells });
    cells = [];
    begin = line;
    if (cell.lastIndex === at) break;
  }
  return records;
}
