/**
 * Transactions of OCPP 1.6: StartTransaction, MeterValues, StopTransaction.
 *
 * A station reports what has happened already, perhaps days ago and offline. So nothing here refuses: a start with a
 * blocked token gets an id and learns of it (§6.45), a stop without a known start is recorded with what it says.
 * A station deletes what was confirmed, so a confirmed stop is in the bill, once.
 */
import type { OCPP16 } from 'typed-ocpp';
import { compare, readDecimal, writeDecimal } from '../../ocpp/decimal.ts';
import { readTime, utcOf } from '../../ocpp/time.ts';
import { businessKey, digest, METER_KEY_SECONDS } from '../business-key.ts';
import { eventOf } from '../domain-event.ts';
import type { Handler, HandlerContext } from '../handler.ts';
import { isNewer, newest, signed } from '../meter.ts';
import { keepMeterValues, key } from '../state.ts';
import type { Authorization } from '../tokens.ts';
import type { End, Note, StopMeter } from '../transactions/bill.ts';
import { abandon, billed, close } from '../transactions/closing.ts';
import {
  decimalOf,
  heard,
  isOpen,
  openRecord,
  remember,
  type StoredTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from '../transactions/record.ts';
import { type Effects, joined, report } from '../transactions/reports.ts';
import { lastReading, meterOf, saidTime, timeNotes } from '../transactions/reading.ts';
import { decide, idTagInfo, refuseConcurrent } from './authorization.ts';

/** What a repaired message may have left out, although its schema does not. */
type Repaired<Request, Optional extends keyof Request> = Omit<Request, Optional> & Partial<Request>;
type Start = Partial<OCPP16.StartTransactionRequest>;
type Stop = Repaired<OCPP16.StopTransactionRequest, 'transactionId' | 'meterStop' | 'timestamp'>;

export const startTransaction: Handler<Start, OCPP16.StartTransactionResponse> = async (request, context) => {
  const { connectorId, idTag, meterStart, timestamp, reservationId } = request;
  const { stationId, protocol, state, now, settings, receivedAt } = context;
  const openHere = await state.openTransactions(stationId);
  const replaced = openHere.filter(({ record }) => isReplaced(record, request, now.getTime()));
  const ended = replaced.map((one) => one.key);
  const [decision, id] = await Promise.all([decideToStart(idTag, ended, context), state.nextTransactionId()]);
  const info = idTagInfo(decision);
  const register = numberText(meterStart, '/meterStart', context);
  const startKey = businessKey(
    'start',
    stationId,
    connectorId,
    idTag?.toUpperCase(),
    register,
    saidTime(timestamp, context),
  );
  const usable = register !== undefined && !register.startsWith('-');
  const facts: TransactionFacts = {
    stationId,
    transactionId: `${id}`,
    protocol,
    connectorId,
    idTag,
    authorization: info.status,
    meterStart: usable ? register : undefined,
    startedAt: timestamp ?? receivedAt.toISOString(),
    startedAtUtc: utcOf(timestamp, receivedAt.getTime()),
    reservationId,
    notes: words([...timeNotes(context), ...(usable ? [] : (['meter-start-missing'] as const))]),
    startKey,
  };
  const about = { transactionId: `${id}`, connector: connectorId, authorization: info.status, reservationId };
  const effects = joined(
    ...replaced.map((one) => abandon(one, 'connector-reused', now.getTime(), settings.transactionKeySeconds)),
    {
      writes: openRecord(key.transaction(id), facts, now.getTime()),
      events: [eventOf('transaction-started', stationId, about)],
    },
  );
  return {
    response: { transactionId: id, idTagInfo: info },
    ...effects,
    businessKey: startKey,
    businessKeySeconds: settings.transactionKeySeconds,
  };
};

export const stopTransaction: Handler<Stop, OCPP16.StopTransactionResponse> = async (request, context) => {
  const { idTag, transactionData, transactionId } = request;
  const id = numberText(transactionId, '/transactionId', context) ?? '-1';
  const [named, decision] = await Promise.all([
    ownTransaction(id, context),
    idTag === undefined ? undefined : decide(idTag, context),
  ]);
  const found = named ?? (isUsable(id) ? undefined : await linked(request, context));
  const saidAt = saidTime(request.timestamp, context);
  const stop = { ...request, id, saidAt, meter: stopMeter(request, context) };
  const result = found === undefined ? stopOfUnknown(stop, context) : stopOf(found, stop, context);
  const { stationId } = context;
  const about = { stationId, transactionId: found?.record.transactionId ?? id };
  const kept = keepMeterValues({ ...about, connectorId: found?.record.connectorId }, transactionData);
  return {
    response: decision === undefined ? {} : { idTagInfo: idTagInfo(decision) },
    ...joined(result, { writes: kept, events: [] }),
    businessKey: result.businessKey,
    businessKeySeconds: context.settings.transactionKeySeconds,
  };
};

/** Of a running transaction only the last register and signed values are kept, of any other all. */
export const meterValues16: Handler<OCPP16.MeterValuesRequest> = async (request, context) => {
  const { stationId, now } = context;
  const { connectorId, meterValue } = request;
  const id = numberText(request.transactionId, '/transactionId', context);
  const found = id === undefined ? undefined : await ownTransaction(id, context);
  // The bill of an abandoned transaction is corrected when its stop comes after all.
  const follows = found !== undefined && (isOpen(found.record) || found.record.kind === 'abandoned');
  const about = { stationId, connectorId, ...(id !== undefined && { transactionId: id }) };
  const kept = keepMeterValues(about, follows ? signed(meterValue) : meterValue);
  const facts = follows
    ? {
        ...lastReading(meterOf(meterValue, '/meterValue', context), found.record, now.getTime()),
        ...heard(found.record, now.getTime()),
      }
    : {};
  const writes = follows && Object.keys(facts).length > 0 ? [remember(found.key, facts), ...kept] : kept;
  if (writes.length === 0) return { response: {} };
  const fact = businessKey('meter', stationId, connectorId, id, digest(meterValue));
  return { response: {}, writes, businessKey: fact, businessKeySeconds: METER_KEY_SECONDS };
};

/** A station that starts without a token has charged all the same: that is recorded, and no token is accepted. */
async function decideToStart(
  idTag: string | undefined,
  ended: readonly string[],
  context: HandlerContext,
): Promise<Authorization> {
  if (idTag === undefined) return { status: 'Invalid' };
  return refuseConcurrent(await decide(idTag, context), idTag, ended, context);
}

/** Ids of this CSMS are above 0. Stations say 0 or -1 of a transaction that never got one. */
function isUsable(id: string): boolean {
  return /^[1-9]\d*$/.test(id);
}

/** A start on a connector ends what ran there, unless it is older and comes late. */
function isReplaced(
  open: TransactionRecord,
  { connectorId, timestamp, meterStart }: Start,
  now: number,
): boolean {
  if (
    connectorId === undefined ||
    connectorId < 1 ||
    open.protocol !== 'ocpp1.6' ||
    open.connectorId !== `${connectorId}`
  )
    return false;
  if (isNewer(timestamp, open.startedAt, now)) return true;
  // A clock may have fallen back; a register does not.
  const [register, reached] = [readDecimal(meterStart), decimalOf(open.lastMeter ?? open.meterStart)];
  return register !== undefined && reached !== undefined && compare(register, reached) > 0;
}

interface SaidStop extends Stop {
  /** As the station wrote it; `-1` where it did not. */
  readonly id: string;
  /** The station's own time. */
  readonly saidAt: string | undefined;
  readonly meter: StopMeter;
}
type Ended = Effects & { readonly businessKey: string };

/** A stop of a transaction that this CSMS knows: it is billed once, whatever a repetition says. */
function stopOf({ key, record }: StoredTransaction, stop: SaidStop, context: HandlerContext): Ended {
  const { stationId, settings } = context;
  const { transactionId = stop.id, kind, billId } = record;
  const said = saidBy(stop);
  // Found by its facts: the facts are the key, as for any stop without a usable id.
  const isLinked = transactionId !== stop.id;
  const fact = isLinked ? unknownStop(stop, context) : businessKey('stop', stationId, transactionId);
  if (isOpen(record) || kind === 'abandoned') {
    const end = endOf(stop, context, isLinked ? ['linked'] : []);
    const late = kind === 'abandoned';
    const how: End = late ? { ...end, kind: 'correction', supersedes: billId } : end;
    const closing = close(key, record, how, settings.transactionKeySeconds, said);
    const link = { transactionId, said: stop.id, billId: closing.billId };
    const found = isLinked ? [report('transaction-linked', stationId, link)] : [];
    return { ...joined(closing, ...found), businessKey: fact };
  }
  if (record.said === said) return { writes: [], events: [], businessKey: fact };
  const { meterStop, timestamp, reason } = stop;
  const differs = { transactionId, billId, meterStop, stoppedAt: timestamp, reason, billed: record.said };
  return {
    ...report('stop-differs', stationId, differs),
    businessKey: businessKey('stop-differs', stationId, transactionId, said),
  };
}

/** A stop of a transaction that this CSMS never gave: the station started it by itself, perhaps with ids of its own. */
function stopOfUnknown(stop: SaidStop, context: HandlerContext): Ended {
  const { stationId, protocol } = context;
  const known: TransactionFacts = { stationId, transactionId: stop.id, protocol, idTag: stop.idTag };
  return { ...billed(known, endOf(stop, context, [])), businessKey: unknownStop(stop, context) };
}

/** Different stops under one id that was never given are different facts. */
function unknownStop({ id, meterStop, saidAt }: SaidStop, { stationId }: HandlerContext): string {
  return businessKey('stop', stationId, id, meterStop, saidAt);
}

function saidBy({ meterStop, saidAt }: SaidStop): string {
  return `${meterStop ?? ''} ${saidAt ?? ''}`;
}

function endOf(stop: SaidStop, context: HandlerContext, notes: readonly Note[]): End {
  const { receivedAt } = context;
  const { timestamp, meter } = stop;
  return {
    kind: 'final',
    meter,
    stoppedAt: timestamp ?? receivedAt.toISOString(),
    stoppedAtUtc: utcOf(timestamp, receivedAt.getTime()),
    // Left out means Local (§6.49).
    reason: stop.reason ?? 'Local',
    notes: [...notes, ...timeNotes(context)],
  };
}

/** The register of the stop; of one that says none the newest in its transactionData. */
function stopMeter({ meterStop, transactionData }: Stop, context: HandlerContext): StopMeter {
  const text = numberText(meterStop, '/meterStop', context);
  const energy = text === undefined ? undefined : readDecimal(text);
  if (energy !== undefined && energy.digits >= 0n) return { said: 'register', energy, phases: '' };
  const { readings } = meterOf(transactionData, '/transactionData', context);
  const last = newest(
    readings.filter(({ begin }) => !begin),
    context.now.getTime(),
  );
  if (last !== undefined) return { said: 'register', energy: last.energy, phases: last.phases };
  return energy === undefined ? { said: 'unusable' } : { said: 'register', energy, phases: '' };
}

/**
 * The open transaction that a stop without a usable id belongs to: the station's only one with the same tag, with a
 * register not above that of the stop and an earlier time. A 1.6 stop has no connector to go by.
 */
async function linked(stop: Stop, context: HandlerContext): Promise<StoredTransaction | undefined> {
  const { idTag, timestamp } = stop;
  if (idTag === undefined) return undefined;
  const open = await context.state.openTransactions(context.stationId);
  const sameTag = open.filter(({ record }) => record.idTag?.toUpperCase() === idTag.toUpperCase());
  const [only, ...others] = sameTag;
  if (only === undefined || others.length > 0) return undefined;
  const [meter, start] = [stopMeter(stop, context), decimalOf(only.record.meterStart)];
  // A negative register says that the station does not know it.
  const known = meter.said === 'register' && meter.energy.digits >= 0n;
  const rises = !known || start === undefined || compare(meter.energy, start) >= 0;
  const [stopped, started] = [readTime(timestamp), readTime(only.record.startedAt)];
  const later = stopped === undefined || started === undefined || stopped > started;
  return rises && later ? only : undefined;
}

/** The transaction of that id, open or closed, if it is this station's. */
async function ownTransaction(
  id: string,
  { state, stationId, log }: HandlerContext,
): Promise<StoredTransaction | undefined> {
  const recordKey = key.transaction(id);
  const record = await state.transaction(recordKey);
  if (record === undefined || record.stationId === stationId) {
    return record === undefined ? undefined : { key: recordKey, record };
  }
  log.warn({ stationId, transactionId: id }, 'the station names a transaction of another station');
  return undefined;
}

/** A number as the station wrote it, or as JavaScript writes it where that is the same number. */
function numberText(value: number | undefined, path: string, { exact }: HandlerContext): string | undefined {
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value)) return String(value);
  const decimal = readDecimal(exact.get(path) ?? value);
  return decimal === undefined ? undefined : writeDecimal(decimal);
}

function words(notes: readonly Note[]): string | undefined {
  return notes.length === 0 ? undefined : notes.join(' ');
}
