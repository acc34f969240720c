/** The proxy side of the memory bus. */
import type {
  Gateway,
  GatewayConnection,
  GatewayEvents,
  IncomingFrame,
  OutgoingFrame,
  StationSession,
  StationSink,
} from '../gateway.ts';
import type { GatewayRollouts } from '../rollout.ts';
import type { ReadLoad } from '../load.ts';
import type { LeaseRates } from '../rates.ts';
import type { RateLedger } from './rate-ledger.ts';
import type { SendWindow } from './send-window.ts';
import type { StateStore } from '../stored-state.ts';

/** A station's session, with what identifies a repeated CALL or SEND. */
export interface MemorySession {
  readonly session: StationSession;
  readonly proxyId: string;
  readonly epoch: number;
  readonly sink: StationSink;
  lastCall: number;
  lastAnswer: OutgoingFrame | undefined;
  /** When a rollout closed the station's last connection, until the first response on this one; ms since 1970. */
  movedAt: number | undefined;
  readonly sends: SendWindow;
  /** Calls that waited for the station before it connected are not sent yet (see `held` in redis/calls/calls.lua). */
  held: 'silent' | 'refused' | undefined;
}

/** What a gateway needs of the bus. */
export interface GatewayBus {
  connect(session: StationSession, proxyId: string, sink: StationSink): MemorySession;
  disconnect(session: MemorySession): void;
  forward(session: MemorySession, incoming: IncomingFrame): void;
  readonly events: GatewayEvents;
  readonly state: StateStore;
  readonly load: ReadLoad;
  readonly rollouts: GatewayRollouts;
  selfTest(gatewayId: string, timeoutMs: number): Promise<void>;
  readonly rates: RateLedger;
}

export class MemoryGateway implements Gateway {
  readonly id: string;
  readonly events: GatewayEvents;
  readonly state: StateStore;
  readonly load: ReadLoad;
  readonly rollouts: GatewayRollouts;
  readonly leaseRates: LeaseRates;
  readonly #bus: GatewayBus;
  readonly #connections = new Set<GatewayConnection>();

  constructor(id: string, bus: GatewayBus) {
    this.id = id;
    this.events = bus.events;
    this.state = bus.state;
    this.load = bus.load;
    this.rollouts = bus.rollouts;
    this.leaseRates = async (requests) => bus.rates.lease(id, requests, performance.now());
    this.#bus = bus;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    this.#bus.rates.release(this.id);
  }

  isHealthy(): boolean {
    return true;
  }

  isFull(): boolean {
    return false;
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    const opened = this.#bus.connect(session, this.id, sink);
    const connection: GatewayConnection = {
      epoch: opened.epoch,
      forward: async (incoming) => this.#bus.forward(opened, incoming),
      close: async () => {
        this.#connections.delete(connection);
        this.#bus.disconnect(opened);
      },
    };
    this.#connections.add(connection);
    return connection;
  }

  selfTest(timeoutMs: number): Promise<void> {
    return this.#bus.selfTest(this.id, timeoutMs);
  }

  onError(): void {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
