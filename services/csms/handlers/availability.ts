/**
 * The last status of each connector, and an event for each report. A station reports it by StatusNotification, and in
 * 2.x also by NotifyEvent of the component Connector (G01).
 */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import { eventOf, type Facts } from '../facts.ts';
import type { Handler, HandlerContext, HandlerResult } from '../handler.ts';
import { rememberStation, statusField } from '../state.ts';

type Status2 = OCPP20.StatusNotificationRequest | OCPP21.StatusNotificationRequest;

/** Longest text in the record of a connector, which has at most 100 of them. */
const LONGEST = 100;

export interface ConnectorStatus {
  /** Field of the station's record; undefined for an impossible connector. */
  readonly field: string | undefined;
  readonly facts: Facts;
}

export const statusNotification16: Handler<OCPP16.StatusNotificationRequest> = async (request, context) => {
  const { connectorId, status, errorCode, timestamp } = request;
  const facts = {
    connector: connectorId,
    status,
    at: timestamp ?? context.now.toISOString(),
    ...(errorCode !== 'NoError' && { errorCode }),
  };
  return { response: {}, ...recordStatuses([{ field: statusField(connectorId), facts }], context) };
};

export const statusNotification2: Handler<Status2> = async (request, context) => {
  const { evseId, connectorId, connectorStatus, timestamp } = request;
  const status = statusOf(evseId, connectorId, connectorStatus, timestamp);
  return { response: {}, ...recordStatuses([status], context) };
};

/** The status of a connector in 2.x. */
export function statusOf(evseId: number, connectorId: number, status: string, at: string): ConnectorStatus {
  return {
    field: statusField(connectorId, evseId),
    facts: { connector: `${evseId}.${connectorId}`, status, at },
  };
}

/** Writes and events of a message with statuses; the last status of each connector counts. */
export function recordStatuses(
  statuses: readonly ConnectorStatus[],
  { stationId, log }: Pick<HandlerContext, 'stationId' | 'log'>,
): Required<Pick<HandlerResult, 'writes' | 'events'>> {
  const last = new Map<string, Facts>();
  for (const { field, facts } of statuses) {
    if (field !== undefined) last.set(field, facts);
    else
      log.warn(
        { stationId, connector: facts['connector'] },
        'status of an impossible connector not recorded',
      );
  }
  const reports = [...last].map(
    ([field, facts]) => [field, eventOf('connector-status', stationId, facts, LONGEST)] as const,
  );
  if (reports.length === 0) return { writes: [], events: [] };
  const records = Object.fromEntries(reports.map(([field, { fields }]) => [field, JSON.stringify(fields)]));
  return { writes: [rememberStation(stationId, records)], events: reports.map(([, event]) => event) };
}
