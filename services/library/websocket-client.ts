/**
 * The station side of an OCPP-J link: connects, and reconnects with the back-off of OCPP 2.x (Part 4 §5.3: a minimum, a
 * random part, doubled a number of times) until it is stopped.
 */
import { WebSocket } from 'ws';
import type { Protocol } from '../ocpp/frame.ts';
import { TransportError } from '../transport/errors.ts';
import type { ClientTransport } from '../transport/client-transport.ts';

export interface WebSocketClientOptions {
  /** Where the central system listens, without the identity: `ws://127.0.0.1:9000/ocpp`. */
  readonly url: string;
  readonly stationId: string;
  /** In order of preference. */
  readonly protocols: readonly Protocol[];
  /** RetryBackOffWaitMinimum; ms. */
  readonly backOffMinimumMs?: number;
  /** RetryBackOffRandomRange; ms. */
  readonly backOffRandomMs?: number;
  /** RetryBackOffRepeatTimes: how often the minimum is doubled. */
  readonly backOffDoublings?: number;
  readonly handshakeTimeoutMs?: number;
  readonly random?: () => number;
}

export class WebSocketClient implements ClientTransport {
  readonly #options: Required<WebSocketClientOptions>;
  readonly #onMessage: ((text: string) => void)[] = [];
  readonly #onDisconnection: ((reason: string) => void)[] = [];
  readonly #onReconnection: (() => void)[] = [];
  readonly #onError: ((error: Error) => void)[] = [];
  #socket: WebSocket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #running = false;

  constructor(options: WebSocketClientOptions) {
    this.#options = {
      backOffMinimumMs: 1000,
      backOffRandomMs: 1000,
      backOffDoublings: 5,
      handshakeTimeoutMs: 10_000,
      random: Math.random,
      ...options,
    };
  }

  /** Rejects if the first connection fails; later ones are retried automatically. */
  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      await this.#connect();
    } catch (error) {
      this.#running = false;
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.close(1000);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isConnected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** The subprotocol that the central system chose; empty before the first connection. */
  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  write(text: string): Promise<void> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) {
      const message = `${this.#options.stationId} is not connected to ${this.#options.url}`;
      return Promise.reject(new TransportError('not-connected', message));
    }
    return new Promise((resolve, reject) => {
      socket.send(text, (error) => (error instanceof Error ? reject(error) : resolve()));
    });
  }

  onMessage(listener: (text: string) => void): void {
    this.#onMessage.push(listener);
  }

  onDisconnection(listener: (reason: string) => void): void {
    this.#onDisconnection.push(listener);
  }

  onReconnection(listener: () => void): void {
    this.#onReconnection.push(listener);
  }

  onError(listener: (error: Error) => void): void {
    this.#onError.push(listener);
  }

  #connect(): Promise<void> {
    const { url, stationId, protocols, handshakeTimeoutMs } = this.#options;
    const socket = new WebSocket(`${url}/${encodeURIComponent(stationId)}`, [...protocols], {
      handshakeTimeout: handshakeTimeoutMs,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      for (const listener of this.#onMessage) listener(text);
    });
    return new Promise((resolve, reject) => {
      let opened = false;
      socket.on('open', () => {
        opened = true;
        this.#failures = 0;
        resolve();
      });
      socket.on('error', (error) => {
        if (opened) for (const listener of this.#onError) listener(error);
        else reject(new TransportError('not-connected', `${url}: ${error.message}`, { cause: error }));
      });
      socket.on('close', (code, reason) => {
        if (!opened) return;
        for (const listener of this.#onDisconnection) listener(`${code} ${reason.toString()}`.trim());
        this.#retryLater();
      });
    });
  }

  #retryLater(): void {
    if (!this.#running) return;
    const { backOffMinimumMs, backOffRandomMs, backOffDoublings, random } = this.#options;
    const wait = backOffMinimumMs * 2 ** Math.min(this.#failures, backOffDoublings);
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#reconnect(), wait + backOffRandomMs * random());
  }

  async #reconnect(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      for (const listener of this.#onError) listener(error as Error);
      this.#retryLater();
      return;
    }
    for (const listener of this.#onReconnection) listener();
  }
}
