/**
 * Reports: cases that need a manual check before billing. Each is an event, and an entry of the stream `reports`. Only
 * transactions write to that stream, so nothing else can push a report out.
 */
import type { DomainEvent, StateWrite } from '../../transport/stored-state.ts';
import { eventOf, type Facts } from '../facts.ts';

export const REPORTS = 'reports';
const REPORTS_KEPT = 100_000;

export type ReportType =
  /** A repeated stop has other facts. The bill is unchanged. */
  | 'stop-differs'
  | 'transaction-abandoned'
  /** An open transaction without a message for long. */
  | 'transaction-silent'
  | 'transaction-id-reused'
  /** A whole session was repeated (1.6). It is billed once. */
  | 'transaction-repeated'
  /** A stop without a usable id was matched to this transaction. */
  | 'transaction-linked'
  | 'bill-corrected'
  | 'bill-doubtful';

export interface Effects {
  readonly writes: readonly StateWrite[];
  readonly events: readonly DomainEvent[];
}

export function report(type: ReportType, stationId: string, facts: Facts): Effects {
  const event = eventOf(type, stationId, facts);
  const fields = { type, stationId, ...event.fields };
  return { writes: [{ kind: 'append', key: REPORTS, fields, maxLength: REPORTS_KEPT }], events: [event] };
}

export function joined(...all: readonly Effects[]): Effects {
  return {
    writes: all.flatMap(({ writes }) => writes),
    events: all.flatMap(({ events }) => events),
  };
}
