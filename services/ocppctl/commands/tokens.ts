/** Commands for the list of tokens: who may charge. */
import { readFileSync } from 'node:fs';
import type { ErasedHistory, Token } from '../../client/cluster-client.ts';
import { TOKEN_STATUSES } from '../../csms/tokens.ts';
import { pathOf } from '../api-client.ts';
import type { Command, Run } from '../command.ts';
import { failure } from '../exit.ts';
import { LIMIT } from '../options.ts';
import { writeJson, writeList, writeObject } from '../output.ts';
import { type Column, table } from '../table.ts';

const group = 'Who may charge';
const TOKEN = { name: 'TOKEN' };
/** Of a limit. */
const LARGEST = 2 ** 31 - 1;
/** An import of many lines takes its time; ms. */
const IMPORT_PATIENCE = 120_000;

const columns: readonly Column<Token>[] = [
  { head: 'TOKEN', of: ({ token }) => token },
  { head: 'STATUS', of: ({ status }) => status },
  { head: 'EXPIRY', of: ({ expiry }) => expiry },
  { head: 'PARENT', of: ({ parent }) => parent },
  { head: 'TYPE', of: ({ type }) => type },
  { head: 'PROBLEM', of: ({ problem }) => problem },
];

interface Import {
  readonly imported: number;
  readonly refused: readonly { readonly line: number; readonly problem: string }[];
}

const refusedColumns: readonly Column<Import['refused'][number]>[] = [
  { head: 'LINE', right: true, of: ({ line }) => String(line) },
  { head: 'PROBLEM', of: ({ problem }) => problem },
];

async function eraseHistory(run: Run): Promise<void> {
  const [token = ''] = run.args;
  const path = pathOf('tokens', token, 'history');
  const total = { bills: 0, marks: 0, events: 0 };
  let after: string | undefined;
  do {
    const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
    const part: ErasedHistory = await run.api.send('DELETE', `${path}${query}`);
    total.bills += part.bills;
    total.marks += part.marks;
    total.events += part.events;
    after = part.next;
  } while (after !== undefined);
  const { bills, marks, events } = total;
  if (run.isJson) writeJson(run, total);
  else run.terminal.write(`erased from ${bills} bills, ${marks} marks and ${events} events`);
}

async function importTokens(run: Run): Promise<void> {
  const [file = ''] = run.args;
  const how = { type: 'text/csv', patienceMs: IMPORT_PATIENCE };
  const text = file === '-' ? await run.terminal.input() : readFile(file);
  const result = await run.api.send<Import>('POST', '/v1/tokens/import', text, how);
  const { imported, refused } = result;
  if (run.isJson) writeJson(run, result);
  else run.terminal.write(`${imported} tokens are stored`);
  if (refused.length === 0) return;
  if (!run.isJson) table(refusedColumns, refused).forEach((line) => run.terminal.write(line));
  throw failure(`${refused.length} lines were refused: correct them and import the file again`);
}

/** @throws ExitError */
export function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw failure(`the file cannot be read: ${(error as Error).message}`);
  }
}

export const TOKENS: readonly Command[] = [
  {
    name: 'tokens list',
    group,
    args: [],
    options: [LIMIT],
    summary: 'List the tokens (RFID cards, accounts)',
    scope: 'read',
    run: (run) => writeList(run, { path: '/v1/tokens', columns, none: 'no tokens' }),
  },
  {
    name: 'tokens get',
    group,
    args: [TOKEN],
    options: [],
    summary: 'Show one token; case is ignored',
    scope: 'read',
    run: async (run) => writeObject(run, await run.api.get<Token>(pathOf('tokens', ...run.args))),
  },
  {
    name: 'tokens set',
    group,
    args: [TOKEN],
    options: [
      { name: 'status', value: 'S', oneOf: TOKEN_STATUSES, doc: 'default: Accepted' },
      { name: 'expiry', value: 'TIME', doc: 'when an accepted one expires, such as 2027-01-01T00:00:00Z' },
      { name: 'parent', value: 'P', doc: 'parent in 1.6, group in 2.x' },
      { name: 'token-type', value: 'T', doc: 'type of the token (2.x), such as ISO14443' },
      {
        name: 'max-energy',
        value: 'WH',
        whole: [1, LARGEST],
        doc: 'most energy of a transaction, Wh; only stations of 2.1 get it',
      },
      {
        name: 'max-duration',
        value: 'S',
        whole: [1, LARGEST],
        doc: 'longest transaction, s; only stations of 2.1 get it',
      },
    ],
    summary: 'Store a token, in place of what is stored of it',
    scope: 'admin',
    async run(run) {
      const [expiry, parent, type] = ['expiry', 'parent', 'token-type'].map(run.options.text);
      const [energy, duration] = ['max-energy', 'max-duration'].map(run.options.text);
      const body = {
        status: run.options.text('status') ?? 'Accepted',
        ...(expiry !== undefined && { expiry }),
        ...(parent !== undefined && { parent }),
        ...(type !== undefined && { type }),
        ...(energy !== undefined && { maxEnergyWh: Number(energy) }),
        ...(duration !== undefined && { maxDurationSeconds: Number(duration) }),
      };
      writeObject(run, await run.api.send<Token>('PUT', pathOf('tokens', ...run.args), body));
    },
  },
  {
    name: 'tokens remove',
    group,
    args: [TOKEN],
    options: [],
    summary: 'Remove a token',
    scope: 'admin',
    async run(run) {
      await run.api.send('DELETE', pathOf('tokens', ...run.args));
      if (!run.isJson) run.terminal.write('removed');
    },
  },
  {
    name: 'tokens erase-history',
    group,
    args: [TOKEN],
    options: [],
    summary: 'Erase a token from bills, closed transactions and events',
    details: [
      'Bills stay, with the token ERASED. The entry of the token stays too: ocppctl tokens remove.',
      'docs/decisions/0021-erasing-a-tag.md says what this covers, and what it does not.',
    ],
    scope: 'admin',
    run: eraseHistory,
  },
  {
    name: 'tokens import',
    group,
    args: [{ name: 'FILE' }],
    options: [],
    summary: 'Store the tokens of a CSV file, or of standard input for -',
    details: [
      'The header line names the columns: token,status,expiry,parent,type,concurrent,maxEnergyWh,maxDurationSeconds. Only the first two are required.',
    ],
    scope: 'admin',
    run: importTokens,
  },
];
