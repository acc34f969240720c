/**
 * Estimates from forwarded frames whether a station is charging, so that a drain can close it last. The estimate is wrong
 * when a station repeats a start, or was charging before it connected and sends nothing. A wrong one changes the order of
 * closing; it never costs a message.
 */
import { type Frame, MessageType } from '../ocpp/frame.ts';

type Payload = Readonly<Record<string, unknown>>;

/** The number of running transactions after `frame`, given the number before it. */
export function transactionsAfter(before: number, frame: Frame): number {
  if (frame.type !== MessageType.Call && frame.type !== MessageType.Send) return before;
  const payload = frame.payload as Payload;
  switch (frame.action) {
    case 'StartTransaction':
      return before + 1;
    case 'StopTransaction':
      return Math.max(0, before - 1);
    case 'MeterValues':
      // 1.6 names a transaction only while it runs; the station may have reconnected during it.
      return payload['transactionId'] === undefined ? before : Math.max(1, before);
    case 'TransactionEvent':
      if (payload['eventType'] === 'Started') return before + 1;
      if (payload['eventType'] === 'Ended') return Math.max(0, before - 1);
      return Math.max(1, before);
    default:
      return before;
  }
}
