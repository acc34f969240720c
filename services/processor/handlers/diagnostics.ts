/** Diagnostics: uploads of logs, and what monitors in the station notice. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import { businessKey, digest } from '../business-key.ts';
import type { Handler } from '../handler.ts';
import { eventOf } from '../domain-event.ts';
import { progress } from './notice.ts';

type LogStatus =
  | OCPP16.LogStatusNotificationRequest
  | OCPP20.LogStatusNotificationRequest
  | OCPP21.LogStatusNotificationRequest;
type NotifyEvent = OCPP20.NotifyEventRequest | OCPP21.NotifyEventRequest;
type EventData = NotifyEvent['eventData'][number];

/** Events made of one NotifyEvent: a flood of them would push out those of all other stations. */
const MOST_EVENTS = 50;

export const diagnosticsStatusNotification = progress<OCPP16.DiagnosticsStatusNotificationRequest>(
  'diagnostics-status',
  'diagnosticsStatus',
);
export const logStatusNotification = progress<LogStatus>('log-status', 'logStatus');

export const notifyEvent: Handler<NotifyEvent> = async (request, { stationId, log }) => {
  const { eventData, seqNo } = request;
  const omitted = eventData.length - MOST_EVENTS;
  if (omitted > 0)
    log.warn({ stationId, seqNo, omitted }, 'too many events in one NotifyEvent: some are omitted');
  return {
    response: {},
    events: eventData.slice(0, MOST_EVENTS).map((data) => deviceEvent(stationId, data)),
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
