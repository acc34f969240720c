/**
 * The endpoint that stations connect to: HTTP, the WebSocket handshake, and the set of open station sockets over a
 * Gateway. The session is opened before the handshake is answered. So an unavailable store causes HTTP 503 and not a
 * socket that opens and closes. Until then the station's data waits in the kernel.
 *
 * One timer serves all sockets: an idle socket costs no timer and no closure.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { AccessControl, Verdict } from '../access/access-control.ts';
import type { Gateway, GatewayConnection, StationSession, StationSessions } from '../transport/gateway.ts';
import type { Grant, PresentedCertificate } from '../access/decide.ts';
import { RAW_TEXT_KEPT } from '../transport/unreadable.ts';
import {
  type Admission,
  type Admit,
  isMeantAsHandshake,
  isWebSocketHandshake,
  type Refusal,
  spreadOf,
  writeRefusal,
} from './handshake.ts';
import { Connections } from './forwarded/connections.ts';
import { Clients } from './forwarded/clients.ts';
import { TRUST_NONE, type TrustedNetworks } from './forwarded/trusted-networks.ts';
import type { HandshakeLine } from './handshake-line.ts';
import { limitsOf, type StationServerLimits } from './limits.ts';
import type { SocketHost, StationObserver } from './socket-host.ts';
import { StationListeners } from './listeners.ts';
import type { StationListener } from './station-listener.ts';
import { NO_HANDSHAKE, NO_UPGRADE, refusalOf, temporary, type TemporaryCode } from './refusals.ts';
import type { SelfTestSecret } from './self-test.ts';
import { openSession } from './open-session.ts';
import { SharedRate } from './shared-rate.ts';
import { StationSocket } from './station-socket.ts';
import { closeUnsupported, StationWebSocket } from './station-web-socket.ts';
import { ConnectedCertificates } from './tls/connected-certificates.ts';
import type { TlsObserver, TlsState } from './tls/tls-listener.ts';

export interface StationServerOptions extends Pick<
  SocketHost,
  'clock' | 'faultAnswer' | 'transactionsAfter'
> {
  readonly host: string;
  /** At least one; rules and limits apply to all of them. */
  readonly listeners: readonly StationListener[];
  readonly gateway: Gateway;
  /** Opens the sessions; the gateway by default. */
  readonly sessions?: StationSessions;
  readonly admit: Admit;
  /** Decides who a station is; without it every station is who it says. */
  readonly access?: Pick<AccessControl, 'authenticate'>;
  /** Of listeners with certificates; without it nothing is reported. */
  readonly tls?: StationServerTls;
  /** Where accepted handshakes wait; without it there is no limit on their rate. */
  readonly line?: HandshakeLine;
  readonly observer: StationObserver;
  /** Whether an invalid frame is repaired where its meaning is clear; true by default. Read for each message, as it may change. */
  readonly tolerant?: boolean;
  /** Load balancers whose statements about clients count; none by default. */
  readonly trusted?: TrustedNetworks;
  /** A limit that is a getter may change. */
  readonly limits?: Partial<StationServerLimits>;
  /** Handshakes with it are tests: see self-test.ts. */
  readonly selfTest?: SelfTestSecret;
  readonly random?: () => number;
}

export interface StationServerTls {
  readonly observer: TlsObserver;
  /** Whether a connected station is closed when its certificate is no longer trusted: not in mode Report. */
  readonly isEnforcing: () => boolean;
  readonly onClosed: (session: StationSession) => void;
  /** How often the files of certificates are read; ms. */
  readonly intervalMs?: number;
}

const NO_TLS: StationServerTls = {
  observer: { applied: ignore, refused: ignore, secured: ignore },
  isEnforcing: () => true,
  onClosed: ignore,
};

