/** A Transport of one's own, around another one: it tells an auditor what every CALL of a station came to. */
import { MessageType } from 'ocpp-cluster/frame';
import type { MessageHandler, Transport } from 'ocpp-cluster/transport';

/** Told before the outcome takes effect: a CALL that is delivered again is told again. */
export type Audit = (stationId: string, messageId: string, result: string) => void;

export function auditedTransport(inner: Transport, audit: Audit): Transport {
  const audited =
    (handler: MessageHandler): MessageHandler =>
    async (delivery) => {
      const outcome = await handler(delivery);
      const { stationId, frame } = delivery;
      if (frame.type === MessageType.Call) audit(stationId, frame.id, outcome.answer?.kind ?? 'none');
      return outcome;
    };
  return {
    state: inner.state,
    start: () => inner.start(),
    amend: (amendment) => inner.amend(amendment),
    stop: (graceMs) => inner.stop(graceMs),
    isRunning: () => inner.isRunning(),
    write: (stationId, frame) => inner.write(stationId, frame),
    writeToAll: (frame) => inner.writeToAll(frame),
    call: (call) => inner.call(call),
    callState: (stationId, key) => inner.callState(stationId, key),
    cancelCall: (stationId, key) => inner.cancelCall(stationId, key),
    connectedClients: () => inner.connectedClients(),
    isClientConnected: (stationId) => inner.isClientConnected(stationId),
    connectedProtocol: (stationId) => inner.connectedProtocol(stationId),
    onMessage: (handler) => inner.onMessage(audited(handler)),
    onConnection: (listener) => inner.onConnection(listener),
    onDisconnection: (listener) => inner.onDisconnection(listener),
    onError: (listener) => inner.onError(listener),
    load: () => inner.load(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
