/**
 * Stations and processors in one process, joined by plain memory: the transport of the monolith and of tests. It keeps
 * the delivery contract of transport.ts (epochs, numbers, business keys, redelivery), but nothing survives the process.
 */
import { withExactNumbers } from '../../ocpp/exact-numbers.ts';
import { formatFrame, type Frame, type Protocol } from '../../ocpp/frame.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { TransportError } from '../errors.ts';
import type { Delivery, MessageHandler } from '../delivery.ts';
import type {
  Gateway,
  GatewayEvents,
  IncomingFrame,
  SessionMetadata,
  StationSession,
  StationSink,
} from '../gateway.ts';
import type { TransportLoad } from '../load.ts';
import type { Outcome } from '../outcome.ts';
import { isSelfTest, SELF_TEST_PROTOCOL, selfTestIdentity } from '../self-test.ts';
import type { ConnectionEvent, Transport } from '../transport.ts';
import type { StationDirectory } from '../station-directory.ts';
import { acknowledge } from './acknowledge.ts';
import { MemoryCalls } from './calls.ts';
import { MemoryDirectory } from './directory.ts';
import { type GatewayBus, MemoryGateway, type MemorySession } from './gateway.ts';
import { MemoryRollouts } from './rollouts.ts';
import { MemorySelfTests } from './self-test.ts';
import { RateLedger } from './rate-ledger.ts';
import { SendWindow } from './send-window.ts';
import { CONNECTED, DISCONNECTED } from '../stored-state.ts';
import { MemoryState } from './state.ts';

/** Deliveries that are handled at once, if the caller names no number. */
const MAX_IN_FLIGHT = 200;
/** A delivery is dropped after this many failures. */
const MAX_DELIVERIES = 5;
const RETRY_MS = 100;
const SWEEP_MS = 60_000;

interface Entry {
  readonly stationId: string;
  readonly epoch: number;
  readonly protocol: Protocol;
  readonly incoming: IncomingFrame;
  count: number;
}

export interface MemoryBus {
  readonly transport: Transport;
  /** The stored state, for tests, diagnosis and clients. */
  readonly state: MemoryState;
  readonly directory: StationDirectory;
  gateway(id: string): Gateway;
}

/** @param maxInFlight deliveries that are handled at once, from 1 */
export function createMemoryBus(clock: Clock = systemClock, maxInFlight = MAX_IN_FLIGHT): MemoryBus {
  const bus = new Bus(clock, maxInFlight);
  return {
    transport: bus,
    state: bus.state,
    directory: bus.directory,
    gateway: (id) => new MemoryGateway(id, bus),
  };
}

class Bus implements Transport, GatewayBus {
  readonly state: MemoryState;
  readonly calls: MemoryCalls;
  readonly events: GatewayEvents;
  readonly rollouts: MemoryRollouts;
  readonly directory: MemoryDirectory;
  readonly #selfTests: MemorySelfTests;
  readonly rates = new RateLedger();
  readonly #clock: Clock;
  readonly #sessions = new Map<string, MemorySession>();
  #queue: Entry[] = [];
  readonly #maxInFlight: number;
  #inFlight = 0;
  #epoch = 0;
  #running = false;
  #pumping = false;
  #sweeper: NodeJS.Timeout | undefined;
  #handler: MessageHandler | undefined;
  readonly #connected: ((event: ConnectionEvent) => void)[] = [];
  readonly #disconnected: ((event: ConnectionEvent) => void)[] = [];
  readonly #failed: ((error: Error) => void)[] = [];

