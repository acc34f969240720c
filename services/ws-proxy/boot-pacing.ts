/**
 * Sessions whose BootNotifications are forwarded at a limited rate. When power returns to a district, thousands of stations
 * boot within seconds. In the shared queue they would delay drivers who want to charge, and every accepted station sends
 * more. The excess waits here, for a part of the time that a station waits for its response. Later frames of a station
 * wait behind its boot, because frames keep their order.
 */
import { MessageType } from '../ocpp/frame.ts';
import type { Clock } from '../runtime/clock.ts';
import { TransportError } from '../transport/errors.ts';
import type {
  GatewayConnection,
  IncomingFrame,
  StationSession,
  StationSessions,
  StationSink,
} from '../transport/gateway.ts';
import { type QueuedEntry, RateQueue } from './rate-queue.ts';

export interface BootPace {
  readonly bootsPerSecond: number;
  /** ms */
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

/** How often the queue is checked while a boot waits; ms. */
const CHECK_INTERVAL = 50;

export class BootPacing implements StationSessions, Disposable {
  readonly #inner: StationSessions;
  readonly #clock: Clock;
  readonly #queue: RateQueue;
  #timer: NodeJS.Timeout | undefined;

  constructor(inner: StationSessions, { bootsPerSecond, maxWaitMs, clock }: BootPace) {
    this.#inner = inner;
    this.#clock = clock;
    this.#queue = new RateQueue(bootsPerSecond, maxWaitMs, clock.now());
  }

  /** BootNotifications that are held back. */
  get waiting(): number {
    return this.#queue.size;
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    return new PacedConnection(await this.#inner.open(session, sink), () => this.#join());
  }

  #join(): QueuedEntry | undefined {
    const entry = this.#queue.join(this.#clock.now());
    if (entry !== undefined) this.#timer ??= setInterval(() => this.#release(), CHECK_INTERVAL);
    return entry;
  }

  #release(): void {
    this.#queue.release(this.#clock.now());
    if (this.#queue.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Call it after the connections are closed. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
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
    const released = await boot.released;
    this.#boot = undefined;
    if (!released && isBoot(frame)) {
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
      await this.#boot.released;
    }
    await this.#inner.close();
  }
}

const isBoot = ({ frame }: IncomingFrame): boolean =>
  frame.type === MessageType.Call && frame.action === 'BootNotification';
