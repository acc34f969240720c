/**
 * The entry for billing of one transaction. Every entry of the stream `transactions` is made here, from what is known of
 * the transaction and how it ended. Missing is not zero: without a start or a stop that can be trusted there is no
 * energy, and the entry says why.
 */
import { compare, type Decimal, subtract, writeDecimal } from '../../ocpp/decimal.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import { digest } from '../facts.ts';
import type { MeterProblem } from './meter.ts';
import { type BillKind, decimalOf, fieldsOf, type TransactionFacts } from './record.ts';

/** What was unusual about a transaction, as words of the entry's field `notes`. */
export type Note =
  | MeterProblem
  /** No start of it is known. */
  | 'start-unknown'
  /** The start said no register that can be used (1.6, where it must). */
  | 'meter-start-missing'
  /** The stop said no register, and none is known. */
  | 'meter-stop-missing'
  /** The stop said none that can be used; it is the newest one from before. */
  | 'meter-stop-from-last-reading'
  /** The register of the stop is negative, or less than that of the start. */
  | 'meter-below-start'
  /** Start and stop count other phases. */
  | 'phases-differ'
  /** A time could not be read: it is the time of receipt. */
  | 'time-unreadable'
  /** A stop without a usable id that was found to belong to it. */
  | 'linked'

  /** After its end the station said that charging goes on. */
  | 'goes-on'
  /** The station gave its id to an earlier transaction too. */
  | 'id-reused';

/** A person who bills looks at entries with one of these. */
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

/** What the end of a transaction says of its register. */
export type StopMeter =
  | { readonly said: 'register'; readonly energy: Decimal; readonly phases: string }
  /** Nothing, where its version may: the newest reading counts. */
  | { readonly said: 'nothing' }
  /** Nothing that could be read, where its version must (1.6). */
  | { readonly said: 'unusable' }
  /** A register in a form that is not understood: no older one stands for it. */
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
  /** The stop itself was told before. */
  readonly again?: boolean;
}

export interface Bill {
  /** Phases that were added up for `meterStop`; empty for the whole. */
  readonly stopPhases: string;
  readonly entry: TransactionFacts & Pick<End, 'kind' | 'stoppedAt' | 'reason'> & BillFacts;
  readonly doubts: readonly string[];
}
interface BillFacts {
  readonly billId: string;
  readonly meterStop: string | undefined;
  /** Wh; left out when it is not known. */
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
    // A station that says a register at the end has one at the start.
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

/** About as many entries wait for billing; older ones are dropped from the stream. */
const BILLS_KEPT = 100_000;
export const BILLS = 'transactions';

export function recordBill({ entry }: Bill): StateWrite {
  return { kind: 'append', key: BILLS, fields: fieldsOf(entry), maxLength: BILLS_KEPT };
}

/** The facts of a transaction that its entry repeats. */
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

/** The register that the transaction is billed up to. */
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
      // A station that says a register at the start has one at the end, unless it never said how it ended.
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
