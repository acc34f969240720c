/**
 * Sessions whose loss closes their sockets at a limited rate. A Redis that was emptied or restored, or a lease that ended, takes
 * all sessions of a proxy at once; closing all their sockets in the same second would bring all stations back in the next ones.
 *
 * Until its turn comes, the socket stays open and is of no use: its frames are not stored and not answered, as they would
 * have no effect under the lost session, and the station sends them again after it has reconnected. A station that sends
 * a CALL meanwhile wants service: it is closed before those that are idle.
 *
 * The session is not opened again for the live socket. The station may have connected elsewhere while this socket was half open:
 * a newer epoch would take the session from that connection. CALLs that were stored under the lost epoch would stay open until
 * they time out, which is later than a reconnect.
 */
import type { Clock } from '../../runtime/clock.ts';
import { RateLine } from '../../station-server/rates/rate-line.ts';
import type { QueuedEntry } from '../../station-server/rates/rate-queue.ts';
import { TransportError } from '../../transport/errors.ts';
import type {
  GatewayConnection,
  IncomingFrame,
  OutgoingFrame,
  Revocation,
  StationSession,
  StationSessions,
  StationSink,
} from '../../transport/gateway.ts';

export interface LostSessionsPace {
  /** This process's share of the rate of the cluster; read each time, as it changes. */
  readonly closesPerSecond: () => number;
  readonly clock: Clock;
}

export class LostSessions implements StationSessions, Disposable {
  readonly #inner: StationSessions;
  readonly #line: RateLine;

  constructor(inner: StationSessions, { closesPerSecond, clock }: LostSessionsPace) {
    this.#inner = inner;
    this.#line = new RateLine({ perSecond: closesPerSecond, maxWaitMs: Infinity, clock });
  }

  /** Sockets that are to be closed. */
  get waiting(): number {
    return this.#line.waiting;
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    const watched = new WatchedSink(sink, this.#line);
    return new WatchedConnection(await this.#inner.open(session, watched), watched);
  }

  /** Stops the timer. */
  [Symbol.dispose](): void {
    this.#line[Symbol.dispose]();
  }
}

class WatchedSink implements StationSink {
  readonly #sink: StationSink;
  readonly #line: RateLine;
  #lost = false;
  #entry: QueuedEntry | undefined;

  constructor(sink: StationSink, line: RateLine) {
    this.#sink = sink;
    this.#line = line;
  }

  get isLost(): boolean {
    return this.#lost;
  }

  deliver(frame: OutgoingFrame): boolean {
    return !this.#lost && this.#sink.deliver(frame);
  }

  revoked(why: Revocation, reason: string): void {
    if (why === 'replaced') {
      this.leave();
      return this.#sink.revoked(why, reason);
    }
    if (this.#lost) return;
    this.#lost = true;
    this.#entry = this.#line.join();
    if (this.#entry === undefined) return this.#sink.revoked(why, reason);
    void this.#entry.ended.then((ended) => {
      if (ended !== 'left') this.#sink.revoked(why, reason);
    });
  }

  /** It is closed next. */
  hurry(): void {
    this.#entry?.hurry();
  }

  leave(): void {
    this.#entry?.leave();
  }
}

class WatchedConnection implements GatewayConnection {
  readonly #inner: GatewayConnection;
  readonly #sink: WatchedSink;

  constructor(inner: GatewayConnection, sink: WatchedSink) {
    this.#inner = inner;
    this.#sink = sink;
  }

  get epoch(): number {
    return this.#inner.epoch;
  }

  forward(frame: IncomingFrame): Promise<void> {
    if (!this.#sink.isLost) return this.#inner.forward(frame);
    this.#sink.hurry();
    const why = 'the session is lost: the station will be asked to reconnect';
    return Promise.reject(new TransportError('registration-lost', why));
  }

  /** The socket is closed. */
  close(): Promise<void> {
    this.#sink.leave();
    return this.#inner.close();
  }
}
