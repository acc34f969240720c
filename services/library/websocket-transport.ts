/**
 * Transport over plain WebSockets, without Redis: stations connect to this process. The memory bus connects the sockets to
 * the handler, so it behaves as over Redis, except that a crash loses what is in flight.
 */
import type { Frame } from '../ocpp/frame.ts';
import type { MessageHandler } from '../transport/delivery.ts';
import type { Gateway, SessionMetadata } from '../transport/gateway.ts';
import type { ReadLoad } from '../transport/load.ts';
import { createMemoryBus } from '../transport/memory/bus.ts';
import type { StationCalls } from '../transport/station-call.ts';
import type { StateStore } from '../transport/stored-state.ts';
import type { ConnectionEvent, Transport } from '../transport/transport.ts';
import { StationServer } from '../station-server/station-server.ts';
import type { StationServerOptions } from '../station-server/station-server-options.ts';

export type WebSocketTransportOptions = Omit<StationServerOptions, 'gateway'>;

export class WebSocketTransport implements Transport {
  readonly calls: StationCalls;
  readonly state: StateStore;
  readonly load: ReadLoad;
  readonly #inner: Transport;
  readonly #gateway: Gateway;
  readonly #server: StationServer;

  constructor(options: WebSocketTransportOptions) {
    const bus = createMemoryBus(options.clock);
    this.#inner = bus.transport;
    this.calls = this.#inner.calls;
    this.state = this.#inner.state;
    this.load = this.#inner.load;
    this.#gateway = bus.gateway('websocket');
    this.#server = new StationServer({ ...options, gateway: this.#gateway });
  }

  /** Where stations connect, on the first listener. */
  get port(): number {
    return this.#server.ports[0] ?? 0;
  }

  async start(): Promise<void> {
    await this.#inner.start();
    await this.#server.start();
  }

  /** Asks stations to reconnect; requests received before are answered within the grace period. */
  async stop(graceMs?: number): Promise<void> {
    this.#server.refuseUpgrades();
    await this.#inner.stop(graceMs);
    await this.#server.stop();
    await this.#gateway.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isRunning(): boolean {
    return this.#inner.isRunning();
  }

  write(stationId: string, frame: Frame): Promise<void> {
    return this.#inner.write(stationId, frame);
  }

  writeToAll(frame: (stationId: string) => Frame): Promise<ReadonlyMap<string, Error>> {
    return this.#inner.writeToAll(frame);
  }

  connectedClients(): Promise<string[]> {
    return this.#inner.connectedClients();
  }

  isClientConnected(stationId: string): Promise<boolean> {
    return this.#inner.isClientConnected(stationId);
  }

  sessionMetadata(stationId: string, epoch: number): Promise<SessionMetadata | undefined> {
    return this.#inner.sessionMetadata(stationId, epoch);
  }

  onMessage(handler: MessageHandler): void {
    this.#inner.onMessage(handler);
  }

  onConnection(listener: (event: ConnectionEvent) => void): void {
    this.#inner.onConnection(listener);
  }

  onDisconnection(listener: (event: ConnectionEvent) => void): void {
    this.#inner.onDisconnection(listener);
  }

  onError(listener: (error: Error) => void): void {
    this.#inner.onError(listener);
  }
}
