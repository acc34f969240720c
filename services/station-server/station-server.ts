/**
 * The endpoint that stations connect to: HTTP, the WebSocket handshake, and the set of open station
 * sockets over a Gateway. A station's session is taken before its handshake is answered, so a store that is
 * away shows as HTTP 503 and not as a socket that opens and closes; what the station sends meanwhile
 * waits in the kernel.
 *
 * One timer serves all sockets: an idle one costs no timer and no closure.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { TransportError } from '../transport/errors.ts';
import type { Gateway, GatewayConnection, StationSessions } from '../transport/gateway.ts';
import { RAW_TEXT_KEPT } from '../transport/unreadable.ts';
import { type Admission, type Admit, type Refusal, retryAfterSeconds } from './admission.ts';
import { isMeantAsHandshake, isWebSocketHandshake, writeRefusal } from './handshake.ts';
import { DEFAULT_LIMITS, type StationServerLimits } from './limits.ts';
import type { HandshakeFacts, SocketHost, StationObserver } from './socket-host.ts';
import { type StationListener, StationListeners } from './listeners.ts';
import { StationSocket } from './station-socket.ts';
import { StationWebSocket } from './station-web-socket.ts';

export interface StationServerOptions extends Pick<
  SocketHost,
  'clock' | 'faultAnswer' | 'transactionsAfter'
> {
  readonly host: string;
  /** At least one; rules and limits are common to all. */
  readonly listeners: readonly StationListener[];
  readonly gateway: Gateway;
  /** Opens the sessions; by default the gateway itself does. */
  readonly sessions?: StationSessions;
  readonly admit: Admit;
  readonly observer: StationObserver;
  /** Whether a text that is no valid frame is repaired where it can be understood; true where left out. */
  readonly tolerant?: boolean;
  readonly limits?: Partial<StationServerLimits>;
  readonly random?: () => number;
}

/** A message may come in so many pieces, and a read in so many chunks; more is an attack on our memory. */
const MAX_FRAGMENTS = 1024;
const MAX_CHUNKS = 8192;
/** Pause between two looks at all sockets; ms. */
const SWEEP_PAUSE = 1000;
/** Why a handshake is refused whatever it asks for. */
const GOING_AWAY = { code: 'draining', reason: 'this server is going away, connect again' } as const;
const STORE_AWAY = {
  code: 'store-away',
  reason: 'the message store is out of reach, connect again',
} as const;
const STORE_FULL = {
  code: 'store-full',
  reason: 'the message store is nearly full, connect again later',
} as const;
/** What is no handshake, or too many. */
const TOO_MANY = { status: 503, code: 'connections', reason: 'too many TCP connections' } as const;
const NO_UPGRADE = { status: 426, code: 'no-upgrade', reason: 'no Connection: Upgrade' } as const;
const NO_HANDSHAKE = {
  status: 400,
  code: 'bad-handshake',
  reason: 'no WebSocket handshake of RFC 6455',
} as const;

