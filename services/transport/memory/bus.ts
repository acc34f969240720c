/**
 * Stations and processors in one process, joined by plain memory: the transport of the monolith and of
 * tests. It keeps the delivery contract of transport.ts (epochs, numbers, business keys, redelivery),
 * except that nothing survives the process.
 */
import { withExactNumbers } from '../../ocpp/exact-numbers.ts';
import { formatFrame, type Frame, type Protocol } from '../../ocpp/frame.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { TransportError } from '../errors.ts';
import { type GatewayBus, MemoryGateway, type MemorySession } from './gateway.ts';
import { finish } from './acknowledge.ts';
import { MemoryCalls } from './calls.ts';
import { MemoryState } from './state.ts';
import { type CallOutcome, type CallState, type StationCall } from '../station-call.ts';
import type {
  ConnectionEvent,
  Delivery,
  Gateway,
  IncomingFrame,
  MessageHandler,
  Outcome,
  StationSession,
  StationSink,
  Transport,
  TransportLoad,
} from '../transport.ts';
import type { Amendment, DomainEvent } from '../stored-state.ts';
import type { UnreadableText } from '../unreadable.ts';

/** Deliveries that are handled at once. */
const MAX_IN_HAND = 200;
/** A delivery that failed so often is given up: it would fail for ever. */
const MAX_DELIVERIES = 5;
const RETRY_MS = 100;
const SWEEP_MS = 60_000;

interface Entry {
  readonly stationId: string;
  readonly epoch: number;
  readonly protocol: StationSession['protocol'];
  readonly incoming: IncomingFrame;
  count: number;
}

export interface MemoryBus {
  readonly transport: Transport;
  /** The state as a test or a person looks at it. */
  readonly state: MemoryState;
  gateway(id: string): Gateway;
}

export function createMemoryBus(clock: Clock = systemClock): MemoryBus {
  const bus = new Bus(clock);
  return { transport: bus, state: bus.state, gateway: (id) => new MemoryGateway(id, bus) };
}

