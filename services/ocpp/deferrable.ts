/** Which messages of stations may be stored some milliseconds later, as no driver and no caller waits for what follows from them. */
import { type Frame, MessageType } from './frame.ts';

/** No one waits for the response. */
const HEARTBEAT_MS = 25;
/** A station that delivers the readings which it kept offline sends the next one when this one is answered. */
const READING_MS = 10;
/**
 * What a network is full of. StatusNotification is not here: a driver plugs in, and the station asks about the token only when it is answered.
 * Nor are the parts of a report, which a caller has asked for.
 */
const DEFERRED_MS: ReadonlyMap<string, number> = new Map([
  ['Heartbeat', HEARTBEAT_MS],
  ['MeterValues', READING_MS],
  ['NotifyEvent', READING_MS],
]);
/** TriggerReasonEnumType of 2.x: a reading that no other event caused. */
const PERIODIC: ReadonlySet<unknown> = new Set(['MeterValuePeriodic', 'MeterValueClock']);

/**
 * How long a message may wait for others before it is stored; ms, 0 for most. Never a SEND: its connection may end meanwhile, and the
 * station does not repeat it.
 */
export function deferredMs(frame: Frame): number {
  if (frame.type !== MessageType.Call) return 0;
  if (frame.action === 'TransactionEvent') return isReading(frame.payload) ? READING_MS : 0;
  return DEFERRED_MS.get(frame.action) ?? 0;
}

/** A reading of a running transaction, sent as it was taken. 2.0.1 part 2, TransactionEventRequest */
function isReading(payload: unknown): boolean {
  const { eventType, triggerReason, idToken, offline } = (payload ?? {}) as Readonly<Record<string, unknown>>;
  return eventType === 'Updated' && PERIODIC.has(triggerReason) && idToken === undefined && offline !== true;
}
