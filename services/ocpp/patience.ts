/** Which messages of stations can wait some milliseconds for company: reports, for whose response no driver and no caller waits. */
import { type Frame, MessageType } from './frame.ts';

/** Reports of a station, without a decision in the response. OCPP 1.6 §4 with its security extension, 2.0.1 and 2.1 part 2. */
const REPORTS: ReadonlySet<string> = new Set([
  'DiagnosticsStatusNotification',
  'FirmwareStatusNotification',
  'Heartbeat',
  'LogStatusNotification',
  'MeterValues',
  'NotifyChargingLimit',
  'NotifyCustomerInformation',
  'NotifyDisplayMessages',
  'NotifyEvent',
  'NotifyMonitoringReport',
  'NotifyPeriodicEventStream',
  'NotifyReport',
  'PublishFirmwareStatusNotification',
  'ReportChargingProfiles',
  'ReportDERControl',
  'SecurityEventNotification',
  'SignedFirmwareStatusNotification',
  'StatusNotification',
]);

/** Whether `frame` is such a report. */
export function canWait(frame: Frame): boolean {
  if (frame.type !== MessageType.Call && frame.type !== MessageType.Send) return false;
  return REPORTS.has(frame.action) || (frame.action === 'TransactionEvent' && isReading(frame.payload));
}

/** Of a running transaction, without a token that is to be authorized. 2.0.1 part 2, TransactionEventRequest */
function isReading(payload: unknown): boolean {
  const { eventType, idToken } = (payload ?? {}) as Readonly<Record<string, unknown>>;
  return eventType === 'Updated' && idToken === undefined;
}
