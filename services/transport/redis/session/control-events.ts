/**
 * Connects and disconnects of stations, from the control channels. A published message is lost when this process is not
 * subscribed at that moment. So after each subscription it compares what it knows with the sessions and emits the events that
 * it missed: at most once for each connection, in the order of epochs.
 */
import { sleep } from '../../../runtime/clock.ts';
import { asError } from '../../errors.ts';
import type { ConnectionEvent } from '../../transport.ts';
import { openConnection, type RedisConnection, type RedisSettings } from '../connection/connection.ts';
import { untilDone } from '../connection/until-done.ts';
import type { Keys } from '../keys.ts';

type Listener = (event: ConnectionEvent) => void;

/** Sessions read at once, to find missed events. */
const READ_AT_ONCE = 500;
const RETRY_MS = 500;

export interface ControlEventsOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  readonly commands: RedisConnection;
  readonly onError: (error: Error) => void;
}

export class ControlEvents {
  readonly #options: ControlEventsOptions;
  readonly #connected: Listener[] = [];
  readonly #disconnected: Listener[] = [];
  /** The connected stations by the events so far, each with the event of its connect. */
  readonly #known = new Map<string, ConnectionEvent>();
  #subscriber: RedisConnection | undefined;
  #reconciled = false;
  #subscription = 0;
  /** Connections that ended while the sessions are read: their sessions may have been read before that. */
  #ended: Set<string> | undefined;
  readonly #stopped = new AbortController();

  constructor(options: ControlEventsOptions) {
    this.#options = options;
  }

  onConnection(listener: Listener): void {
    this.#connected.push(listener);
  }

  onDisconnection(listener: Listener): void {
    this.#disconnected.push(listener);
  }

  /**
   * Subscribes if there is a listener, again with every connection. Resolves when it is subscribed, so that no later event is
   * missed, at the latest after the client time-out. The connects of stations that are connected already cause no events.
   */
  async start(): Promise<void> {
    if (this.#stopped.signal.aborted || this.#connected.length + this.#disconnected.length === 0) return;
    const { redis, onError } = this.#options;
    const subscriber = openConnection(redis, 'blocking', onError);
    this.#subscriber = subscriber;
    subscriber.on('message', (channel: string, text: string) => this.#hear(channel, text));
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, redis.clientTimeoutMs);
      subscriber.on('ready', () => {
        this.#subscribed(subscriber).then(() => {
          clearTimeout(late);
          resolve();
        }, onError);
      });
    });
  }

  stop(): void {
    this.#stopped.abort();
    this.#subscriber?.disconnect();
  }

  /** For each new connection to Redis. */
  async #subscribed(subscriber: RedisConnection): Promise<void> {
    const { keys, onError } = this.#options;
    const { signal } = this.#stopped;
    const subscription = ++this.#subscription;
    const subscribe = async () => {
      await subscriber.subscribe(keys.connectChannel, keys.disconnectChannel);
      // The connection for commands may be back later than this one.
      await this.#reconcile();
    };
    await untilDone(subscribe, {
      ended: () => subscription !== this.#subscription || signal.aborted,
      pause: () => sleep(RETRY_MS, signal),
      report: (error) => onError(asError(error)),
    });
  }

  #hear(channel: string, text: string): void {
    const event = readEvent(text);
    if (event === undefined) return;
    if (channel === this.#options.keys.connectChannel) this.#connect(event);
    else this.#disconnect(event);
  }

  #connect(event: ConnectionEvent, silent = false): void {
    const known = this.#known.get(event.stationId);
    // Events of proxies without epochs all count.
    if (known !== undefined && known.epoch > 0 && event.epoch <= known.epoch) return;
    if (known !== undefined) this.#disconnect({ ...known, at: event.at });
    this.#known.set(event.stationId, event);
    if (!silent) for (const listener of this.#connected) listener(event);
  }

  #disconnect(event: ConnectionEvent): void {
    this.#ended?.add(nameOf(event));
    const known = this.#known.get(event.stationId);
    if (known === undefined || known.epoch !== event.epoch) return;
    this.#known.delete(event.stationId);
    for (const listener of this.#disconnected) listener(event);
  }

  /** Emits missed events. Newer events arrive by the channels meanwhile, and younger epochs win. */
  async #reconcile(): Promise<void> {
    const { commands, keys } = this.#options;
    const silent = !this.#reconciled;
    const known = [...this.#known.values()];
    const there = new Set<string>();
    const ended = (this.#ended = new Set<string>());
    let cursor = '0';
    do {
      const [next, stations] = await commands.sscan(keys.active, cursor, 'COUNT', READ_AT_ONCE);
      cursor = next;
      for (const event of await this.#sessions(stations)) {
        there.add(nameOf(event));
        if (!ended.has(nameOf(event))) this.#connect(event, silent);
      }
    } while (cursor !== '0');
    for (const event of known) {
      if (!there.has(`${event.stationId}\n${event.epoch}`)) this.#disconnect({ ...event, at: Date.now() });
    }
    this.#ended = undefined;
    this.#reconciled = true;
  }

  async #sessions(stations: readonly string[]): Promise<ConnectionEvent[]> {
    const { commands, keys } = this.#options;
    const fields = ['connection', 'ws_server_id', 'remote_addr', 'connected_at'] as const;
    const read = async (stationId: string) => {
      const [epoch, proxyId, remoteAddress, at] = await commands.hmget(keys.session(stationId), ...fields);
      if (typeof proxyId !== 'string') return [];
      const [number, time] = [Number(epoch ?? 0), Date.parse(at ?? '')];
      return [{ stationId, epoch: number, proxyId, remoteAddress: remoteAddress ?? '', at: time }];
    };
    return (await Promise.all(stations.map(read))).flat();
  }
}

function nameOf({ stationId, epoch }: ConnectionEvent): string {
  return `${stationId}\n${epoch}`;
}

/** The event as ocpp-go publishes it, or undefined when the text is none. */
function readEvent(text: string): ConnectionEvent | undefined {
  try {
    const event = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const { charge_point_id: stationId, ws_server_id: proxyId, remote_addr: remote } = event;
    if (typeof stationId !== 'string') return undefined;
    return {
      stationId,
      epoch: Number(event['connection'] ?? 0),
      proxyId: typeof proxyId === 'string' ? proxyId : '',
      remoteAddress: typeof remote === 'string' ? remote : '',
      at: Date.parse(String(event['timestamp'])),
    };
  } catch {
    return undefined;
  }
}
