/**
 * Transactions of OCPP 2.0.1 and 2.1: TransactionEvent, and MeterValues, which are never part of one.
 *
 * The station gives the ids and numbers its events. Any of them may be the first to arrive, or come long after the fact
 * (offline): what is said is remembered, nothing is refused. What an event means for a transaction that is open, closed
 * or unknown says the table in transactions/event-kind.ts.
 */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import { businessKey, digest, METER_KEY_SECONDS } from '../facts.ts';
import type { Handler, HandlerContext } from '../handler.ts';
import { isNewer, signed } from '../transactions/meter.ts';
import { keepMeterValues, key } from '../state.ts';
import { abandon } from '../transactions/closing.ts';
import { effectsOf, meaningFor } from '../transactions/event-effects.ts';
import type { ReceivedEvent, TransactionEvent } from '../transactions/event-facts.ts';
import { factWithoutTime, meterOf, reportedTime } from '../transactions/reading.ts';
import type { StoredTransaction, TransactionRecord } from '../transactions/record.ts';
import { type Effects, joined } from '../transactions/reports.ts';
import { decideToken, idTokenInfo, refuseConcurrent } from './authorization.ts';

type EventResponse = OCPP20.TransactionEventResponse & OCPP21.TransactionEventResponse;

export const transactionEvent: Handler<TransactionEvent, EventResponse> = async (event, context) => {
  const { stationId, settings, state } = context;
  const { eventType, idToken } = event;
  const { transactionId } = event.transactionInfo;
  const starts = eventType === 'Started';
  const recordKey = key.stationTransaction(stationId, transactionId);
  const [known, open, decision] = await Promise.all([
    state.transaction(recordKey),
    starts && event.evse !== undefined ? state.openTransactions(stationId) : [],
    idToken === undefined ? undefined : decideToken(idToken, context),
  ]);
  const replaced = open.filter((one) => one.key !== recordKey && isReplaced(one, event, context));
  const except = [recordKey, ...replaced.map((one) => one.key)];
  const judged =
    starts && decision !== undefined && idToken !== undefined && idToken.idToken !== ''
      ? await refuseConcurrent(decision, idToken.idToken, except, context)
      : decision;
  const now = context.now.getTime();
  const metered = meterOf(event.meterValue, '/meterValue', context);
  return {
    response: judged === undefined ? {} : { idTokenInfo: idTokenInfo(judged) },
    businessKey: factOf(event, context),
    businessKeySeconds: eventType === 'Updated' ? METER_KEY_SECONDS : settings.transactionKeySeconds,
    ...joined(
      ...replaced.map((other) => abandon(other, 'connector-reused', now, settings.transactionKeySeconds)),
      effects(recordKey, known, { event, metered, decision: judged, context }),
    ),
  };
};

export const meterValues2: Handler<OCPP20.MeterValuesRequest | OCPP21.MeterValuesRequest> = async (
  { evseId, meterValue },
  { stationId },
) => ({
  response: {},
  writes: keepMeterValues({ stationId, evseId }, meterValue),
  businessKey: businessKey('meter', stationId, evseId, digest(meterValue)),
  businessKeySeconds: METER_KEY_SECONDS,
});

/**
 * The name of an event. Its meter values are part of it: a station whose counter and clock stand still says something new
 * all the same.
 */
function factOf(event: TransactionEvent, context: HandlerContext): string {
  const { eventType, seqNo, timestamp, transactionInfo, meterValue } = event;
  const { transactionId } = transactionInfo;
  const meter = meterValue === undefined ? undefined : digest(meterValue);
  const said = [eventType, reportedTime(timestamp, context) ?? factWithoutTime(event), meter];
  return businessKey('event', context.stationId, transactionId, seqNo, ...said);
}

/** A start on an EVSE ends what ran there, unless it is older and comes late. */
function isReplaced(
  { record }: StoredTransaction,
  event: TransactionEvent,
  { now }: HandlerContext,
): boolean {
  if (record.evseId === undefined || record.evseId !== String(event.evse?.id)) return false;
  const { connectorId } = event.evse ?? {};
  const otherConnector =
    record.connectorId !== undefined && connectorId !== undefined && record.connectorId !== `${connectorId}`;
  return !otherConnector && isNewer(event.timestamp, record.startedAt, now.getTime());
}

/** What the event changes, and its meter values that are kept whole. */
function effects(recordKey: string, known: TransactionRecord | undefined, told: ReceivedEvent): Effects {
  const { event, context } = told;
  const meaning = meaningFor(told, known);
  const about = {
    stationId: context.stationId,
    transactionId: event.transactionInfo.transactionId,
    evseId: event.evse?.id ?? known?.evseId,
  };
  const whole = event.eventType === 'Ended' || meaning === 'repeats';
  const values = event.meterValue;
  const writes = keepMeterValues(about, whole ? values : signed(values));
  return joined(effectsOf(meaning, recordKey, known ?? {}, told), { writes, events: [] });
}
