/**
 * What a TransactionEvent of 2.x means for what is known of its transaction. Stations restart counters, use ids again,
 * send events late or twice; a table of (open, closed, unknown) × (Started, Updated, Ended) says what is billed.
 */
import { compare, type Decimal } from '../../ocpp/decimal.ts';
import { readTime } from '../../ocpp/time.ts';
import { isNewer } from './meter.ts';
import { decimalOf, isOpen, type TransactionRecord } from './record.ts';

export type EventType = 'Started' | 'Updated' | 'Ended';

export type Meaning =
  /** The first that is known of a transaction. */
  | 'opens'
  /** It goes on, or its start comes late while it is open. */
  | 'continues'
  /** It ends. */
  | 'closes'
  /** The station gave the id to a new transaction; the one that was open will have no stop. */
  | 'replaces'
  /** The station gave the id of a closed transaction to a new one. */
  | 'reuses'
  /** The same, and what is known of the new one is its end. */
  | 'reuses-and-closes'
  /** The start of a transaction that is billed already, or a register for an end that said none. */
  | 'completes'
  /** More was charged than is billed, or the stop of an abandoned transaction. */
  | 'corrects'
  /** The end of the transaction that the open one has replaced. */
  | 'ends-earlier'
  /** What is said after an end: it counts if the bill is corrected. */
  | 'follows'
  /** Nothing new. */
  | 'repeats';

export interface EventSummary {
  readonly eventType: EventType;
  /** As the station wrote it; undefined where it wrote none that could be read. */
  readonly timestamp: string | undefined;
  readonly seqNo: number | undefined;
  /** The newest register in it. */
  readonly register: Decimal | undefined;
  /** A register in it, newer than all that are known, could not be read. */
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
  // Without a start of its own this is it, unless it began after what is known.
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
  // A mark of release 0.1.0, which said no more than that it was billed.
  if (billId === undefined)
    return eventType === 'Started' && isLater(timestamp, closed, now) ? 'reuses' : 'repeats';
  switch (eventType) {
    case 'Started':
      // Without a start of its own it is the one that was missing, unless it began after the end.
      if (startedAt === undefined) return isLater(timestamp, closed, now) ? 'reuses' : 'completes';
      if (isLater(timestamp, startedAt, now)) return 'reuses';
      return isAnotherStart(event, known.meterStart, known.meterStop) ? 'reuses' : 'repeats';
    case 'Updated':
      if (event.registerUnreadable && known.stopSaid === 'nothing') return 'completes';
      if (!isHigher(event, known)) return 'repeats';
      // It goes on after its end; what it ends with at last corrects the bill.
      if (isLater(timestamp, closed, now)) return isLaterNumber(event, known) ? 'follows' : 'reuses';
      // It was sent before an end that said no register, and came after it.
      return known.stopSaid === 'nothing' ? 'completes' : 'repeats';
    default:
      if (!isHigher(event, known)) return 'repeats';
      return isLowerNumber(event, known) ? 'reuses-and-closes' : 'corrects';
  }
}

function isLaterNumber({ seqNo }: EventSummary, known: TransactionRecord): boolean {
  return seqNo !== undefined && known.seqNo !== undefined && seqNo > Number(known.seqNo);
}

/** The counter of the station has started again. */
function isLowerNumber({ seqNo }: EventSummary, known: TransactionRecord): boolean {
  return seqNo !== undefined && known.seqNo !== undefined && seqNo < Number(known.seqNo);
}

/** The end of a transaction of this id that another one has replaced since: earlier and lower than the start of this one. */
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
 * A start with a register that an earlier one of the same id has reached already, whatever the clock says: registers do
 * not fall. A repetition says the register of the start once more.
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

/** Another time, and not an earlier one where both can be right. No time is no later one. */
function isLater(timestamp: string | undefined, than: string | undefined, now: number): boolean {
  if (timestamp === undefined) return false;
  return timestamp !== than && isNewer(timestamp, than, now) && !isSameInstant(timestamp, than);
}

function isSameInstant(a: string | undefined, b: string | undefined): boolean {
  return readTime(a) === readTime(b) && readTime(a) !== undefined;
}