export class StationServer implements AsyncDisposable {
  /** Open sockets, those whose closing handshake runs included. */
  readonly sockets = new Set<StationSocket>();
  readonly #options: StationServerOptions;
  readonly #limits: StationServerLimits;
  readonly #host: SocketHost;
  readonly #listeners: StationListeners;
  readonly #handshakes: InstanceType<typeof WebSocketServer<typeof StationWebSocket>>;
  readonly #random: () => number;
  #opening = 0;
  #refusing = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: StationServerOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { clock, observer, faultAnswer, transactionsAfter, gateway, tolerant = true } = options;
    this.#host = {
      limits: this.#limits,
      clock,
      observer,
      faultAnswer,
      transactionsAfter,
      tolerant,
      unreadable(kind, { stationId, protocol }, epoch, reason, text) {
        observer.unreadable(kind);
        const kept = { stationId, protocol, epoch, at: clock.now(), reason };
        gateway.events.keepUnreadable({ ...kept, text: text.slice(0, RAW_TEXT_KEPT) });
      },
      heldBytes: 0,
    };
    const handshakes = {
      noServer: true,
      clientTracking: false,
      WebSocket: StationWebSocket,
      perMessageDeflate: false,
      // Where text is repaired, what is not UTF-8 closes no socket: see reading.ts.
      skipUTF8Validation: tolerant,
      maxPayload: this.#limits.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      closeTimeout: this.#limits.closeTimeoutMs,
    };
    this.#handshakes = new WebSocketServer(handshakes);
    const { host, listeners } = options;
    const { maxConnections, handshakeTimeoutMs } = this.#limits;
    this.#listeners = new StationListeners({
      host,
      listeners,
      maxConnections,
      handshakeTimeoutMs,
      onUpgrade: (...upgrade) => void this.#upgrade(...upgrade),
      onRequest: (request) => {
        if (isMeantAsHandshake(request)) observer.refused(NO_UPGRADE, factsOf(request));
      },
      onDrop: (remoteAddress) => observer.refused(TOO_MANY, { remoteAddress }),
    });
  }

  /** Sessions held, handshakes in progress included. */
  get size(): number {
    return this.sockets.size + this.#opening;
  }

  /** Bytes of frames that are read and not stored yet. */
  get heldBytes(): number {
    return this.#host.heldBytes;
  }

  /** Where stations connect, in the order of the listeners. */
  get ports(): readonly number[] {
    return this.#listeners.ports;
  }

  /** Rejects when an address cannot be had. */
  async start(): Promise<void> {
    await this.#listeners.start();
    const pause = Math.min(SWEEP_PAUSE, this.#limits.pingIntervalMs / 4);
    this.#sweeper = setInterval(() => this.#sweep(), pause);
  }

  /** From now on every handshake gets 503, those in progress included. */
  refuseUpgrades(): void {
    this.#refusing = true;
  }

  readonly #onClosed = (socket: StationSocket) => void this.sockets.delete(socket);

  /** Closes the sockets that are left, and resolves when they are gone. */
  async stop(): Promise<void> {
    this.refuseUpgrades();
    for (const socket of this.sockets) socket.closeForRestart('stop');
    await this.#listeners.close();
    clearInterval(this.#sweeper);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #sweep(): void {
    const now = this.#options.clock.now();
    for (const socket of this.sockets) socket.sweep(now);
  }

  async #upgrade(
    { path }: StationListener,
    request: IncomingMessage,
    tcp: Duplex,
    head: Buffer,
  ): Promise<void> {
    // ws listens for itself later; until then a reset must not end the process.
    tcp.on('error', nothing);
    // ws has the right refusal for each mistake of this kind.
    if (!isWebSocketHandshake(request)) {
      this.#options.observer.refused(NO_HANDSHAKE, factsOf(request));
      return this.#handshakes.handleUpgrade(request, tcp, head, farewell);
    }
    const admission = this.#admission(request, path);
    if (admission.kind === 'refuse') return this.#refuse(admission.refusal, request, tcp);
    // ws would take the first of the list, and refuse a list with repetitions.
    delete request.headers['sec-websocket-protocol'];
    if (admission.kind === 'accept-and-close') {
      this.#options.observer.refused(admission.refusal, factsOf(request));
      return this.#handshakes.handleUpgrade(request, tcp, head, farewell);
    }
    const { stationId, protocol, isUnnamed } = admission;
    if (isUnnamed === undefined) request.headers['sec-websocket-protocol'] = protocol;
    const remoteAddress = request.socket.remoteAddress ?? '';
    const socket = new StationSocket({ stationId, protocol, remoteAddress }, this.#host, this.#onClosed);
    this.#opening += 1;
    try {
      const connection = await this.#open(socket);
      if (!this.#refusing) return this.#complete(socket, connection, request, tcp, head);
      this.#refuse(this.#later(GOING_AWAY), request, tcp);
      await connection.close();
    } catch (error) {
      this.#options.observer.error(error as Error);
      this.#refuse(this.#later(STORE_AWAY), request, tcp);
    } finally {
      this.#opening -= 1;
    }
  }

  #admission(request: IncomingMessage, path: string): Admission {
    if (this.#refusing) return { kind: 'refuse', refusal: this.#later(GOING_AWAY) };
    const admission = this.#options.admit({
      url: request.url ?? '',
      path,
      subprotocols: request.headers['sec-websocket-protocol'],
      remoteAddress: request.socket.remoteAddress ?? '',
      sessions: this.size,
    });
    if (admission.kind !== 'accept') return admission;
    const { gateway } = this.#options;
    if (!gateway.isHealthy()) return { kind: 'refuse', refusal: this.#later(STORE_AWAY) };
    return gateway.isFull() ? { kind: 'refuse', refusal: this.#later(STORE_FULL) } : admission;
  }

  /** Takes the station's session, or rejects in time for the handshake to be refused. */
  async #open(socket: StationSocket): Promise<GatewayConnection> {
    const { gateway, sessions = gateway } = this.#options;
    const opening = sessions.open(socket.session, socket);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const message = `no session could be opened within ${this.#limits.openTimeoutMs} ms`;
        reject(new TransportError('store-unavailable', message));
        // What comes after all belongs to nobody.
        opening.then((connection) => connection.close()).catch(() => undefined);
      }, this.#limits.openTimeoutMs);
    });
    try {
      return await Promise.race([opening, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #complete(
    socket: StationSocket,
    connection: GatewayConnection,
    request: IncomingMessage,
    tcp: Duplex,
    head: Buffer,
  ): void {
    let complete = false;
    // Calls back at once, or never when the peer has gone meanwhile.
    this.#handshakes.handleUpgrade(request, tcp, head, (ws) => {
      complete = true;
      this.sockets.add(socket);
      socket.attach(ws, connection, this.#random() * this.#limits.pingIntervalMs);
    });
    if (!complete) connection.close().catch((error: Error) => this.#options.observer.error(error));
  }

  #refuse(refusal: Refusal, request: IncomingMessage, tcp: Duplex): void {
    this.#options.observer.refused(refusal, factsOf(request));
    writeRefusal(tcp, refusal);
  }

  #later(why: Pick<Refusal, 'code' | 'reason'>): Refusal {
    return { status: 503, ...why, retryAfterSeconds: retryAfterSeconds(this.#random) };
  }
}

function nothing(): void {}

function factsOf({ url = '', socket }: IncomingMessage): HandshakeFacts {
  return { remoteAddress: socket.remoteAddress ?? '', url };
}

/** Ends a WebSocket of which no session came: no subprotocol in common (OCPP-J 1.6 §3.2, 2.x Part 4 §3.1.2). */
function farewell(ws: StationWebSocket): void {
  ws.on('error', () => ws.terminate());
  ws.close(1002, 'no OCPP subprotocol in common');
}