/** Limits on fragments of a message and chunks of a read; more is an attack on memory. */
const MAX_FRAGMENTS = 1024;
const MAX_CHUNKS = 8192;
/** Answers to pings that a station has not read; more than its message rate permits at once. */
const MAX_PONGS = 1024;
/** Interval of the sweep over all sockets; ms. */
const SWEEP_INTERVAL = 1000;
export class StationServer implements AsyncDisposable {
  /** Open sockets, including those in the closing handshake. */
  readonly sockets = new Set<StationSocket>();
  readonly #options: StationServerOptions;
  readonly #limits: StationServerLimits;
  readonly #host: SocketHost;
  readonly #clients: Clients;
  readonly #listeners: StationListeners;
  readonly #certificates: ConnectedCertificates<StationSocket>;
  readonly #handshakes: InstanceType<typeof WebSocketServer<typeof StationWebSocket>>;
  readonly #random: () => number;
  #opening = 0;
  #refusing = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: StationServerOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#limits = limitsOf(options.limits);
    const { trusted = TRUST_NONE } = options;
    const connections = new Connections(this.#limits);
    this.#clients = new Clients(connections, trusted);
    const { clock, observer, faultAnswer, transactionsAfter, gateway } = options;
    this.#host = {
      limits: this.#limits,
      clock,
      observer,
      faultAnswer,
      transactionsAfter,
      get tolerant() {
        return options.tolerant ?? true;
      },
      unreadable(kind, { stationId, protocol }, epoch, reason, text) {
        observer.unreadable(kind);
        const kept = { stationId, protocol, epoch, at: clock.now(), reason };
        gateway.events.keepUnreadable({ ...kept, text: text.slice(0, RAW_TEXT_KEPT) });
      },
      total: new SharedRate(),
      heldBytes: 0,
    };
    const handshakes = {
      noServer: true,
      clientTracking: false,
      WebSocket: StationWebSocket,
      perMessageDeflate: false,
      ...this.#messageRules,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      maxPendingAutoPongs: MAX_PONGS,
      closeTimeout: this.#limits.closeTimeoutMs,
    };
    this.#handshakes = new WebSocketServer(handshakes);
    const { host, listeners, tls = NO_TLS } = options;
    this.#certificates = new ConnectedCertificates((socket) => {
      socket.closeForAccess();
      tls.onClosed(socket.session);
    }, tls.isEnforcing);
    this.#listeners = new StationListeners({
      host,
      clock,
      tls: { ...tls, onTrustChanged: () => void this.#certificates.check() },
      listeners,
      limits: this.#limits,
      connections,
      trusted,
      onUpgrade: (...upgrade) => void this.#upgrade(...upgrade),
      onRequest: (request) => {
        if (isMeantAsHandshake(request)) observer.refused(NO_UPGRADE, this.#clients.factsOf(request));
      },
      onRefused: (...refused) => observer.refused(...refused),
    });
  }

  /** Number of sessions, including handshakes in progress. */
  get size(): number {
    return this.sockets.size + this.#opening;
  }

  /** Bytes of frames that are read and not stored yet. */
  get heldBytes(): number {
    return this.#host.heldBytes;
  }

  /** Ports for stations, in the order of the listeners. */
  get ports(): readonly number[] {
    return this.#listeners.ports;
  }

  /** Of the listeners with certificates. */
  get tlsStates(): readonly TlsState[] {
    return this.#listeners.tlsStates;
  }

  /** Rejects when an address is not available, and with CertificateError for bad files of a listener. */
  async start(): Promise<void> {
    await this.#listeners.start();
    const interval = Math.min(SWEEP_INTERVAL, this.#limits.pingIntervalMs / 4);
    this.#sweeper = setInterval(() => this.#sweep(), interval);
  }

  /** Answers all further handshakes with 503, including those in progress. */
  refuseUpgrades(): void {
    this.#refusing = true;
    this.#options.line?.clear();
  }

  /** Takes refuseUpgrades back. */
  acceptUpgrades(): void {
    this.#refusing = false;
  }

  readonly #onClosed = (socket: StationSocket) => {
    this.sockets.delete(socket);
    this.#certificates.delete(socket);
  };

  /** Closes the remaining sockets and the listeners. */
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
    this.#certificates.sweep();
  }

  async #upgrade(
    listener: StationListener,
    request: IncomingMessage,
    tcp: Duplex,
    head: Buffer,
  ): Promise<void> {
    // ws adds its own listener later; before that a reset must not end the process.
    tcp.on('error', ignore);
    // ws would complete a handshake of version 8, a draft, and check nothing else.
    if (!isWebSocketHandshake(request)) return this.#refuse(NO_HANDSHAKE, request, tcp);
    if (this.#options.selfTest?.isIn(request) === true) return this.#test(listener, request, tcp, head);
    const unfit = this.#clients.refusalOf(listener, request);
    if (unfit !== undefined) return this.#refuse(unfit, request, tcp);
    const admission = this.#admission(request, listener);
    if (admission.kind === 'refuse') return this.#refuse(admission.refusal, request, tcp);
    // ws would choose the first of the list, and refuse a list with repetitions.
    delete request.headers['sec-websocket-protocol'];
    if (admission.kind === 'accept-and-close') {
      this.#options.observer.refused(admission.refusal, this.#clients.factsOf(request));
      return this.#handshakes.handleUpgrade(request, tcp, head, closeUnsupported);
    }
    const { stationId, protocol, isUnnamed, pace } = admission;
    if (isUnnamed === undefined) request.headers['sec-websocket-protocol'] = protocol;
    const { remoteAddress } = this.#clients.factsOf(request);
    this.#opening += 1;
    try {
      const secured = this.#listeners.securedBy(listener);
      const since = secured?.removals ?? 0;
      const certificate =
        secured?.clientCertificateOf(request.socket) ?? this.#clients.certificateOf(listener, request);
      const verdict = await this.#authenticate(stationId, request, listener, certificate);
      if (verdict?.kind === 'refuse') {
        return this.#refuse(refusalOf(verdict, spreadOf(request.url ?? '')), request, tcp);
      }
      const refusal = pace?.();
      if (refusal !== undefined) return this.#refuse(refusal, request, tcp);
      const grant = verdict?.grant;
      const session = { stationId, protocol, remoteAddress, ...metadataOf(grant) };
      const socket = new StationSocket(session, this.#host, this.#onClosed);
      socket.grant = grant;
      if (!(await this.#isNext(verdict?.isKnown ?? true, request, tcp))) return;
      const connection = await openSession(this.#options, session, socket, this.#limits.openTimeoutMs);
      if (!this.#refusing) {
        this.#complete(socket, connection, request, tcp, head);
        if (secured !== undefined && certificate.kind === 'verified' && this.sockets.has(socket))
          this.#certificates.add(socket, request.socket, secured, since);
        return;
      }
      this.#refuse(later('draining', request), request, tcp);
      await connection.close();
    } catch (error) {
      this.#options.observer.error(error as Error);
      this.#refuse(later('store-away', request), request, tcp);
    } finally {
      this.#opening -= 1;
    }
  }

  /** Undefined without access control. */
  async #authenticate(
    identity: string,
    request: IncomingMessage,
    { securityProfile: profile = 0 }: StationListener,
    certificate: PresentedCertificate,
  ): Promise<Verdict | undefined> {
    return this.#options.access?.authenticate({
      identity,
      profile,
      authorization: request.headers.authorization,
      certificate,
      address: this.#clients.factsOf(request).remoteAddress,
    });
  }

  /** Completes a handshake of this process with itself, or says why it would refuse it. */
  #test(listener: StationListener, request: IncomingMessage, tcp: Duplex, head: Buffer): void {
    const admission = this.#admission(request, listener, true);
    if (admission.kind === 'refuse') return writeRefusal(tcp, admission.refusal);
    if (admission.kind === 'accept-and-close')
      return writeRefusal(tcp, { ...admission.refusal, status: 400 });
    request.headers['sec-websocket-protocol'] = admission.protocol;
    this.#handshakes.handleUpgrade(request, tcp, head, (ws) => ws.on('error', () => ws.terminate()));
  }

  #admission(request: IncomingMessage, { path, protocols }: StationListener, isTest = false): Admission {
    if (this.#refusing) return { kind: 'refuse', refusal: later('draining', request) };
    const admission = this.#options.admit({
      url: request.url ?? '',
      path,
      ...(protocols !== undefined && { protocols }),
      subprotocols: request.headers['sec-websocket-protocol'],
      remoteAddress: this.#clients.factsOf(request).remoteAddress,
      sessions: this.size,
      ...(isTest && { isTest }),
    });
    if (admission.kind !== 'accept') return admission;
    const { gateway } = this.#options;
    if (!gateway.isHealthy()) return { kind: 'refuse', refusal: later('store-away', request) };
    return gateway.isFull() ? { kind: 'refuse', refusal: later('store-full', request) } : admission;
  }

  /** Waits in line; false when the handshake was refused or its peer has hung up. */
  async #isNext(isKnown: boolean, request: IncomingMessage, tcp: Duplex): Promise<boolean> {
    const arrival = { isKnown, spread: spreadOf(request.url ?? '') };
    const turn = (await this.#options.line?.wait(tcp, arrival)) ?? 'now';
    if (turn === 'now') return true;
    if (turn !== 'left') this.#refuse(turn, request, tcp);
    else if (!tcp.destroyed) this.#refuse(later('draining', request), request, tcp);
    return false;
  }

  #complete(
    socket: StationSocket,
    connection: GatewayConnection,
    request: IncomingMessage,
    tcp: Duplex,
    head: Buffer,
  ): void {
    let complete = false;
    Object.assign(this.#handshakes.options, this.#messageRules);
    // Calls back synchronously, or never when the peer has disconnected.
    this.#handshakes.handleUpgrade(request, tcp, head, (ws) => {
      complete = true;
      this.#clients.opened(request);
      this.sockets.add(socket);
      socket.attach(ws, connection, this.#random() * this.#limits.pingIntervalMs);
    });
    if (!complete) connection.close().catch((error: Error) => this.#options.observer.error(error));
  }

  /** What ws checks; an open socket keeps what it began with. */
  get #messageRules(): { readonly skipUTF8Validation: boolean; readonly maxPayload: number } {
    // With repairs, invalid UTF-8 does not close the socket: see reading.ts.
    return { skipUTF8Validation: this.#host.tolerant, maxPayload: this.#limits.maxMessageBytes };
  }

  #refuse(refusal: Refusal, request: IncomingMessage, tcp: Duplex): void {
    this.#options.observer.refused(refusal, this.#clients.factsOf(request));
    writeRefusal(tcp, refusal);
  }
}

function ignore(): void {}

/** Stored with the session; plain listeners store nothing. */
const metadataOf = (grant: Grant | undefined): Pick<StationSession, 'metadata'> =>
  grant === undefined || grant.profile === 0 ? {} : { metadata: { securityProfile: String(grant.profile) } };

const later = (code: TemporaryCode, { url = '' }: IncomingMessage) => temporary(code, spreadOf(url));
