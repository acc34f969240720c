/**
 * Sessions whose BootNotifications are forwarded at a limited rate. When power returns to a district, thousands of stations
 * boot within seconds. In the shared queue they would delay drivers who want to charge, and every accepted station sends
 * more. The excess waits here, for a part of the time that a station waits for its response. Later frames of a station
 * wait behind its boot, because frames keep their order.
 */
import { MessageType } from '../../ocpp/frame.ts';
import type { Clock } from '../../runtime/clock.ts';
import { TransportError } from '../../transport/errors.ts';
import type {
  GatewayConnection,
  IncomingFrame,
  StationSession,
  StationSessions,
  StationSink,
} from '../../transport/gateway.ts';
import { RateLine } from '../../station-server/rates/rate-line.ts';
import type { QueuedEntry } from '../../station-server/rates/rate-queue.ts';

export interface BootPace {
  /** This process's share of the rate of the cluster; read each time, as it changes. */
  readonly bootsPerSecond: () => number;
  /** ms */
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

export class BootPacing implements StationSessions, Disposable {
  readonly #inner: StationSessions;
  readonly #line: RateLine;

  constructor(inner: StationSessions, { bootsPerSecond, maxWaitMs, clock }: BootPace) {
    this.#inner = inner;
    this.#line = new RateLine({ perSecond: bootsPerSecond, maxWaitMs, clock });
  }

  /** BootNotifications that are held back. */
  get waiting(): number {
    return this.#line.waiting;
  }

  /** Boots since the last call, and those that wait. */
  takeDemand(): number {
    return this.#line.takeDemand();
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    return new PacedConnection(await this.#inner.open(session, sink), () => this.#line.join());
  }

  /** Call it after the connections are closed. */
  [Symbol.dispose](): void {
    this.#line[Symbol.dispose]();
  }
}

class PacedConnection implements GatewayConnection {
  readonly #inner: GatewayConnection;
  readonly #join: () => QueuedEntry | undefined;
  /** The boot that waits. */
  #boot: QueuedEntry | undefined;

  constructor(inner: GatewayConnection, join: () => QueuedEntry | undefined) {
    this.#inner = inner;
    this.#join = join;
  }

  get epoch(): number {
    return this.#inner.epoch;
  }

  forward(frame: IncomingFrame): Promise<void> {
    if (this.#boot === undefined && isBoot(frame)) this.#boot = this.#join();
    return this.#boot === undefined ? this.#inner.forward(frame) : this.#behind(this.#boot, frame);
  }

  /** Frames that wait for one boot are forwarded in their order. */
  async #behind(boot: QueuedEntry, frame: IncomingFrame): Promise<void> {
    const ended = await boot.ended;
    this.#boot = undefined;
    if (ended === 'left' && isBoot(frame)) {
      throw new TransportError(
        'not-connected',
        'the station disconnected before its BootNotification was forwarded',
      );
    }
    return this.#inner.forward(frame);
  }

  /** A station that disconnected boots again when it reconnects; its other frames are stored before its session ends. */
  async close(): Promise<void> {
    if (this.#boot !== undefined) {
      this.#boot.leave();
      await this.#boot.ended;
    }
    await this.#inner.close();
  }
}

const isBoot = ({ frame }: IncomingFrame): boolean =>
  frame.type === MessageType.Call && frame.action === 'BootNotification';
