/** The end of a transaction of 1.6: which transaction a StopTransaction ends, and the effects. */
import type { OCPP16 } from 'typed-ocpp';
import { compare, type Decimal, readDecimal } from '../../ocpp/decimal.ts';
import { isPlausible, readTime, utcOf } from '../../ocpp/time.ts';
import { businessKey, digest } from '../facts.ts';
import type { HandlerContext } from '../handler.ts';
import { newest } from './meter.ts';
import type { End, Note, StopMeter } from './bill.ts';
import { billed, close } from './closing.ts';
import { meterOf, numberText, timeNotes, writtenTime } from './reading.ts';
import {
  closeRecord,
  decimalOf,
  isOpen,
  type StoredTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from './record.ts';
import { type Effects, joined, report } from './reports.ts';

/** A repaired message may lack required fields. */
type Optional = 'transactionId' | 'meterStop' | 'timestamp';
export type Stop = Omit<OCPP16.StopTransactionRequest, Optional> &
  Partial<Pick<OCPP16.StopTransactionRequest, 'meterStop' | 'timestamp'>> & {
    readonly transactionId?: number | string;
  };

/** Ids of this CSMS are above 0. Stations send 0 or a negative number for a transaction that never got one. */
export function isUsable(id: string): boolean {
  return id !== '' && !/^(?:-.*|0+)$/.test(id);
}

export interface ReceivedStop extends Stop {
  /** As the station wrote it; `-1` if it is missing. */
  readonly id: string;
  /** The station's own time, or its replacement in the business key. */
  readonly saidAt: string;
  readonly meter: StopMeter;
}
export type Ended = Effects & { readonly businessKey: string };

/**
 * A stop of a known transaction: it is billed once, whatever a duplicate says.
 * @param earlier the outcome of the last session with the same start
 */
export function stopOf(
  { key, record }: StoredTransaction,
  stop: ReceivedStop,
  earlier: TransactionRecord | undefined,
  context: HandlerContext,
): Ended {
  const { stationId, settings } = context;
  const { transactionId = stop.id, kind, billId } = record;
  const said = saidBy(stop);
  // Matched by its facts: they are the key, as for any stop without a usable id.
  const isLinked = transactionId !== stop.id;
  const fact = isLinked ? unknownStop(stop, context) : businessKey('stop', stationId, transactionId);
  if (isOpen(record) && earlier?.said === said && clockMoves(record, stop, context)) {
    return { ...closeRepeated(key, record, stop, earlier, context), businessKey: fact };
  }
  if (isOpen(record) || kind === 'abandoned') {
    const end = endOf(stop, context, isLinked ? ['linked'] : []);
    const late = kind === 'abandoned';
    const how: End = late ? { ...end, kind: 'correction', supersedes: billId } : end;
    const closing = close(key, record, how, settings.transactionKeySeconds, said);
    const link = { transactionId, said: stop.id, billId: closing.billId };
    const found = isLinked ? [report('transaction-linked', stationId, link)] : [];
    const session = endedSession(record, { said, billId: closing.billId }, settings.transactionKeySeconds);
    return { ...joined(closing, session, ...found), businessKey: fact };
  }
  if (record.said === said) return { writes: [], events: [], businessKey: fact };
  const { meterStop, timestamp, reason } = stop;
  const differs = { transactionId, billId, meterStop, stoppedAt: timestamp, reason, billed: record.said };
  return {
    ...report('stop-differs', stationId, differs),
    businessKey: businessKey('stop-differs', stationId, transactionId, said),
  };
}

/** A stuck clock reports the same times for different sessions; a running one does not. */
function clockMoves(
  { startedAt }: TransactionRecord,
  { timestamp }: ReceivedStop,
  { now }: HandlerContext,
): boolean {
  const [started, stopped] = [readTime(startedAt), readTime(timestamp)];
  return (
    started !== undefined && stopped !== undefined && started < stopped && isPlausible(started, now.getTime())
  );
}

/** Stores the outcome of a session under the business key of its start. */
function endedSession(
  { startKey }: TransactionRecord,
  ended: { readonly said: string; readonly billId: string },
  expireSeconds: number,
): Effects {
  if (startKey === undefined) return { writes: [], events: [] };
  return { writes: [{ kind: 'set', key: endedKey(startKey), fields: ended, expireSeconds }], events: [] };
}

/** The record key of the outcome of the last session with this start. */
export function endedKey(startKey: string): string {
  return `ended:${startKey}`;
}

/** A station that lost power before it stored the confirmation repeats a whole session, which is already billed. */
function closeRepeated(
  key: string,
  record: TransactionRecord,
  stop: ReceivedStop,
  { billId = '' }: TransactionRecord,
  context: HandlerContext,
): Effects {
  const { stationId, settings } = context;
  const { stoppedAt, stoppedAtUtc, reason } = endOf(stop, context, []);
  const mark = { stoppedAt, stoppedAtUtc, kind: 'final', reason, billId, said: saidBy(stop) } as const;
  const unknown = { meterStop: undefined, stopPhases: undefined, stopSaid: undefined };
  const writes = closeRecord(key, record, { ...mark, ...unknown }, settings.transactionKeySeconds);
  const { transactionId } = record;
  return joined({ writes, events: [] }, report('transaction-repeated', stationId, { transactionId, billId }));
}

/** A stop of an unknown transaction: the station started it itself, perhaps with an id of its own. */
export function stopOfUnknown(stop: ReceivedStop, context: HandlerContext): Ended {
  const { stationId, protocol } = context;
  const known: TransactionFacts = { stationId, transactionId: stop.id, protocol, idTag: stop.idTag };
  return { ...billed(known, endOf(stop, context, [])), businessKey: unknownStop(stop, context) };
}

/** Stops under one unknown id differ by meter and time, or by the replacement of the meter. */
function unknownStop(stop: ReceivedStop, context: HandlerContext): string {
  const { id, saidAt, idTag, transactionData } = stop;
  const meter = numberText(stop.meterStop, '/meterStop', context) ?? digest([idTag, transactionData]);
  return businessKey('stop', context.stationId, id, meter, saidAt);
}

function saidBy({ meterStop, saidAt }: ReceivedStop): string {
  return `${meterStop ?? ''} ${saidAt}`;
}

function endOf(stop: ReceivedStop, context: HandlerContext, notes: readonly Note[]): End {
  const { receivedAt } = context;
  const { timestamp, meter } = stop;
  return {
    kind: 'final',
    meter,
    stoppedAt: writtenTime(timestamp, context),
    stoppedAtUtc: utcOf(timestamp, receivedAt),
    // Omitted means Local (§6.49).
    reason: stop.reason ?? 'Local',
    notes: [...notes, ...timeNotes(context)],
  };
}

/**
 * The register of the stop. If it cannot be billed, the newest one in transactionData is used, unless a later reading is
 * known.
 */
export function stopMeter(
  { meterStop, transactionData }: Stop,
  { meterStart, lastMeter }: TransactionRecord,
  context: HandlerContext,
): StopMeter {
  const text = numberText(meterStop, '/meterStop', context);
  const energy = text === undefined ? undefined : readDecimal(text);
  const atLeast = (least: string | undefined, register: Decimal) => {
    const known = decimalOf(least);
    return known === undefined || compare(register, known) >= 0;
  };
  if (energy !== undefined && energy.digits >= 0n && atLeast(meterStart, energy)) {
    return { said: 'register', energy, phases: '' };
  }
  const { readings } = meterOf(transactionData, '/transactionData', context);
  const last = newest(
    readings.filter(({ begin }) => !begin),
    context.now.getTime(),
  );
  if (last !== undefined && atLeast(lastMeter ?? meterStart, last.energy)) {
    return { said: 'register', energy: last.energy, phases: last.phases };
  }
  return energy === undefined ? { said: 'unusable' } : { said: 'register', energy, phases: '' };
}

/**
 * Matches a stop without a usable id: to the station's only open transaction with the same tag, if its register is not
 * above the stop's and its time is earlier. A 1.6 stop has no connector to match.
 */
export async function linked(stop: Stop, context: HandlerContext): Promise<StoredTransaction | undefined> {
  const { idTag, timestamp } = stop;
  if (idTag === undefined) return undefined;
  const open = await context.state.openTransactions(context.stationId);
  const sameTag = open.filter(({ record }) => record.idTag?.toUpperCase() === idTag.toUpperCase());
  const [only, ...others] = sameTag;
  if (only === undefined || others.length > 0) return undefined;
  const [meter, start] = [stopMeter(stop, {}, context), decimalOf(only.record.meterStart)];
  // A negative register means that the station does not know it.
  const known = meter.said === 'register' && meter.energy.digits >= 0n;
  const rises = !known || start === undefined || compare(meter.energy, start) >= 0;
  const [stopped, started] = [readTime(timestamp), readTime(only.record.startedAt)];
  const later = stopped === undefined || started === undefined || stopped > started;
  return rises && later ? only : undefined;
}
