/** The proxy side of the memory bus. */
import type {
  Gateway,
  GatewayConnection,
  IncomingFrame,
  OutgoingFrame,
  StationSession,
  StationSink,
  TransportLoad,
} from '../transport.ts';
import type { DomainEvent } from '../stored-state.ts';
import type { UnreadableText } from '../unreadable.ts';

/** A station's session, and what is needed to tell a CALL or SEND that comes twice. */
export interface MemorySession {
  readonly session: StationSession;
  readonly proxyId: string;
  readonly epoch: number;
  readonly sink: StationSink;
  lastCall: number;
  lastAnswer: OutgoingFrame | undefined;
  readonly sends: number[];
}

/** What gateways want of the bus. */
export interface GatewayBus {
  connect(session: StationSession, proxyId: string, sink: StationSink): MemorySession;
  disconnect(session: MemorySession): void;
  forward(session: MemorySession, incoming: IncomingFrame): void;
  publish(event: DomainEvent): void;
  keepUnreadable(text: UnreadableText): void;
  load(): Promise<TransportLoad>;
}

export class MemoryGateway implements Gateway {
  readonly id: string;
  readonly #bus: GatewayBus;
  readonly #connections = new Set<GatewayConnection>();

  constructor(id: string, bus: GatewayBus) {
    this.id = id;
    this.#bus = bus;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()));
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

  emit(event: DomainEvent): void {
    this.#bus.publish(event);
  }

  keepUnreadable(text: UnreadableText): void {
    this.#bus.keepUnreadable(text);
  }

  onError(): void {}

  load(): Promise<TransportLoad> {
    return this.#bus.load();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
