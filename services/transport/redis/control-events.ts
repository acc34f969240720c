/** Connects and disconnects of stations, as the control channels tell them to whoever listens. */
import type { ConnectionEvent } from '../transport.ts';
import { openConnection, type RedisConnection, type RedisSettings } from './connection.ts';
import type { Keys } from './keys.ts';

type Listener = (event: ConnectionEvent) => void;

export class ControlEvents {
  readonly #settings: RedisSettings;
  readonly #keys: Keys;
  readonly #onError: (error: Error) => void;
  readonly #connected: Listener[] = [];
  readonly #disconnected: Listener[] = [];
  #subscriber: RedisConnection | undefined;

  constructor(settings: RedisSettings, keys: Keys, onError: (error: Error) => void) {
    this.#settings = settings;
    this.#keys = keys;
    this.#onError = onError;
  }

  onConnection(listener: Listener): void {
    this.#connected.push(listener);
  }

  onDisconnection(listener: Listener): void {
    this.#disconnected.push(listener);
  }

  /**
   * Subscribes if anybody listens, anew with every connection. Resolves when events are heard, so that none
   * after it is missed, at the latest after the client time-out.
   */
  async start(): Promise<void> {
    if (this.#connected.length + this.#disconnected.length === 0) return;
    const subscriber = openConnection(this.#settings, 'blocking', this.#onError);
    this.#subscriber = subscriber;
    subscriber.on('message', (channel: string, text: string) => this.#tell(channel, text));
    const { connectChannel, disconnectChannel } = this.#keys;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, this.#settings.clientTimeoutMs);
      subscriber.on('ready', () => {
        subscriber.subscribe(connectChannel, disconnectChannel).then(() => {
          clearTimeout(late);
          resolve();
        }, this.#onError);
      });
    });
  }

  stop(): void {
    this.#subscriber?.disconnect();
  }

  #tell(channel: string, text: string): void {
    const event = readEvent(text);
    if (event === undefined) return;
    const listeners = channel === this.#keys.connectChannel ? this.#connected : this.#disconnected;
    for (const listener of listeners) listener(event);
  }
}

/** The seed's event, or undefined for what is none. */
function readEvent(text: string): ConnectionEvent | undefined {
  try {
    const event = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const { charge_point_id: stationId, ws_server_id: gatewayId, remote_addr: remote } = event;
    if (typeof stationId !== 'string') return undefined;
    return {
      stationId,
      connection: Number(event['connection'] ?? 0),
      gatewayId: typeof gatewayId === 'string' ? gatewayId : '',
      remoteAddress: typeof remote === 'string' ? remote : '',
      at: Date.parse(String(event['timestamp'])),
    };
  } catch {
    return undefined;
  }
}