class Bus implements Transport, GatewayBus {
  readonly state: MemoryState;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, MemorySession>();
  readonly #calls: MemoryCalls;
  #queue: Entry[] = [];
  #inHand = 0;
  #epoch = 0;
  #running = false;
  #pumping = false;
  #sweeper: NodeJS.Timeout | undefined;
  #handler: MessageHandler | undefined;
  readonly #connected: ((event: ConnectionEvent) => void)[] = [];
  readonly #disconnected: ((event: ConnectionEvent) => void)[] = [];
  readonly #failed: ((error: Error) => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.state = new MemoryState(clock);
    this.#calls = new MemoryCalls(clock, (stationId) => this.#sessions.get(stationId));
  }

  async start(): Promise<void> {
    if (this.#handler === undefined) throw new TransportError('bad-settings', 'set onMessage before start');
    this.#running = true;
    this.#sweeper = setInterval(() => this.state.sweep(), SWEEP_MS).unref();
    this.#pump();
  }

  async stop(graceMs = 0): Promise<void> {
    this.#running = false;
    clearInterval(this.#sweeper);
    this.#calls.stop();
    const end = performance.now() + graceMs;
    while (this.#inHand > 0 && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  isRunning(): boolean {
    return this.#running;
  }

  async write(stationId: string, frame: Frame): Promise<void> {
    const session = this.#sessions.get(stationId);
    if (session === undefined) {
      throw new TransportError('station-offline', `station ${stationId} is not connected`);
    }
    session.sink.deliver({ type: frame.type, messageId: frame.id, text: formatFrame(frame) });
  }

  async writeToAll(frame: (stationId: string) => Frame): Promise<ReadonlyMap<string, Error>> {
    const errors = new Map<string, Error>();
    for (const stationId of this.#sessions.keys()) {
      await this.write(stationId, frame(stationId)).catch((error: Error) => errors.set(stationId, error));
    }
    return errors;
  }

  async amend(amendment: Amendment): Promise<boolean> {
    return this.state.amend(amendment);
  }

  call(call: StationCall): Promise<CallOutcome> {
    return this.#calls.call(call);
  }

  async callState(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    return this.#calls.state(stationId, idempotencyKey);
  }

  async cancelCall(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    return this.#calls.cancel(stationId, idempotencyKey);
  }

  async connectedClients(): Promise<string[]> {
    return [...this.#sessions.keys()];
  }

  async isClientConnected(stationId: string): Promise<boolean> {
    return this.#sessions.has(stationId);
  }

  async connectedProtocol(stationId: string): Promise<Protocol | undefined> {
    return this.#sessions.get(stationId)?.session.protocol;
  }

  onMessage(handler: MessageHandler): void {
    this.#handler = handler;
  }

  onConnection(listener: (event: ConnectionEvent) => void): void {
    this.#connected.push(listener);
  }

  onDisconnection(listener: (event: ConnectionEvent) => void): void {
    this.#disconnected.push(listener);
  }

  onError(listener: (error: Error) => void): void {
    this.#failed.push(listener);
  }

  async load(): Promise<TransportLoad> {
    const oldest = this.#queue[0];
    return {
      depth: this.#queue.length,
      oldestSeconds:
        oldest === undefined ? 0 : Math.max(0, (this.#clock.now() - oldest.incoming.receivedAt) / 1000),
      inFlight: this.#inHand,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  connect(session: StationSession, proxyId: string, sink: StationSink): MemorySession {
    const epoch = ++this.#epoch;
    const opened = { session, proxyId, epoch, sink, lastCall: 0, lastAnswer: undefined, sends: [] };
    const replaced = this.#sessions.get(session.stationId);
    if (replaced !== undefined) {
      this.#end(replaced, true);
      replaced.sink.revoked('replaced', 'the station has connected again');
    }
    this.#sessions.set(session.stationId, opened);
    this.#tell(this.#connected, opened);
    // Not before whoever opens it can take a frame.
    setImmediate(() => this.#calls.connected(opened));
    return opened;
  }

  disconnect(session: MemorySession): void {
    this.#end(session, false);
  }

  #end(session: MemorySession, replaced: boolean): void {
    if (this.#sessions.get(session.session.stationId) !== session) return;
    this.#sessions.delete(session.session.stationId);
    this.#calls.disconnected(session, replaced);
    this.#tell(this.#disconnected, session);
  }

  publish(event: DomainEvent): void {
    this.state.publish(event);
  }

  keepUnreadable(text: UnreadableText): void {
    this.state.keepUnreadable(text);
  }

  forward({ session: { stationId, protocol }, epoch }: MemorySession, incoming: IncomingFrame): void {
    this.#queue.push({ stationId, epoch, protocol, incoming, count: 1 });
    this.#pump();
  }

  /** Hands out what waits, after the current turn of the event loop. */
  #pump(): void {
    if (this.#pumping || !this.#running) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      if (!this.#running) return;
      const entries = this.#queue.splice(0, MAX_IN_HAND - this.#inHand);
      this.#inHand += entries.length;
      for (const entry of entries) void this.#handle(entry);
    });
  }

  async #handle(entry: Entry): Promise<void> {
    const { stationId, epoch, protocol, incoming, count } = entry;
    const { frame, receivedAt, registration, repaired } = incoming;
    const delivery: Delivery = {
      stationId,
      epoch: epoch,
      protocol,
      frame: withExactNumbers(frame, incoming.text),
      receivedAt,
      deliveryCount: count,
      ...(registration && { registration }),
      ...(repaired && { repaired }),
    };
    try {
      const outcome = await this.#handler?.(delivery);
      if (outcome !== undefined) this.#finish(entry, outcome);
    } catch (error) {
      this.#retry(entry, error);
    } finally {
      this.#inHand--;
      if (this.#queue.length > 0) this.#pump();
    }
  }

  #retry(entry: Entry, cause: unknown): void {
    const { stationId, incoming, count } = entry;
    const what = `${incoming.frame.id} of station ${stationId}`;
    const end = count >= MAX_DELIVERIES ? `given up after ${count} times` : 'it is handled again';
    this.#report(new Error(`message ${what} could not be handled; ${end}`, { cause }));
    if (count >= MAX_DELIVERIES) return;
    entry.count++;
    setTimeout(() => {
      this.#queue.unshift(entry);
      this.#pump();
    }, RETRY_MS);
  }

  /** Everything of the outcome, or nothing of it when the session is another connection's by now. */
  #finish({ stationId, epoch, incoming }: Entry, outcome: Outcome): void {
    const session = this.#sessions.get(stationId);
    if (session?.epoch === epoch)
      finish({ session, incoming, outcome, state: this.state, calls: this.#calls });
  }

  #tell(
    listeners: readonly ((event: ConnectionEvent) => void)[],
    { session, epoch, proxyId }: MemorySession,
  ): void {
    const { stationId, remoteAddress } = session;
    const event = { stationId, epoch, proxyId, remoteAddress, at: this.#clock.now() };
    for (const listener of listeners) listener(event);
  }

  #report(error: Error): void {
    for (const listener of this.#failed) listener(error);
  }
}
