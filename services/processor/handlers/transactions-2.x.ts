/**
 * Transactions of OCPP 2.0.1 and 2.1: TransactionEvent, and MeterValues, which are never part of one.
 *
 * The station gives the ids and numbers its events. Any of them may be the first to arrive, or come
 * long after the fact (offline): what is told is remembered, nothing is refused.
 */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import { businessKey, digest, METER_KEY_SECONDS } from '../business-key.ts';
import type { Handler, HandlerContext } from '../handler.ts';
import { readings, signed } from '../meter.ts';
import {
  keepMeterValues,
  key,
  markClosed,
  recordClosed,
  rememberTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from '../state.ts';
import type { Authorization } from '../tokens.ts';
import { decideToken, idTokenInfo } from './authorization.ts';

type Event = OCPP20.TransactionEventRequest | OCPP21.TransactionEventRequest;
type EventResponse = OCPP20.TransactionEventResponse & OCPP21.TransactionEventResponse;

export const transactionEvent: Handler<Event, EventResponse> = async (event, context) => {
  const { stationId } = context;
  const { transactionId } = event.transactionInfo;
  const recordKey = key.stationTransaction(stationId, transactionId);
  const [known = {}, decision] = await Promise.all([
    context.state.transaction(recordKey),
    event.idToken === undefined ? undefined : decideToken(event.idToken, context),
  ]);
  return {
    response: decision === undefined ? {} : { idTokenInfo: idTokenInfo(decision) },
    businessKey: businessKey('event', stationId, transactionId, event.seqNo),
    ...(event.eventType === 'Updated' && { businessKeySeconds: METER_KEY_SECONDS }),
    ...change(event, known, decision, recordKey, context),
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

function change(
  event: Event,
  known: TransactionRecord,
  decision: Authorization | undefined,
  recordKey: string,
  { stationId, protocol, log }: HandlerContext,
) {
  const { transactionId } = event.transactionInfo;
  if (known.closed !== undefined) {
    log.warn(
      { stationId, transactionId, seqNo: event.seqNo },
      'event of a closed transaction: it stays as it is',
    );
    return { writes: keepMeterValues({ stationId, transactionId }, event.meterValue) };
  }
  const facts = { stationId, transactionId, protocol, ...told(event, known, decision) };
  const about = { transactionId, ...(event.evse !== undefined && { evse: `${event.evse.id}` }) };
  const ends = event.eventType === 'Ended';
  const whole = { stationId, transactionId, evseId: event.evse?.id ?? known.evseId };
  const kept = keepMeterValues(whole, ends ? event.meterValue : signed(event.meterValue));
  switch (event.eventType) {
    case 'Started':
      return {
        writes: [rememberTransaction(recordKey, facts), ...kept],
        events: [{ type: 'transaction-started', stationId, fields: about }],
      };
    case 'Updated':
      return { writes: [rememberTransaction(recordKey, facts), ...kept] };
    default:
      return {
        writes: [
          recordClosed(closed(event, known, facts)),
          ...markClosed(recordKey, event.timestamp),
          ...kept,
        ],
        events: [{ type: 'transaction-stopped', stationId, fields: about }],
      };
  }
}

/** What this event adds to the known facts. The first token stays: a stop may be another's card. */
function told(event: Event, known: TransactionRecord, decision: Authorization | undefined): TransactionFacts {
  const starts = event.eventType === 'Started';
  const metered = readings(event.meterValue);
  const reading = metered.at(-1);
  const late = Number(known.seqNo ?? -1) > event.seqNo;
  return {
    ...(event.evse !== undefined && { evseId: event.evse.id, connectorId: event.evse.connectorId }),
    ...(starts && { startedAt: event.timestamp, meterStart: metered[0]?.wattHours }),
    ...(event.idToken !== undefined &&
      known.idTag === undefined && { idTag: event.idToken.idToken, authorization: decision?.status }),
    ...(!late && { seqNo: event.seqNo }),
    ...(!late && reading !== undefined && { lastMeter: reading.wattHours, lastMeterAt: reading.at }),
  };
}

/** The entry for billing: everything known, without what only an open transaction needs. */
function closed(event: Event, known: TransactionRecord, facts: TransactionFacts): TransactionFacts {
  const { lastMeter, lastMeterAt: _at, seqNo: _seqNo, ...kept } = { ...known, ...defined(facts) };
  return {
    ...kept,
    meterStop: lastMeter,
    stoppedAt: event.timestamp,
    // Left out means Local (TransactionType.stoppedReason).
    reason: event.transactionInfo.stoppedReason ?? 'Local',
  };
}

function defined(facts: TransactionFacts): TransactionFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
