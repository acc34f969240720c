/**
 * The meaning of a TransactionEvent of 2.x for its transaction. Stations restart counters, reuse ids, and send events
 * late or twice; a table of (open, closed, unknown) × (Started, Updated, Ended) decides what is billed.
 */
import { compare, type Decimal } from '../../ocpp/decimal.ts';
import { readTime } from '../../ocpp/time.ts';
import { isNewer } from './meter.ts';
import { decimalOf, isOpen, type TransactionRecord } from './record.ts';

export type EventType = 'Started' | 'Updated' | 'Ended';

export type Meaning =
  /** The first event of a transaction. */
  | 'opens'
  /** The transaction continues, or its start arrives late while it is open. */
  | 'continues'
  /** The transaction ends. */
  | 'closes'
  /** The station reused the id of an open transaction, which will have no stop. */
  | 'replaces'
  /** The station reused the id of a closed transaction. */
  | 'reuses'
  /** The same, and the event is the end of the new transaction. */
  | 'reuses-and-closes'
  /** The late start of a billed transaction, or a register for an end without one. */
  | 'completes'
  /** More was charged than billed, or it is the stop of an abandoned transaction. */
  | 'corrects'
  /** The end of the transaction that the open one replaced. */
  | 'ends-earlier'
  /** An event after the end: it counts if the bill is corrected. */
  | 'follows'
  /** Nothing new. */
  | 'repeats';

export interface EventSummary {
  readonly eventType: EventType;
  /** As the station wrote it; undefined if it is missing or unreadable. */
  readonly timestamp: string | undefined;
  readonly seqNo: number | undefined;
  /** The newest register in it. */
  readonly register: Decimal | undefined;
  /** It has a register, newer than all known ones, that could not be read. */
  readonly registerUnreadable: boolean;
}

/** @param now ms since 1970 */
export function meaningOf(known: TransactionRecord | undefined, event: EventSummary, now: number): Meaning {
  if (known === undefined) return event.eventType === 'Ended' ? 'closes' : 'opens';
  if (isOpen(known)) return whileOpen(known, event, now);
  return known.kind === 'abandoned' ? afterAbandoned(known, event, now) : afterClosed(known, event, now);
}

function whileOpen(known: TransactionRecord, event: EventSummary, now: number): Meaning {
  const { startedAt, meterStart, lastMeter, lastMeterAt } = known;
  const { eventType, timestamp } = event;
  if (eventType === 'Ended') return isOfEarlier(event, known, now) ? 'ends-earlier' : 'closes';
  if (eventType === 'Updated') return 'continues';
  // If the start was missing, this is it, unless it is later than the known readings.
  if (startedAt === undefined)
    return isLater(timestamp, lastMeterAt, now) && lastMeterAt ? 'replaces' : 'continues';
  if (isLater(event.timestamp, startedAt, now)) return 'replaces';
  return isAnotherStart(event, meterStart, lastMeter) ? 'replaces' : 'continues';
}

function afterAbandoned({ startedAt, closed }: TransactionRecord, event: EventSummary, now: number): Meaning {
  switch (event.eventType) {
    case 'Ended':
      return 'corrects';
    case 'Updated':
      return 'follows';
    default:
      if (startedAt === undefined) return isLater(event.timestamp, closed, now) ? 'reuses' : 'completes';
      return isLater(event.timestamp, startedAt, now) ? 'reuses' : 'repeats';
  }
}

function afterClosed(known: TransactionRecord, event: EventSummary, now: number): Meaning {
  const { startedAt, closed, billId } = known;
  const { eventType, timestamp } = event;
  // A closing mark of release 0.1.0 has no more facts.
  if (billId === undefined)
    return eventType === 'Started' && isLater(timestamp, closed, now) ? 'reuses' : 'repeats';
  switch (eventType) {
    case 'Started':
      // If the start was missing, this is it, unless it is later than the end.
      if (startedAt === undefined) return isLater(timestamp, closed, now) ? 'reuses' : 'completes';
      if (isLater(timestamp, startedAt, now)) return 'reuses';
      return isAnotherStart(event, known.meterStart, known.meterStop) ? 'reuses' : 'repeats';
    case 'Updated':
      if (event.registerUnreadable && known.stopSaid === 'nothing') return 'completes';
      if (!isHigher(event, known)) return 'repeats';
      // Charging continues after the end; the last end corrects the bill.
      if (isLater(timestamp, closed, now)) return isLaterNumber(event, known) ? 'follows' : 'reuses';
      // It was sent before an end without a register, and arrived after it.
      return known.stopSaid === 'nothing' ? 'completes' : 'repeats';
    default:
      if (!isHigher(event, known)) return 'repeats';
      return isLowerNumber(event, known) ? 'reuses-and-closes' : 'corrects';
  }
}

function isLaterNumber({ seqNo }: EventSummary, known: TransactionRecord): boolean {
  return seqNo !== undefined && known.seqNo !== undefined && seqNo > Number(known.seqNo);
}

/** The station restarted its counter. */
function isLowerNumber({ seqNo }: EventSummary, known: TransactionRecord): boolean {
  return seqNo !== undefined && known.seqNo !== undefined && seqNo < Number(known.seqNo);
}

/** The end of a replaced transaction of this id: earlier and lower than the start of the open one. */
function isOfEarlier({ timestamp, register }: EventSummary, known: TransactionRecord, now: number): boolean {
  const start = decimalOf(known.meterStart);
  if (known.before === undefined || register === undefined || start === undefined) return false;
  return compare(register, start) <= 0 && isLater(known.startedAt, timestamp, now);
}

function isHigher({ register }: EventSummary, { meterStop }: TransactionRecord): boolean {
  const billed = decimalOf(meterStop);
  return register !== undefined && (billed === undefined || compare(register, billed) > 0);
}

/**
 * A start with a register that an earlier transaction of this id already reached, whatever the clock says: registers do
 * not fall. A duplicate repeats the register of the start.
 */
function isAnotherStart(
  { register }: EventSummary,
  start: string | undefined,
  reached: string | undefined,
): boolean {
  const [before, last] = [decimalOf(start), decimalOf(reached)];
  if (register === undefined || before === undefined || last === undefined) return false;
  return compare(register, before) !== 0 && compare(register, last) >= 0;
}

/** Another time, and not an earlier one if both are plausible. A missing time is not later. */
function isLater(timestamp: string | undefined, than: string | undefined, now: number): boolean {
  if (timestamp === undefined) return false;
  return timestamp !== than && isNewer(timestamp, than, now) && !isSameInstant(timestamp, than);
}

function isSameInstant(a: string | undefined, b: string | undefined): boolean {
  return readTime(a) === readTime(b) && readTime(a) !== undefined;
}
