/**
 * Transport over plain WebSockets, without Redis: stations connect to this very process. What is
 * between the sockets and the handler is the memory bus, so everything but the surviving of a crash is
 * as it is over Redis.
 */
import type { Frame, Protocol } from '../ocpp/frame.ts';
import { createMemoryBus, type MemoryBus } from '../transport/memory/bus.ts';
import type { CallOutcome, CallState, StationCall } from '../transport/station-call.ts';
import type {
  ConnectionEvent,
  Gateway,
  MessageHandler,
  Transport,
  TransportLoad,
} from '../transport/transport.ts';
import type { Amendment, StateReader } from '../transport/stored-state.ts';
import { StationServer, type StationServerOptions } from '../station-server/station-server.ts';

export type WebSocketTransportOptions = Omit<StationServerOptions, 'gateway'>;

export class WebSocketTransport implements Transport {
  readonly state: StateReader;
  readonly #bus: MemoryBus;
  readonly #gateway: Gateway;
  readonly #server: StationServer;

  constructor(options: WebSocketTransportOptions) {
    this.#bus = createMemoryBus(options.clock);
    this.state = this.#bus.state;
    this.#gateway = this.#bus.gateway('websocket');
    this.#server = new StationServer({ ...options, gateway: this.#gateway });
  }

  /** Where stations connect, on the first listener. */
  get port(): number {
    return this.#server.ports[0] ?? 0;
  }

  async start(): Promise<void> {
    await this.#bus.transport.start();
    await this.#server.start();
  }

  /** Stations are told to come again, and what they have asked by then is answered within the grace. */
  async stop(graceMs?: number): Promise<void> {
    this.#server.refuseUpgrades();
    await this.#bus.transport.stop(graceMs);
    await this.#server.stop();
    await this.#gateway.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isRunning(): boolean {
    return this.#bus.transport.isRunning();
  }

  amend(amendment: Amendment): Promise<boolean> {
    return this.#bus.transport.amend(amendment);
  }

  write(stationId: string, frame: Frame): Promise<void> {
    return this.#bus.transport.write(stationId, frame);
  }

  writeToAll(frame: (stationId: string) => Frame): Promise<ReadonlyMap<string, Error>> {
    return this.#bus.transport.writeToAll(frame);
  }

  call(call: StationCall): Promise<CallOutcome> {
    return this.#bus.transport.call(call);
  }

  callState(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    return this.#bus.transport.callState(stationId, idempotencyKey);
  }

  cancelCall(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    return this.#bus.transport.cancelCall(stationId, idempotencyKey);
  }

  connectedClients(): Promise<string[]> {
    return this.#bus.transport.connectedClients();
  }

  isClientConnected(stationId: string): Promise<boolean> {
    return this.#bus.transport.isClientConnected(stationId);
  }

  connectedProtocol(stationId: string): Promise<Protocol | undefined> {
    return this.#bus.transport.connectedProtocol(stationId);
  }

  onMessage(handler: MessageHandler): void {
    this.#bus.transport.onMessage(handler);
  }

  onConnection(listener: (event: ConnectionEvent) => void): void {
    this.#bus.transport.onConnection(listener);
  }

  onDisconnection(listener: (event: ConnectionEvent) => void): void {
    this.#bus.transport.onDisconnection(listener);
  }

  onError(listener: (error: Error) => void): void {
    this.#bus.transport.onError(listener);
  }

  load(): Promise<TransportLoad> {
    return this.#bus.transport.load();
  }
}
