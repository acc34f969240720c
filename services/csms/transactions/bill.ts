/**
 * The bill of one transaction. Every entry of the stream `transactions` is made here, from the facts of the transaction
 * and its end. Missing data is not zero: without a reliable start and stop there is no energy, and the entry says why.
 */
import { compare, type Decimal, subtract, writeDecimal } from '../../ocpp/decimal.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import { digest } from '../facts.ts';
import type { MeterProblem } from './meter.ts';
import { type BillKind, decimalOf, fieldsOf, type TransactionFacts } from './record.ts';

/** Irregularities of a transaction, as words of the entry's field `notes`. */
export type Note =
  | MeterProblem
  /** Its start is unknown. */
  | 'start-unknown'
  /** The start has no usable register (1.6, where it is required). */
  | 'meter-start-missing'
  /** The stop has no register, and no earlier one is known. */
  | 'meter-stop-missing'
  /** The stop has no usable register; the newest earlier one is used. */
  | 'meter-stop-from-last-reading'
  /** The register of the stop is negative, or less than that of the start. */
  | 'meter-below-start'
  /** Start and stop count different phases. */
  | 'phases-differ'
  /** A time could not be read and was replaced by the time of receipt. */
  | 'time-unreadable'
  /** The stop had no usable id and was matched by its facts. */
  | 'linked'
  /** A person corrected it. */
  | 'corrected-by-hand'
  /** After the end the station reported that charging continued. */
  | 'goes-on'
  /** The station used its id for an earlier transaction too. */
  | 'id-reused';

/** Entries with one of these need a manual check. */
const DOUBTFUL: ReadonlySet<string> = new Set<Note>([
  'meter-start-missing',
  'meter-stop-missing',
  'meter-stop-from-last-reading',
  'meter-below-start',
  'unit-unknown',
  'value-unreadable',
  'phases-differ',
  'time-unreadable',
]);

/** The register of the end of a transaction. */
export type StopMeter =
  | { readonly said: 'register'; readonly energy: Decimal; readonly phases: string }
  /** None, which its version allows: the newest reading counts. */
  | { readonly said: 'nothing' }
  /** None that is readable, although its version requires it (1.6). */
  | { readonly said: 'unusable' }
  /** A register in an unknown form: no older one replaces it. */
  | { readonly said: MeterProblem };

export interface End {
  readonly kind: BillKind;
  readonly meter: StopMeter;
  readonly stoppedAt: string;
  readonly stoppedAtUtc: string;
  readonly reason: string;
  readonly notes?: readonly Note[];
  /** The entry that this one replaces. */
  readonly supersedes?: string | undefined;
  /** The event of the stop was emitted before. */
  readonly again?: boolean;
}

export interface Bill {
  /** Phases that were added up for `meterStop`; empty for the total. */
  readonly stopPhases: string;
  readonly entry: TransactionFacts & Pick<End, 'kind' | 'stoppedAt' | 'reason'> & BillFacts;
  readonly doubts: readonly string[];
}
interface BillFacts {
  readonly billId: string;
  readonly meterStop: string | undefined;
  /** Wh; omitted if unknown. */
  readonly energy: string | undefined;
  readonly notes: string | undefined;
}

