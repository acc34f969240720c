/** Closes a transaction: its bill, its mark, its place in the register, its events and reports, all in one outcome. */
import { eventOf } from '../facts.ts';
import { type End, makeBill, recordBill } from './bill.ts';
import { closeRecord, type StoredTransaction, type TransactionFacts } from './record.ts';
import { type Effects, joined, report } from './reports.ts';
import { utc, utcOf } from '../../ocpp/time.ts';

export interface Billed extends Effects {
  readonly billId: string;
  readonly meterStop: string | undefined;
  readonly stopPhases: string;
}

/** The bill of a transaction, its events and reports. @param known all facts, including those of the end */
export function billed(known: TransactionFacts, end: End): Billed {
  const bill = makeBill(known, end);
  const { billId, meterStart, meterStop, energy, startedAt, stoppedAt, idTag, notes } = bill.entry;
  const { stationId = '', transactionId } = known;
  const { kind, supersedes, reason } = end;
  const effects: Effects[] = [{ writes: [recordBill(bill)], events: [] }];
  if (kind !== 'abandoned' && end.again !== true) {
    const facts = { billId, idTag, startedAt, stoppedAt, meterStart, meterStop, energy, reason, notes };
    effects.push({ writes: [], events: [stopped(known, facts)] });
  }
  if (supersedes !== undefined) {
    effects.push(report('bill-corrected', stationId, { transactionId, billId, supersedes, reason }));
  }
  if (bill.doubts.length > 0) {
    effects.push(report('bill-doubtful', stationId, { transactionId, billId, notes }));
  }
  return { ...joined(...effects), billId, meterStop, stopPhases: bill.stopPhases };
}

/**
 * Bills a transaction and replaces its record by its closing mark.
 * @param expireSeconds how long the mark is kept
 * @param said the facts of a 1.6 stop, to recognize a duplicate
 */
export function close(
  key: string,
  known: TransactionFacts,
  end: End,
  expireSeconds: number,
  said?: string,
): Billed {
  const bill = billed(known, end);
  const { billId, meterStop } = bill;
  const stopPhases = bill.stopPhases === '' ? undefined : bill.stopPhases;
  const { stoppedAt, stoppedAtUtc, kind, reason } = end;
  const stopSaid = end.meter.said === 'register' ? undefined : end.meter.said;
  const mark = { stoppedAt, stoppedAtUtc, kind, reason, billId, meterStop, stopPhases, stopSaid, said };
  return { ...bill, ...joined(bill, { writes: closeRecord(key, known, mark, expireSeconds), events: [] }) };
}

/** Why a transaction is closed without a stop. */
export type AbandonReason = 'silent' | 'station-gone' | 'connector-reused' | 'id-reused';

/** Closes a transaction without a stop, with its last known register. @param now ms since 1970 */
export function abandon(
  { key, record }: StoredTransaction,
  reason: AbandonReason,
  now: number,
  expireSeconds: number,
): Effects & { readonly billId: string } {
  const stoppedAt = record.lastMeterAt ?? record.startedAt ?? utc(now);
  const end: End = {
    kind: 'abandoned',
    meter: { said: 'nothing' },
    stoppedAt,
    stoppedAtUtc: utcOf(stoppedAt, now),
    reason,
  };
  const { stationId = '', transactionId, connectorId, evseId } = record;
  const closing = close(key, record, end, expireSeconds);
  const facts = { transactionId, reason, billId: closing.billId, connector: connectorId, evse: evseId };
  const { billId } = closing;
  return { ...joined(closing, report('transaction-abandoned', stationId, facts)), billId };
}

function stopped(
  { stationId = '', transactionId, evseId, reservationId, remoteStartId, chargingState }: TransactionFacts,
  more: Readonly<Record<string, string | undefined>>,
) {
  const facts = { transactionId, evse: evseId, ...more, reservationId, remoteStartId, chargingState };
  return eventOf('transaction-stopped', stationId, facts);
}
