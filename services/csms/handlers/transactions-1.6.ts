/**
 * Transactions of OCPP 1.6: StartTransaction, MeterValues, StopTransaction.
 *
 * A station reports what already happened, perhaps days ago and offline, so nothing is refused. A start with a blocked
 * token gets an id and that status (§6.45); a stop without a known start is recorded with its own facts. A station
 * deletes confirmed messages, so a confirmed stop is billed, exactly once.
 */
import type { OCPP16 } from 'typed-ocpp';
import { compare, readDecimal } from '../../ocpp/decimal.ts';
import { utcOf } from '../../ocpp/time.ts';
import { businessKey, digest, eventOf, METER_KEY_SECONDS } from '../facts.ts';
import type { Handler, HandlerContext, HandlerResult } from '../handler.ts';
import { isNewer, signed } from '../transactions/meter.ts';
import { keepMeterValues, key } from '../state.ts';
import type { Note } from '../transactions/bill.ts';
import { abandon } from '../transactions/closing.ts';
import {
  factWithoutTime,
  lastReading,
  meterOf,
  numberText,
  reportedTime,
  timeNotes,
  readingWithoutRecord,
  writtenTime,
} from '../transactions/reading.ts';
import {
  decimalOf,
  heard,
  isOpen,
  openRecord,
  remember,
  rememberIfThere,
  type StoredTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from '../transactions/record.ts';
import { joined } from '../transactions/reports.ts';
import {
  isUsable,
  linked,
  endedKey,
  type Stop,
  stopMeter,
  stopOf,
  stopOfUnknown,
} from '../transactions/stop.ts';
import { decide, decideOutside, idTagInfo, refuseConcurrent } from './authorization.ts';

type Start = Partial<OCPP16.StartTransactionRequest>;

export const startTransaction: Handler<Start, OCPP16.StartTransactionResponse> = async (request, context) => {
  const { connectorId, idTag, meterStart, timestamp, reservationId } = request;
  const { stationId, protocol, state, now, settings, receivedAt } = context;
  const openHere = await state.openTransactions(stationId);
  const replaced = openHere.filter(({ record }) => isReplaced(record, request, now.getTime()));
  const register = numberText(meterStart, '/meterStart', context);
  const startKey = businessKey(
    'start',
    stationId,
    connectorId,
    idTag?.toUpperCase(),
    register,
    reportedTime(timestamp, context) ?? factWithoutTime(request),
  );
  const ended = replaced.map((one) => one.key);
  const [{ decision, writes }, id] = await Promise.all([
    decideToStart(request, ended, startKey, context),
    state.nextTransactionId(),
  ]);
  const info = idTagInfo(decision);
  const usable = register !== undefined && !register.startsWith('-');
  const facts: TransactionFacts = {
    stationId,
    transactionId: `${id}`,
    protocol,
    connectorId,
    idTag,
    authorization: info.status,
    meterStart: usable ? register : undefined,
    startedAt: writtenTime(timestamp, context),
    startedAtUtc: utcOf(timestamp, receivedAt),
    reservationId,
    notes: words([...timeNotes(context), ...(usable ? [] : (['meter-start-missing'] as const))]),
    startKey,
  };
  const about = {
    transactionId: `${id}`,
    connector: connectorId,
    authorization: info.status,
    idTag,
    startedAt: facts.startedAt,
    meterStart: facts.meterStart,
    reservationId,
  };
  const effects = joined(
    ...replaced.map((one) => abandon(one, 'connector-reused', now.getTime(), settings.transactionKeySeconds)),
    {
      writes: [...openRecord(key.transaction(id), facts, now.getTime()), ...writes],
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
  const id = idOf(transactionId, context) ?? '-1';
  // The response needs no decision, and that of the lists would be about a token which only a decider knows.
  const isSilent = idTag === undefined || context.providers.decisions?.asks('StartTransaction') === true;
  const [named, decision] = await Promise.all([
    ownTransaction(id, context),
    isSilent ? undefined : decide(idTag, context),
  ]);
  const found = named ?? (isUsable(id) ? undefined : await linked(request, context));
  const saidAt = reportedTime(request.timestamp, context) ?? factWithoutTime(request);
  const stop = { ...request, id, saidAt, meter: stopMeter(request, found?.record ?? {}, context) };
  const earlier = await earlierSession(found?.record, context);
  const result = found === undefined ? stopOfUnknown(stop, context) : stopOf(found, stop, earlier, context);
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

/** Of a running transaction only the last register and signed values are stored; otherwise all values. */
export const meterValues16: Handler<OCPP16.MeterValuesRequest> = async (request, context) => {
  const { stationId, now } = context;
  const { connectorId, meterValue } = request;
  const id = idOf(request.transactionId, context);
  const quick = id === undefined ? undefined : meteredWithoutRecord(key.transaction(id), meterValue, context);
  if (quick !== undefined) return quick;
  const found = id === undefined ? undefined : await ownTransaction(id, context, 'meteredTransaction');
  // The bill of an abandoned transaction is corrected if its stop still arrives.
  const follows = found !== undefined && (isOpen(found.record) || found.record.kind === 'abandoned');
  const about = { stationId, connectorId, ...(id !== undefined && { transactionId: id }) };
  const kept = keepMeterValues(about, follows ? signed(meterValue) : meterValue);
  const metered = follows ? meterOf(meterValue, '/meterValue', context) : undefined;
  const facts =
    metered === undefined || found === undefined
      ? {}
      : {
          ...lastReading(metered, found.record, now.getTime()),
          ...heard(found.record, now.getTime(), context.settings.heardEveryMs),
        };
  const writes =
    follows && Object.keys(facts).length > 0 ? [rememberIfThere(found.key, facts), ...kept] : kept;
  // The record itself recognizes a register that it has, so a repetition needs no key. Values in a stream need one, and a register that cannot
  // be read, which would hide the readable one that came after it.
  if (kept.length === 0 && (metered?.problems ?? []).length === 0) return { response: {}, writes };
  const fact = businessKey('meter', stationId, connectorId, id, digest(meterValue));
  return { response: {}, writes, businessKey: fact, businessKeySeconds: METER_KEY_SECONDS };
};

/**
 * Without a read of the record, where this processor knows the transaction. The record must be as the outcome expects; if it is not, the
 * message is handled again, and reads it. Undefined where only the record can tell.
 */
function meteredWithoutRecord(
  recordKey: string,
  meterValue: OCPP16.MeterValuesRequest['meterValue'],
  context: HandlerContext,
): HandlerResult | undefined {
  const running = context.unexpected ? undefined : context.state.runningTransaction(recordKey);
  if (running?.stationId !== context.stationId || signed(meterValue).length > 0) return undefined;
  const metered = meterOf(meterValue, '/meterValue', context);
  const read = readingWithoutRecord(recordKey, metered, running, context);
  if (read === undefined) return undefined;
  const { facts, expects } = read;
  return { response: {}, writes: Object.keys(facts).length > 0 ? [remember(recordKey, facts)] : [], expects };
}

/** A start without a token is recorded, because the station charged, but not accepted. */
async function decideToStart(
  request: Start,
  ended: readonly string[],
  fact: string,
  context: HandlerContext,
): ReturnType<typeof decideOutside> {
  const { idTag } = request;
  if (idTag === undefined) return { decision: { status: 'Invalid' }, writes: [] };
  const own = await refuseConcurrent(await decide(idTag, context), idTag, ended, context);
  const asked = { action: 'StartTransaction', request, token: { text: idTag }, fact } as const;
  return decideOutside(asked, own, context);
}

/** A start on a connector ends the transaction there, unless the start is older and late. */
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
  // A clock may have been set back; a register never falls.
  const [register, reached] = [readDecimal(meterStart), decimalOf(open.lastMeter ?? open.meterStart)];
  return register !== undefined && reached !== undefined && compare(register, reached) > 0;
}

/** For an open transaction: the outcome of the last session with the same start. */
async function earlierSession(
  record: TransactionRecord | undefined,
  { state }: HandlerContext,
): Promise<TransactionRecord | undefined> {
  const startKey = record !== undefined && isOpen(record) ? record.startKey : undefined;
  return startKey === undefined ? undefined : state.transaction(endedKey(startKey));
}

/** An id as the station wrote it; some stations send a text. */
function idOf(transactionId: number | string | undefined, { exact }: HandlerContext): string | undefined {
  return transactionId === undefined ? undefined : (exact.get('/transactionId') ?? String(transactionId));
}

/** The open or closed transaction with this id, if it is this station's. */
async function ownTransaction(
  id: string,
  { state, stationId, log }: HandlerContext,
  read: 'transaction' | 'meteredTransaction' = 'transaction',
): Promise<StoredTransaction | undefined> {
  if (!/^\d+$/.test(id)) return undefined;
  const recordKey = key.transaction(id);
  const record = await state[read](recordKey);
  if (record === undefined || record.stationId === stationId) {
    return record === undefined ? undefined : { key: recordKey, record };
  }
  log.warn({ stationId, transactionId: id }, 'the transaction id belongs to another station');
  return undefined;
}

function words(notes: readonly Note[]): string | undefined {
  return notes.length === 0 ? undefined : notes.join(' ');
}
