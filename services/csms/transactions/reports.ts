/**
 * Reports: what a person who bills has to look at. Each is an event, and an entry of the stream `reports`, which only
 * transactions write to: nothing else can push a report out.
 */
import type { DomainEvent, StateWrite } from '../../transport/stored-state.ts';
import { eventOf, type Facts } from '../facts.ts';

export const REPORTS = 'reports';
const REPORTS_KEPT = 100_000;

export type ReportType =
  /** A stop was sent again, with other facts. The bill stays as it is. */
  | 'stop-differs'
  | 'transaction-abandoned'
  /** An open transaction of which nothing was heard for long. */
  | 'transaction-silent'
  | 'transaction-id-reused'
  /** A whole session was sent again (1.6). It is billed once. */
  | 'transaction-repeated'
  /** A stop without a usable id was found to belong to this transaction. */
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
