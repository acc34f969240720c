/**
 * Transactions of OCPP 2.0.1 and 2.1: TransactionEvent, and MeterValues, which are never part of one.
 *
 * The station assigns the ids and numbers its events. Any event may arrive first, or long after the fact (offline):
 * nothing is refused. The table in transactions/event-kind.ts says what an event means for an open, closed or unknown
 * transaction.
 */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import type { Protocol } from '../../ocpp/frame.ts';
import type { Authorization } from '../tokens.ts';
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
import { decideOutside, decideToken, idTokenInfo, refuseConcurrent, tokenOf } from './authorization.ts';

type EventResponse = OCPP20.TransactionEventResponse & OCPP21.TransactionEventResponse;

export const transactionEvent: Handler<TransactionEvent, EventResponse> = async (event, context) => {
  const { stationId, settings, state } = context;
  const { eventType, idToken } = event;
  const { transactionId } = event.transactionInfo;
  const starts = eventType === 'Started';
  const recordKey = key.stationTransaction(stationId, transactionId);
  const [known, open, listed] = await Promise.all([
    state.transaction(recordKey),
    starts && event.evse !== undefined ? state.openTransactions(stationId) : [],
    idToken === undefined ? undefined : decideToken(idToken, context),
  ]);
  const replaced = open.filter((one) => one.key !== recordKey && isReplaced(one, event, context));
  const except = [recordKey, ...replaced.map((one) => one.key)];
  const own =
    starts && listed !== undefined && idToken !== undefined && idToken.idToken !== ''
      ? await refuseConcurrent(listed, idToken.idToken, except, context)
      : listed;
  const fact = factOf(event, context);
  const token = idToken === undefined ? undefined : tokenOf(idToken);
  // A question for each token of a transaction, however many of its events have it: a decider may reserve money for it.
  const question = businessKey('payer', stationId, transactionId, idToken?.idToken);
  const asked = { action: 'StartTransaction', request: event, token, fact: question } as const;
  const judged = own === undefined ? undefined : await decideOutside(asked, own, context);
  const decision = judged?.decision;
  const now = context.now.getTime();
  const metered = meterOf(event.meterValue, '/meterValue', context);
  return {
    response:
      decision === undefined
        ? {}
        : { idTokenInfo: idTokenInfo(decision), ...limitFor(event, known, decision, context.protocol) },
    businessKey: fact,
    businessKeySeconds: eventType === 'Updated' ? METER_KEY_SECONDS : settings.transactionKeySeconds,
    ...joined(
      ...replaced.map((other) => abandon(other, 'connector-reused', now, settings.transactionKeySeconds)),
      effects(recordKey, known, { event, metered, decision, context }),
      { writes: judged?.writes ?? [], events: [] },
    ),
  };
};

/**
 * The limits of the token that pays (2.1 E16). Not those of another card, which may stop; an ended transaction needs none.
 */
function limitFor(
  { eventType, idToken }: TransactionEvent,
  known: TransactionRecord | undefined,
  { status, maxEnergyWh: maxEnergy, maxDurationSeconds: maxTime }: Authorization,
  protocol: Protocol,
): Pick<OCPP21.TransactionEventResponse, 'transactionLimit'> {
  const isNone = maxEnergy === undefined && maxTime === undefined;
  if (isNone || protocol !== 'ocpp2.1' || status !== 'Accepted' || eventType === 'Ended') return {};
  const { idTag = idToken?.idToken } = known ?? {};
  if (idTag?.toUpperCase() !== idToken?.idToken.toUpperCase()) return {};
  return {
    transactionLimit: {
      ...(maxEnergy !== undefined && { maxEnergy }),
      ...(maxTime !== undefined && { maxTime }),
    },
  };
}

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
 * The business key of an event. Meter values are part of it: they distinguish the events of a station whose counter and
 * clock are stuck.
 */
function factOf(event: TransactionEvent, context: HandlerContext): string {
  const { eventType, seqNo, timestamp, transactionInfo, meterValue } = event;
  const { transactionId } = transactionInfo;
  const meter = meterValue === undefined ? undefined : digest(meterValue);
  const said = [eventType, reportedTime(timestamp, context) ?? factWithoutTime(event), meter];
  return businessKey('event', context.stationId, transactionId, seqNo, ...said);
}

/** A start on an EVSE ends the transaction there, unless the start is older and late. */
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

/** The effects of the event, and the meter values that are stored completely. */
function effects(recordKey: string, known: TransactionRecord | undefined, received: ReceivedEvent): Effects {
  const { event, context } = received;
  const meaning = meaningFor(received, known);
  const about = {
    stationId: context.stationId,
    transactionId: event.transactionInfo.transactionId,
    evseId: event.evse?.id ?? known?.evseId,
  };
  const whole = event.eventType === 'Ended' || meaning === 'repeats';
  const values = event.meterValue;
  const writes = keepMeterValues(about, whole ? values : signed(values));
  return joined(effectsOf(meaning, recordKey, known ?? {}, received), { writes, events: [] });
}
