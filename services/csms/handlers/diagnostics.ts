/** Diagnostics: uploads of logs, and events of monitors in the station. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import { businessKey, digest, eventOf } from '../facts.ts';
import type { Handler } from '../handler.ts';
import { type ConnectorStatus, recordStatuses, statusOf } from './availability.ts';
import { progress } from './notice.ts';

type LogStatus =
  | OCPP16.LogStatusNotificationRequest
  | OCPP20.LogStatusNotificationRequest
  | OCPP21.LogStatusNotificationRequest;
type NotifyEvent = OCPP20.NotifyEventRequest | OCPP21.NotifyEventRequest;
type EventData = NotifyEvent['eventData'][number];

/** Most events of one NotifyEvent: more would push out the events of other stations. */
const MOST_EVENTS = 50;

export const diagnosticsStatusNotification = progress<OCPP16.DiagnosticsStatusNotificationRequest>(
  'diagnostics-status',
  'diagnosticsStatus',
);
export const logStatusNotification = progress<LogStatus>('log-status', 'logStatus');

export const notifyEvent: Handler<NotifyEvent> = async (request, context) => {
  const { stationId, log } = context;
  const { eventData, seqNo } = request;
  const omitted = eventData.length - MOST_EVENTS;
  if (omitted > 0)
    log.warn({ stationId, seqNo, omitted }, 'NotifyEvent has too many events: some are omitted');
  // Of all events: an omitted status would leave a wrong one in the record.
  const { writes, events } = recordStatuses(eventData.flatMap(connectorStatuses), context);
  return {
    response: {},
    writes,
    events: [...eventData.slice(0, MOST_EVENTS).map((data) => deviceEvent(stationId, data)), ...events],
    businessKey: businessKey('device-event', stationId, digest(request)),
  };
};

function deviceEvent(stationId: string, data: EventData) {
  const { component, variable, timestamp, actualValue, transactionId } = data;
  const { eventId, trigger, cleared, techCode, techInfo } = data;
  return eventOf('device-event', stationId, {
    at: timestamp,
    eventId,
    component: component.name,
    instance: component.instance,
    evse: component.evse?.id,
    variable: variable.name,
    value: actualValue,
    trigger,
    cleared,
    severity: 'severity' in data ? data.severity : undefined,
    transactionId,
    techCode,
    techInfo,
  });
}

/** ConnectorStatusEnumType: the values of the variable AvailabilityState of a connector. */
const STATUSES = ['Available', 'Occupied', 'Reserved', 'Unavailable', 'Faulted'];

/**
 * A station may report the status of a connector by its component Connector instead of StatusNotification (G01). The
 * components EVSE and ChargingStation only summarize these: they stay device events. Names are case-insensitive.
 */
function connectorStatuses({ component, variable, actualValue, timestamp }: EventData): ConnectorStatus[] {
  const { id, connectorId } = component.evse ?? {};
  if (!isNamed(component.name, 'Connector') || !isNamed(variable.name, 'AvailabilityState')) return [];
  const status = trimmed(actualValue);
  if (id === undefined || connectorId === undefined || status === '') return [];
  const known = STATUSES.find((name) => isNamed(status, name)) ?? status;
  return [statusOf(id, connectorId, known, timestamp)];
}

/** A repaired message may lack a required field. */
const trimmed = (text: string | undefined) => (text ?? '').trim();
const isNamed = (text: string | undefined, name: string) =>
  trimmed(text).toLowerCase() === name.toLowerCase();