export function makeBill(known: TransactionFacts, end: End): Bill {
  const { kind, stoppedAt, stoppedAtUtc, reason, supersedes } = end;
  const { meterStop, phases, notes: ofMeter } = stopRegister(known, end);
  const start = decimalOf(known.meterStart);
  const differ = start !== undefined && meterStop !== undefined && (known.startPhases ?? '') !== phases;
  const notes = new Set<string>([
    ...(known.notes ?? '').split(' ').filter((word) => word !== ''),
    ...(known.startedAt === undefined ? ['start-unknown'] : []),
    ...(end.notes ?? []),
    ...ofMeter,
    // A station that reports a register at the end has one at the start.
    ...(known.startedAt !== undefined && start === undefined && meterStop !== undefined
      ? ['meter-start-missing']
      : []),
    ...(differ ? ['phases-differ'] : []),
  ]);
  const energy =
    start === undefined || meterStop === undefined || differ ? undefined : subtract(meterStop, start);
  const facts = {
    ...billed(known),
    kind,
    supersedes,
    meterStop: meterStop && writeDecimal(meterStop),
    energy: energy && writeDecimal(energy),
    stoppedAt,
    stoppedAtUtc,
    reason,
    notes: notes.size === 0 ? undefined : [...notes].join(' '),
  };
  const entry = { ...facts, billId: digest(facts).slice(0, 22) };
  return { entry, stopPhases: phases, doubts: [...notes].filter((note) => DOUBTFUL.has(note)) };
}

/** Approximate length of the stream; older entries are dropped, unless a bill sink moves them. */
export const BILLS_KEPT = 100_000;
export const BILLS = 'transactions';

export function recordBill({ entry }: Bill): StateWrite {
  return { kind: 'append', key: BILLS, fields: fieldsOf(entry), maxLength: BILLS_KEPT };
}

/** The facts of a transaction that its entry contains. */
function billed(known: TransactionFacts): TransactionFacts {
  const { stationId, transactionId, protocol, connectorId, evseId, idTag, authorization } = known;
  const { meterStart, startedAt, startedAtUtc, remoteStartId, reservationId, chargingState, gaps } = known;
  return {
    stationId,
    transactionId,
    protocol,
    connectorId,
    evseId,
    idTag,
    authorization,
    meterStart,
    startedAt,
    startedAtUtc,
    remoteStartId,
    reservationId,
    chargingState,
    gaps: gaps === '' ? undefined : gaps,
  };
}

interface StopRegister {
  readonly meterStop: Decimal | undefined;
  readonly phases: string;
  readonly notes: readonly Note[];
}

/** The register at the end of the billed energy. */
function stopRegister(known: TransactionFacts, { meter, kind }: End): StopRegister {
  const none = (...notes: Note[]): StopRegister => ({ meterStop: undefined, phases: '', notes });
  const start = decimalOf(known.meterStart);
  switch (meter.said) {
    case 'unit-unknown':
    case 'value-unreadable':
      return none(meter.said);
    case 'register': {
      const { energy, phases } = meter;
      const below = energy.digits < 0n || (start !== undefined && isBelow(energy, start, phases, known));
      if (!below) return { meterStop: energy, phases, notes: [] };
      const last = lastRegister(known, start);
      if (last === undefined) return none('meter-below-start');
      return { ...last, notes: ['meter-below-start', 'meter-stop-from-last-reading'] };
    }
    default: {
      if (known.meterTrouble) return none(known.meterTrouble as MeterProblem);
      const must = meter.said === 'unusable';
      const last = lastRegister(known, start);
      if (last !== undefined) return must ? { ...last, notes: ['meter-stop-from-last-reading'] } : last;
      // A station that reports a register at the start has one at the end, unless it never reported an end.
      const missed = must || (start !== undefined && kind !== 'abandoned');
      return missed ? none('meter-stop-missing') : none();
    }
  }
}

/** Sums of other phases cannot be compared. */
function isBelow(
  energy: Decimal,
  start: Decimal,
  phases: string,
  { startPhases = '' }: TransactionFacts,
): boolean {
  return phases === startPhases && compare(energy, start) < 0;
}

function lastRegister(known: TransactionFacts, start: Decimal | undefined): StopRegister | undefined {
  const { lastMeter, lastPhases = '', meterTrouble } = known;
  const last = decimalOf(lastMeter);
  if (last === undefined || meterTrouble) return undefined;
  if (last.digits < 0n || (start !== undefined && isBelow(last, start, lastPhases, known))) return undefined;
  return { meterStop: last, phases: lastPhases, notes: [] };
}
