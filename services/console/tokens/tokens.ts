/** Tokens: what is read, what a form makes of one, and the columns of their CSV. */
import { ApiProblem, api, read, type Schemas } from '../api/client.ts';
import type { CsvColumn } from '../parts/csv.ts';
import type { ReadPage } from '../parts/paged-list.ts';
import { TEXTS } from '../texts.ts';

export type Token = Schemas['Token'];
type TokenRequest = Schemas['TokenRequest'];

const WORDS = TEXTS.tokens;

/** Of every status that the API knows: the compiler misses one that is not here. */
const EVERY_STATUS = {
  Accepted: true,
  Blocked: true,
  ConcurrentTx: true,
  Expired: true,
  Invalid: true,
  NoCredit: true,
  NotAllowedTypeEVSE: true,
  NotAtThisLocation: true,
  NotAtThisTime: true,
  Unknown: true,
} satisfies Record<Token['status'], true>;
export const STATUSES = Object.keys(EVERY_STATUS) as readonly Token['status'][];

export const pagesOfTokens: ReadPage<Token> = (query, over) =>
  read(api.GET('/v1/tokens', { params: { query }, signal: over }));

/** @returns undefined for a token that is not listed */
export async function findToken(token: string, over?: AbortSignal): Promise<Token | undefined> {
  try {
    const signal = over === undefined ? {} : { signal: over };
    return await read(api.GET('/v1/tokens/{token}', { params: { path: { token } }, ...signal }));
  } catch (error) {
    if (error instanceof ApiProblem && error.code === 'no-such-token') return undefined;
    throw error;
  }
}

/** Of a form: everything as it is typed. */
export interface TokenInput {
  readonly token: string;
  readonly status: string;
  readonly expiry: string;
  readonly parent: string;
  readonly type: string;
  readonly concurrent: string;
  readonly maxEnergyWh: string;
  readonly maxDurationSeconds: string;
}

export const NEW_TOKEN: TokenInput = {
  token: '',
  status: 'Accepted',
  expiry: '',
  parent: '',
  type: '',
  concurrent: '',
  maxEnergyWh: '',
  maxDurationSeconds: '',
};

export const inputOf = (token: Token): TokenInput => ({
  token: token.token,
  status: token.status,
  expiry: token.expiry ?? '',
  parent: token.parent ?? '',
  type: token.type ?? '',
  concurrent: token.concurrent ?? '',
  maxEnergyWh: token.maxEnergyWh === undefined ? '' : String(token.maxEnergyWh),
  maxDurationSeconds: token.maxDurationSeconds === undefined ? '' : String(token.maxDurationSeconds),
});

export type JudgedToken =
  | { readonly token: string; readonly body: TokenRequest }
  | { readonly field: keyof TokenInput; readonly problem: string };

export function judgedToken(input: TokenInput): JudgedToken {
  const token = input.token.trim();
  if (token === '') return { field: 'token', problem: WORDS.problems.token };
  const [expiry, parent, type] = [input.expiry.trim(), input.parent.trim(), input.type.trim()];
  if (expiry !== '' && Number.isNaN(Date.parse(expiry)))
    return { field: 'expiry', problem: WORDS.problems.expiry };
  const [energy, duration] = [input.maxEnergyWh.trim(), input.maxDurationSeconds.trim()];
  if (energy !== '' && !(Number(energy) > 0)) return { field: 'maxEnergyWh', problem: WORDS.problems.energy };
  if (duration !== '' && !/^[1-9]\d{0,8}$/.test(duration))
    return { field: 'maxDurationSeconds', problem: WORDS.problems.duration };
  const status = STATUSES.find((one) => one === input.status) ?? 'Invalid';
  const concurrent = (['Accept', 'Reject'] as const).find((one) => one === input.concurrent);
  const body: TokenRequest = {
    status,
    ...(expiry !== '' && { expiry }),
    ...(parent !== '' && { parent }),
    ...(type !== '' && { type }),
    ...(concurrent !== undefined && { concurrent }),
    ...(energy !== '' && { maxEnergyWh: Number(energy) }),
    ...(duration !== '' && { maxDurationSeconds: Number(duration) }),
  };
  return { token, body };
}

/** Whether an entry is as it was read before. */
export const isSame = (a: Token | undefined, b: Token | undefined): boolean =>
  JSON.stringify(a === undefined ? a : inputOf(a)) === JSON.stringify(b === undefined ? b : inputOf(b));

/** As much of a token as a title needs. */
export const endOf = (token: string): string => (token.length <= 4 ? token : `…${token.slice(-4)}`);

/** Columns of the CSV: those of the import. */
export const CSV: readonly CsvColumn<Token>[] = (
  ['token', 'status', 'expiry', 'parent', 'type', 'concurrent', 'maxEnergyWh', 'maxDurationSeconds'] as const
).map((name) => ({ name, of: (one) => one[name] }));
