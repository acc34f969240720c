/** What a correction of a bill will do, from what was typed. The API decides; this only shows it before. */
import type { components } from '../api/openapi.generated.ts';
import { TEXTS } from '../texts.ts';
import { isFarFrom, readDecimal, subtract, writeDecimal } from './decimal.ts';

type Schemas = components['schemas'];
type Transaction = Schemas['Transaction'];

const WORDS = TEXTS.transactions.correction;

export interface CorrectionInput {
  readonly by: 'energy' | 'registers';
  readonly energy: string;
  readonly meterStart: string;
  readonly meterStop: string;
  readonly because: string;
}

export const NO_INPUT: CorrectionInput = {
  by: 'energy',
  energy: '',
  meterStart: '',
  meterStop: '',
  because: '',
};

export type Judged =
  | { readonly body: Schemas['BillCorrection']; readonly energy: string }
  | { readonly field: keyof CorrectionInput; readonly problem: string };

type Bill = Pick<Transaction, 'billId' | 'meterStart' | 'meterStop'>;

export function judged(input: CorrectionInput, bill: Bill): Judged {
  const found = input.by === 'energy' ? ofEnergy(input) : ofRegisters(input, bill);
  if ('problem' in found) return found;
  const because = input.because.trim();
  if (because === '') return { field: 'because', problem: WORDS.problems.because };
  const { energy, ...given } = found;
  const direct = input.by === 'energy' ? { energy } : given;
  return { body: { billId: bill.billId ?? '', ...direct, because }, energy };
}

type Found =
  | { readonly energy: string; readonly meterStart?: string; readonly meterStop?: string }
  | { readonly field: keyof CorrectionInput; readonly problem: string };

function ofEnergy({ energy }: CorrectionInput): Found {
  const value = readDecimal(energy);
  if (value === undefined || value.digits < 0n) return { field: 'energy', problem: WORDS.problems.decimal };
  return { energy: writeDecimal(value) };
}

function ofRegisters({ meterStart, meterStop }: CorrectionInput, bill: Bill): Found {
  if (meterStart.trim() === '' && meterStop.trim() === '')
    return { field: 'meterStop', problem: WORDS.problems.none };
  const given: { meterStart?: string; meterStop?: string } = {};
  for (const [field, text] of Object.entries({ meterStart, meterStop }) as [
    'meterStart' | 'meterStop',
    string,
  ][]) {
    if (text.trim() === '') continue;
    const value = readDecimal(text);
    if (value === undefined || value.digits < 0n) return { field, problem: WORDS.problems.decimal };
    given[field] = writeDecimal(value);
  }
  const start = readDecimal(given.meterStart ?? bill.meterStart);
  const stop = readDecimal(given.meterStop ?? bill.meterStop);
  if (start === undefined) return { field: 'meterStart', problem: WORDS.problems.other };
  if (stop === undefined) return { field: 'meterStop', problem: WORDS.problems.other };
  const energy = subtract(stop, start);
  if (energy.digits < 0n) return { field: 'meterStop', problem: WORDS.problems.order };
  return { ...given, energy: writeDecimal(energy) };
}

/** Wh in a kWh are 1000: what is so far from the bill was probably typed in the other unit. */
const SUSPICIOUS = 100n;

/** @param energy of the correction @param before of the bill that counts @returns what to look at again; undefined: nothing */
export function warningOf(energy: string, before: string | undefined): string | undefined {
  const [next, now] = [readDecimal(energy), readDecimal(before)];
  if (next === undefined || now === undefined || !isFarFrom(next, now, SUSPICIOUS)) return undefined;
  return WORDS.farFrom;
}

/**
 * The bills of one transaction, the newest first: each supersedes the one after it. Bills of an earlier transaction with the same id are
 * left out. @param bills of the station  @param newest the one that counts
 */
export function chainOf(bills: readonly Transaction[], newest: Transaction): readonly Transaction[] {
  const byId = new Map(bills.map((bill) => [bill.billId, bill]));
  const chain = [newest];
  for (let { supersedes } = newest; supersedes !== undefined;) {
    const before = byId.get(supersedes);
    if (before === undefined || chain.includes(before)) break;
    chain.push(before);
    supersedes = before.supersedes;
  }
  return chain;
}
