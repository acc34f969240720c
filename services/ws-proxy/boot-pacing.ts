/**
 * Sessions whose BootNotifications are forwarded at a limited rate. When power returns to a district, thousands of stations
 * boot within seconds. In the one queue they would delay drivers who want to charge, and every accepted station sends
 * more. So the excess waits here, for at most part of the time that a station waits for its response. Later frames
 * of a station wait behind its boot, because frames keep their order.
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
import { type Turn, Turns } from './turns.ts';

export interface BootPace {
  readonly bootsPerSecond: number;
  /** ms */
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

/** How often it is looked whose turn has come, while some wait; ms. */
const LOOK_EVERY = 50;

export class BootPacing implements StationSessions, Disposable {
  readonly #inner: StationSessions;
  readonly #clock: Clock;
  readonly #turns: Turns;
  #timer: NodeJS.Timeout | undefined;

  constructor(inner: StationSessions, { bootsPerSecond, maxWaitMs, clock }: BootPace) {
    this.#inner = inner;
    this.#clock = clock;
    this.#turns = new Turns(bootsPerSecond, maxWaitMs, clock.now());
  }

  /** BootNotifications that are held back. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    return new PacedConnection(await this.#inner.open(session, sink), () => this.#ask());
  }

  #ask(): Turn | undefined {
    const turn = this.#turns.ask(this.#clock.now());
    if (turn !== undefined) this.#timer ??= setInterval(() => this.#grant(), LOOK_EVERY);
    return turn;
  }

  #grant(): void {
    this.#turns.grant(this.#clock.now());
    if (this.#turns.waiting > 0) return;
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
  readonly #ask: () => Turn | undefined;
  /** Of the boot that waits. */
  #turn: Turn | undefined;

  constructor(inner: GatewayConnection, ask: () => Turn | undefined) {
    this.#inner = inner;
    this.#ask = ask;
  }

  get epoch(): number {
    return this.#inner.epoch;
  }

  forward(frame: IncomingFrame): Promise<void> {
    if (this.#turn === undefined && isBoot(frame)) this.#turn = this.#ask();
    return this.#turn === undefined ? this.#inner.forward(frame) : this.#behind(this.#turn, frame);
  }

  /** All that wait for one turn go on in the order in which they came. */
  async #behind(turn: Turn, frame: IncomingFrame): Promise<void> {
    const come = await turn.come;
    this.#turn = undefined;
    if (!come && isBoot(frame)) {
      throw new TransportError('not-connected', 'the station left before the turn of its BootNotification');
    }
    return this.#inner.forward(frame);
  }

  /** A station that has left boots again when it is back; what else it sent is stored before its session ends. */
  async close(): Promise<void> {
    if (this.#turn !== undefined) {
      this.#turn.giveUp();
      await this.#turn.come;
    }
    await this.#inner.close();
  }
}

const isBoot = ({ frame }: IncomingFrame): boolean =>
  frame.type === MessageType.Call && frame.action === 'BootNotification';