  constructor(clock: Clock, maxInFlight: number) {
    this.#clock = clock;
    this.#maxInFlight = maxInFlight;
    this.state = new MemoryState(clock);
    this.directory = new MemoryDirectory(clock, this.#sessions, this.state);
    this.events = {
      emit: (event) => this.state.emit(event),
      keepUnreadable: (text) => this.state.keepUnreadable(text),
      recordFrames: (entries) => this.state.recordFrames(entries),
      noteRefused: (refusals) => void this.directory.refusals.note(refusals),
    };
    this.#selfTests = new MemorySelfTests(clock);
    this.rollouts = new MemoryRollouts({
      clock,
      lastEpoch: (stationId) => this.#sessions.get(stationId)?.epoch ?? 0,
      size: (key) => this.state.size(key),
    });
    this.calls = new MemoryCalls(
      clock,
      (stationId) => this.#sessions.get(stationId),
      (event) => this.state.emit(event),
    );
  }

  readonly load = async (): Promise<TransportLoad> => {
    const receivedAt = this.#queue[0]?.incoming.receivedAt;
    const age = receivedAt === undefined ? 0 : this.#clock.now() - receivedAt;
    return {
      depth: this.#queue.length,
      oldestSeconds: Math.max(0, age / 1000),
      inFlight: this.#inFlight,
    };
  };

  async start(): Promise<void> {
    if (this.#handler === undefined) throw new TransportError('bad-settings', 'set onMessage before start');
    this.#running = true;
    this.#sweeper = setInterval(() => this.state.sweep(), SWEEP_MS).unref();
    this.#pump();
  }

  async stop(graceMs = 0): Promise<void> {
    this.#running = false;
    clearInterval(this.#sweeper);
    this.calls.stop();
    const end = performance.now() + graceMs;
    while (this.#inFlight > 0 && performance.now() < end)
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

  async connectedClients(): Promise<string[]> {
    return [...this.#sessions.keys()];
  }

  async isClientConnected(stationId: string): Promise<boolean> {
    return this.#sessions.has(stationId);
  }

  async sessionMetadata(stationId: string, epoch: number): Promise<SessionMetadata | undefined> {
    const held = this.#sessions.get(stationId);
    return held?.epoch === epoch ? (held.session.metadata ?? {}) : undefined;
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  connect(session: StationSession, proxyId: string, sink: StationSink): MemorySession {
    const epoch = ++this.#epoch;
    const sends = new SendWindow();
    const movedMs = this.rollouts.returned(session.stationId);
    const movedAt = movedMs === undefined ? undefined : this.#clock.now() - movedMs;
    const opened: MemorySession = {
      session,
      proxyId,
      epoch,
      sink,
      lastCall: 0,
      lastAnswer: undefined,
      movedAt,
      sends,
      held: undefined,
    };
    const replaced = this.#sessions.get(session.stationId);
    if (replaced !== undefined) {
      this.#end(replaced, true);
      replaced.sink.revoked('replaced', 'the station has connected again');
    }
    this.#sessions.set(session.stationId, opened);
    this.directory.connected(opened);
    this.#emit(this.#connected, opened);
    const { stationId, protocol, remoteAddress } = session;
    this.state.emit({ type: CONNECTED, stationId, fields: { protocol, remoteAddress } });
    this.calls.connected(opened);
    return opened;
  }

  disconnect(session: MemorySession): void {
    this.#end(session, false);
  }

  #end(session: MemorySession, replaced: boolean): void {
    if (this.#sessions.get(session.session.stationId) !== session) return;
    this.#sessions.delete(session.session.stationId);
    this.directory.disconnected(session);
    this.calls.disconnected(session, replaced);
    this.#emit(this.#disconnected, session);
    const { stationId } = session.session;
    const reason = replaced ? 'replaced' : 'closed';
    this.state.emit({ type: DISCONNECTED, stationId, fields: { reason } });
  }

  forward({ session: { stationId, protocol }, epoch }: MemorySession, incoming: IncomingFrame): void {
    this.#queue.push({ stationId, epoch, protocol, incoming, count: 1 });
    this.#pump();
  }

  selfTest(gatewayId: string, timeoutMs: number): Promise<void> {
    const stationId = selfTestIdentity(gatewayId);
    const about = { stationId, epoch: 0, protocol: SELF_TEST_PROTOCOL, count: 1 };
    return this.#selfTests.run((incoming) => {
      const entry = { ...about, incoming };
      this.#queue.push(entry);
      this.#pump();
      return () => void (this.#queue = this.#queue.filter((one) => one !== entry));
    }, timeoutMs);
  }

  /** Hands out queued entries after the current turn of the event loop. */
  #pump(): void {
    if (this.#pumping || !this.#running) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      if (!this.#running) return;
      const entries = this.#queue.splice(0, this.#maxInFlight - this.#inFlight);
      this.#inFlight += entries.length;
      for (const entry of entries) void this.#handle(entry);
    });
  }

  async #handle(entry: Entry): Promise<void> {
    const { stationId, epoch, protocol, incoming, count } = entry;
    const { frame, receivedAt, registration, repaired } = incoming;
    const delivery: Delivery = {
      stationId,
      epoch,
      protocol,
      frame: withExactNumbers(frame, incoming.text),
      receivedAt,
      deliveryCount: count,
      ...(registration && { registration }),
      ...(repaired && { repaired }),
    };
    try {
      let outcome = await this.#handler?.(delivery);
      if (!this.#isExpected(outcome)) outcome = await this.#handler?.({ ...delivery, unexpected: true });
      if (!this.#isExpected(outcome)) throw new Error('its handler expects a record as it is not');
      if (outcome !== undefined) this.#acknowledge(entry, outcome);
    } catch (error) {
      this.#retry(entry, error);
    } finally {
      this.#inFlight--;
      if (this.#queue.length > 0) this.#pump();
    }
  }

  #isExpected(outcome: Outcome | undefined): boolean {
    return outcome?.expects === undefined || this.state.isExpected(outcome.expects);
  }

  #retry(entry: Entry, cause: unknown): void {
    const { stationId, incoming, count } = entry;
    const what = `${incoming.frame.id} of station ${stationId}`;
    const end = count >= MAX_DELIVERIES ? `it is dropped after ${count} failures` : 'it is retried';
    this.#report(new Error(`message ${what} could not be handled; ${end}`, { cause }));
    if (count >= MAX_DELIVERIES) return;
    entry.count++;
    setTimeout(() => {
      this.#queue.unshift(entry);
      this.#pump();
    }, RETRY_MS);
  }

  /** Applies the outcome completely, or not at all if another connection has the session now. */
  #acknowledge({ stationId, epoch, incoming }: Entry, outcome: Outcome): void {
    if (isSelfTest(stationId)) return this.#selfTests.answered(incoming);
    const session = this.#sessions.get(stationId);
    if (session?.epoch !== epoch) return;
    acknowledge({ session, incoming, outcome, state: this.state, calls: this.calls });
    if (session.movedAt === undefined || session.lastAnswer === undefined) return;
    this.rollouts.answered(this.#clock.now() - session.movedAt);
    session.movedAt = undefined;
  }

  #emit(
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
