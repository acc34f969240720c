/** The correction of a bill that a person made: a new entry that replaces it, and the mark of the transaction with its id. */
import { compare, type Decimal, readDecimal, subtract, writeDecimal } from '../../ocpp/decimal.ts';
import type { Amendment } from '../../transport/stored-state.ts';
import { digest } from '../facts.ts';
import { BILLS, BILLS_KEPT } from './bill.ts';
import { boundedFor } from './bill-sink.ts';
import { fieldsOf } from './record.ts';
import { report } from './reports.ts';

export interface HandCorrection {
  readonly meterStart?: string;
  readonly meterStop?: string;
  readonly energy?: string;
  readonly by: string;
  readonly because: string;
}

export class CorrectionError extends Error {
  override readonly name = 'CorrectionError';
}

type Fields = Readonly<Record<string, string>>;

/** Longest author and reason. */
const LONGEST = 500;

/**
 * @param bill the entry that is replaced, as it is stored  @param key of the transaction's mark
 * @returns what applies only while the mark names that bill  @throws CorrectionError
 */
export function correct(key: string, bill: Fields, correction: HandCorrection): Amendment {
  const { stationId = '', transactionId, billId: supersedes = '' } = bill;
  const { by, because } = correction;
  for (const [name, text] of Object.entries({ by, because }))
    if (text.trim() === '' || text.length > LONGEST)
      throw new CorrectionError(`${name} must have 1 to ${LONGEST} characters`);
  const notes = new Set([
    ...(bill['notes'] ?? '').split(' ').filter((note) => note !== ''),
    'corrected-by-hand',
  ]);
  const { billId: _, recordedAt: _at, ...others } = bill;
  const facts = fieldsOf({
    ...others,
    ...energyOf(bill, correction),
    kind: 'correction',
    supersedes,
    notes: [...notes].join(' '),
    correctedBy: by,
    correctedBecause: because,
  });
  const billId = digest(facts).slice(0, 22);
  const entry = { ...facts, billId };
  const effects = report('bill-corrected', stationId, {
    transactionId,
    billId,
    supersedes,
    reason: 'by-hand',
  });
  const { meterStop } = entry as Fields;
  return {
    expected: { key, field: 'billId', value: supersedes },
    writes: [
      { kind: 'set', key, fields: fieldsOf({ billId, meterStop }), existing: true },
      // It is not known here whether a sink has moved the entries beyond the bound.
      ...boundedFor(false, [
        { kind: 'append', key: BILLS, fields: entry, maxLength: BILLS_KEPT },
        ...effects.writes,
      ]),
    ],
    events: effects.events,
  };
}

function energyOf(bill: Fields, { meterStart, meterStop, energy }: HandCorrection): Fields {
  const given = {
    meterStart: decimalIn('meterStart', meterStart),
    meterStop: decimalIn('meterStop', meterStop),
  };
  const direct = decimalIn('energy', energy);
  const isRegister = given.meterStart !== undefined || given.meterStop !== undefined;
  if (direct !== undefined && isRegister)
    throw new CorrectionError(
      'energy is computed from the registers: give either energy, or meterStart and meterStop',
    );
  if (direct !== undefined) return { energy: writeDecimal(direct) };
  if (!isRegister)
    throw new CorrectionError('nothing is corrected: give energy, or meterStart and meterStop');
  const start = given.meterStart ?? readDecimal(bill['meterStart']);
  const stop = given.meterStop ?? readDecimal(bill['meterStop']);
  if (start === undefined || stop === undefined)
    throw new CorrectionError('the bill has only one of meterStart and meterStop: give both, or energy');
  if (compare(stop, start) < 0) throw new CorrectionError('meterStop must not be less than meterStart');
  return {
    meterStart: writeDecimal(start),
    meterStop: writeDecimal(stop),
    energy: writeDecimal(subtract(stop, start)),
  };
}

const ZERO: Decimal = { digits: 0n, exponent: 0 };

function decimalIn(name: string, text: string | undefined): Decimal | undefined {
  if (text === undefined) return undefined;
  const value = readDecimal(text);
  if (value === undefined || compare(value, ZERO) < 0)
    throw new CorrectionError(`${name} must be a decimal number of Wh from 0, such as 15230.5`);
  return value;
}
