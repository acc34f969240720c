/**
 * A gateway that hands on BootNotifications at a pace. When the power of a district comes back, thousands of stations
 * boot within seconds; in the one queue they would stand before the drivers who want to charge, and each
 * that is answered has more to tell. So those that are too many wait here, at most for a part of the time that their
 * stations give the answer. What a station sends behind its boot waits with it, as frames keep their order.
 */
import { MessageType } from '../ocpp/frame.ts';
import type { Clock } from '../runtime/clock.ts';
import { TransportError } from '../transport/errors.ts';
import type {
  Gateway,
  GatewayConnection,
  IncomingFrame,
  StationSession,
  StationSink,
  TransportLoad,
} from '../transport/transport.ts';
import type { DomainEvent } from '../transport/stored-state.ts';
import type { UnreadableText } from '../transport/unreadable.ts';
import { type Turn, Turns } from './turns.ts';

export interface BootPace {
  readonly bootsPerSecond: number;
  /** ms */
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

/** How often it is looked whose turn has come, while some wait; ms. */
const LOOK_EVERY = 50;

export class BootPacing implements Gateway {
  readonly #inner: Gateway;
  readonly #clock: Clock;
  readonly #turns: Turns;
  #timer: NodeJS.Timeout | undefined;

  constructor(inner: Gateway, { bootsPerSecond, maxWaitMs, clock }: BootPace) {
    this.#inner = inner;
    this.#clock = clock;
    this.#turns = new Turns(bootsPerSecond, maxWaitMs, clock.now());
  }

  get id(): string {
    return this.#inner.id;
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

  start(): Promise<void> {
    return this.#inner.start();
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.#inner.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isHealthy(): boolean {
    return this.#inner.isHealthy();
  }

  isFull(): boolean {
    return this.#inner.isFull();
  }

  emit(event: DomainEvent): void {
    this.#inner.emit(event);
  }

  keepUnreadable(text: UnreadableText): void {
    this.#inner.keepUnreadable(text);
  }

  onError(listener: (error: Error) => void): void {
    this.#inner.onError(listener);
  }

  load(): Promise<TransportLoad> {
    return this.#inner.load();
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
