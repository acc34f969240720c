/** A custom Transport that wraps another one: it reports the result of every CALL of a station to an auditor. */
import { MessageType } from 'ocpp-cluster/frame';
import type { MessageHandler, Transport } from 'ocpp-cluster/transport';

/** Called before the outcome takes effect, and again for a CALL that is delivered again. */
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
    // Ports are passed on unchanged.
    calls: inner.calls,
    state: inner.state,
    load: inner.load,
    start: () => inner.start(),
    stop: (graceMs) => inner.stop(graceMs),
    isRunning: () => inner.isRunning(),
    write: (stationId, frame) => inner.write(stationId, frame),
    writeToAll: (frame) => inner.writeToAll(frame),
    connectedClients: () => inner.connectedClients(),
    isClientConnected: (stationId) => inner.isClientConnected(stationId),
    sessionMetadata: (stationId, epoch) => inner.sessionMetadata(stationId, epoch),
    onMessage: (handler) => inner.onMessage(audited(handler)),
    onConnection: (listener) => inner.onConnection(listener),
    onDisconnection: (listener) => inner.onDisconnection(listener),
    onError: (listener) => inner.onError(listener),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
