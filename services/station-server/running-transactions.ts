/**
 * Whether a station is charging, judged from the frames that pass: enough to let it go last in a drain.
 * A guess on purpose. It counts wrong when a station re-sends a start, or charged before it
 * connected and says nothing; the price is a place in the queue, never a message.
 */
import { type Frame, MessageType } from '../ocpp/frame.ts';

type Payload = Readonly<Record<string, unknown>>;

/** The number of running transactions after `frame` of the station, `before` being the number until then. */
export function transactionsAfter(before: number, frame: Frame): number {
  if (frame.type !== MessageType.Call && frame.type !== MessageType.Send) return before;
  const payload = frame.payload as Payload;
  switch (frame.action) {
    case 'StartTransaction':
      return before + 1;
    case 'StopTransaction':
      return Math.max(0, before - 1);
    case 'MeterValues':
      // 1.6 names the transaction only while one runs; a station may have reconnected in the midst of it.
      return payload['transactionId'] === undefined ? before : Math.max(1, before);
    case 'TransactionEvent':
      if (payload['eventType'] === 'Started') return before + 1;
      if (payload['eventType'] === 'Ended') return Math.max(0, before - 1);
      return Math.max(1, before);
    default:
      return before;
  }
}
