/** One station's connection on a RedisGateway. */
import type { GatewayConnection, IncomingFrame, StationSession, StationSink } from '../../transport.ts';
import { EnvelopeWriter } from '../queue/envelope.ts';
import { escapeKey } from '../keys.ts';

/** What a connection needs of its gateway. */
export interface ConnectionHost {
  /** Resolves when the entry is stored. @param deferredMs how long it may wait for others */
  push(entry: string, deferredMs: number): Promise<void>;
  closed(connection: StationConnection): Promise<void>;
}

export class StationConnection implements GatewayConnection {
  readonly epoch: number;
  /** Escaped. */
  readonly station: string;
  readonly proxyId: string;
  readonly sink: StationSink;
  /** Its session is open in Redis: from now on it must be there. */
  open = false;
  /** When a rollout closed the station's last connection, until the first response on this one; performance.now(). */
  movedAt: number | undefined;
  readonly #gateway: ConnectionHost;
  readonly #writer: EnvelopeWriter;

  constructor(
    gateway: ConnectionHost,
    session: StationSession,
    proxyId: string,
    epoch: number,
    sink: StationSink,
  ) {
    this.#gateway = gateway;
    this.epoch = epoch;
    this.proxyId = proxyId;
    this.sink = sink;
    this.station = escapeKey(session.stationId);
    this.#writer = new EnvelopeWriter(session.stationId, proxyId, epoch, session.protocol);
  }

  forward(incoming: IncomingFrame): Promise<void> {
    return this.#gateway.push(this.#writer.write(incoming), incoming.deferredMs ?? 0);
  }

  close(): Promise<void> {
    return this.#gateway.closed(this);
  }
}
