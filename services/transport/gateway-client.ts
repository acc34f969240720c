/** A station that connects through a Gateway, without a WebSocket: over Redis, as the client of ocpp-go does, or over memory. */
import type { Protocol } from '../ocpp/frame.ts';
import { Peer, type Step } from '../ocpp/peer.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { ClientTransport } from './client-transport.ts';
import { TransportError } from './errors.ts';
import type { Gateway, GatewayConnection, OutgoingFrame, Revocation, StationSink } from './gateway.ts';
import { readMessage } from './reading.ts';

export interface GatewayClientOptions {
  readonly gateway: Gateway;
  readonly stationId: string;
  readonly protocol: Protocol;
  readonly remoteAddress?: string;
  readonly clock?: Clock;
}

/** How often open CALLs are checked for their time-out; ms. */
const SWEEP_MS = 1000;

export class GatewayClientTransport implements ClientTransport, StationSink {
  readonly #options: GatewayClientOptions;
  readonly #clock: Clock;
  #peer = new Peer();
  #connection: GatewayConnection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #started = 0;
  readonly #messages: ((text: string) => void)[] = [];
  readonly #disconnections: ((reason: string) => void)[] = [];
  readonly #reconnections: (() => void)[] = [];
  readonly #errors: ((error: Error) => void)[] = [];

  constructor(options: GatewayClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Opens the station's session; may be called again after a disconnection. */
  async start(): Promise<void> {
    const { gateway, stationId, protocol, remoteAddress = 'gateway://client' } = this.#options;
    this.#peer = new Peer();
    this.#connection = await gateway.open({ stationId, protocol, remoteAddress }, this);
    const sweep = () => this.#perform(this.#peer.expire(this.#clock.now()));
    this.#timer = setInterval(sweep, SWEEP_MS).unref();
    if (this.#started++ > 0) for (const listener of this.#reconnections) listener();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isConnected(): boolean {
    return this.#connection !== undefined;
  }

  async write(text: string): Promise<void> {
    if (this.#connection === undefined) {
      const message = `station ${this.#options.stationId} is not connected: call start() first`;
      throw new TransportError('not-connected', message);
    }
    const { read, facts } = readMessage(Buffer.from(text), this.#options.protocol, true);
    if (!read.ok) throw new TransportError('bad-envelope', `not a frame: ${read.fault.reason}`);
    this.#perform(this.#peer.receive(read.frame, read.text ?? text, this.#clock.now(), facts));
  }

  onMessage(listener: (text: string) => void): void {
    this.#messages.push(listener);
  }

  onDisconnection(listener: (reason: string) => void): void {
    this.#disconnections.push(listener);
  }

  onReconnection(listener: () => void): void {
    this.#reconnections.push(listener);
  }

  onError(listener: (error: Error) => void): void {
    this.#errors.push(listener);
  }

  /** For the gateway. */
  deliver(frame: OutgoingFrame): boolean {
    const step = this.#peer.deliver(frame, this.#clock.now());
    this.#perform(step);
    return step.dropped === undefined;
  }

  /** For the gateway. */
  revoked(_why: Revocation, reason: string): void {
    void this.stop();
    for (const listener of this.#disconnections) listener(reason);
  }

  #perform({ write, forward }: Step): void {
    if (write !== undefined) for (const listener of this.#messages) listener(write.text);
    if (forward === undefined) return;
    this.#connection?.forward(forward).catch((error: Error) => {
      for (const listener of this.#errors) listener(error);
    });
  }
}
