/**
 * Transactions of OCPP 1.6: StartTransaction, MeterValues, StopTransaction.
 *
 * A station reports what has happened already, perhaps days ago and offline. So nothing here refuses:
 * a start with a blocked token gets an id and is told so (§6.45), a stop without a known start is
 * recorded with what it says.
 */
import type { OCPP16 } from 'typed-ocpp';
import { businessKey, digest, METER_KEY_SECONDS } from '../business-key.ts';
import type { Handler, HandlerContext } from '../handler.ts';
import { type Reading, readings, signed } from '../meter.ts';
import {
  forgetTransaction,
  keepMeterValues,
  key,
  recordClosed,
  rememberTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from '../state.ts';
import { decide, idTagInfo } from './authorization.ts';

export const startTransaction: Handler<
  OCPP16.StartTransactionRequest,
  OCPP16.StartTransactionResponse
> = async ({ connectorId, idTag, meterStart, timestamp }, context) => {
  const { stationId, protocol, state } = context;
  const [decision, transactionId] = await Promise.all([decide(idTag, context), state.nextTransactionId()]);
  const info = idTagInfo(decision);
  const facts = {
    stationId,
    transactionId: `${transactionId}`,
    protocol,
    connectorId,
    idTag,
    authorization: info.status,
    meterStart,
    startedAt: timestamp,
  };
  const about = {
    transactionId: `${transactionId}`,
    connector: `${connectorId}`,
    authorization: info.status,
  };
  return {
    response: { transactionId, idTagInfo: info },
    writes: [rememberTransaction(key.transaction(transactionId), facts)],
    events: [{ type: 'transaction-started', stationId, fields: about }],
    businessKey: businessKey('start', stationId, connectorId, idTag.toUpperCase(), meterStart, timestamp),
  };
};

export const stopTransaction: Handler<OCPP16.StopTransactionRequest, OCPP16.StopTransactionResponse> = async (
  { transactionId, meterStop, timestamp, reason, idTag, transactionData },
  context,
) => {
  const { stationId, protocol } = context;
  const [open, decision] = await Promise.all([
    openTransaction(transactionId, context),
    idTag === undefined ? undefined : decide(idTag, context),
  ]);
  const facts = {
    ...billed(open),
    stationId,
    transactionId: `${transactionId}`,
    protocol,
    ...(open === undefined && { idTag }),
    meterStop,
    stoppedAt: timestamp,
    // Left out means Local (§6.49).
    reason: reason ?? 'Local',
  };
  const fields = { transactionId: `${transactionId}`, meterStop: `${meterStop}`, reason: facts.reason };
  // Our ids are above 0. A station that never got one says 0 or -1 of every such transaction: another fact each.
  const told = transactionId > 0 ? [] : [meterStop, timestamp];
  const forget = open === undefined ? [] : [forgetTransaction(key.transaction(transactionId))];
  return {
    response: decision === undefined ? {} : { idTagInfo: idTagInfo(decision) },
    // Without an open transaction of this station there is nothing to remove, least of all another's.
    writes: [
      recordClosed(facts),
      ...forget,
      ...keepMeterValues(
        { stationId, transactionId: `${transactionId}`, connectorId: open?.connectorId },
        transactionData,
      ),
    ],
    events: [{ type: 'transaction-stopped', stationId, fields }],
    businessKey: businessKey('stop', stationId, transactionId, ...told),
  };
};

/** Of a running transaction only the last register and signed values are kept, of any other all. */
export const meterValues16: Handler<OCPP16.MeterValuesRequest> = async (request, context) => {
  const { stationId } = context;
  const { connectorId, transactionId, meterValue } = request;
  const open = transactionId === undefined ? undefined : await openTransaction(transactionId, context);
  const running = transactionId !== undefined && open !== undefined;
  const reading = running ? readings(meterValue).at(-1) : undefined;
  const about = {
    stationId,
    connectorId,
    ...(transactionId !== undefined && { transactionId: `${transactionId}` }),
  };
  const kept = keepMeterValues(about, running ? signed(meterValue) : meterValue);
  const writes =
    running && reading !== undefined && !isOlder(reading, open)
      ? [rememberTransaction(key.transaction(transactionId), lastReading(reading)), ...kept]
      : kept;
  if (writes.length === 0) return { response: {} };
  const fact = businessKey('meter', stationId, connectorId, transactionId, digest(meterValue));
  return { response: {}, writes, businessKey: fact, businessKeySeconds: METER_KEY_SECONDS };
};

/** A station that catches up, or sends again after long, does not turn back the register. */
function isOlder({ at }: Reading, { lastMeterAt }: TransactionRecord): boolean {
  return lastMeterAt !== undefined && Date.parse(at) < Date.parse(lastMeterAt);
}

function lastReading({ wattHours, at }: Reading): TransactionFacts {
  return { lastMeter: wattHours, lastMeterAt: at };
}

/** The open transaction of that id, if it is this station's. */
async function openTransaction(
  id: number,
  { state, stationId, log }: HandlerContext,
): Promise<TransactionRecord | undefined> {
  const record = await state.transaction(key.transaction(id));
  if (record === undefined || record.stationId === stationId) return record;
  log.warn({ stationId, transactionId: id }, 'the station names a transaction of another station');
  return undefined;
}

/** What billing takes over from the open transaction. */
function billed(open: TransactionRecord | undefined) {
  const { connectorId, idTag, authorization, meterStart, startedAt } = open ?? {};
  return { connectorId, idTag, authorization, meterStart, startedAt };
}
