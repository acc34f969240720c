/** Which messages of stations may be stored some milliseconds later, as no driver and no caller waits for what follows from them. */
import { type Frame, MessageType } from './frame.ts';

/**
 * What a network is full of. StatusNotification is not here: a driver plugs in, and the station asks about the token only when it is answered.
 * Nor are the parts of a report, which a caller has asked for.
 */
const DEFERRABLE: ReadonlySet<string> = new Set(['Heartbeat', 'MeterValues', 'NotifyEvent']);
/** TriggerReasonEnumType of 2.x: a reading that no other event caused. */
const PERIODIC: ReadonlySet<unknown> = new Set(['MeterValuePeriodic', 'MeterValueClock']);

/** Never a SEND: its connection may end meanwhile, and the station does not repeat it. */
export function isDeferrable(frame: Frame): boolean {
  if (frame.type !== MessageType.Call) return false;
  return DEFERRABLE.has(frame.action) || (frame.action === 'TransactionEvent' && isReading(frame.payload));
}

/** A reading of a running transaction, sent as it was taken. 2.0.1 part 2, TransactionEventRequest */
function isReading(payload: unknown): boolean {
  const { eventType, triggerReason, idToken, offline } = (payload ?? {}) as Readonly<Record<string, unknown>>;
  return eventType === 'Updated' && PERIODIC.has(triggerReason) && idToken === undefined && offline !== true;
}
