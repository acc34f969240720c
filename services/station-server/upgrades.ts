/**
 * The way of a handshake from the upgrade request to an open socket. Each step may refuse it: limits and path, who the station is, how
 * often it connects, the line. The session is opened before the handshake is answered. So an unavailable store causes HTTP 503 and not
 * a socket that opens and closes. Until then the data of the station waits in the kernel.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Verdict } from '../access/access-control.ts';
import { type GatewayConnection, PROVEN, type StationSession } from '../transport/gateway.ts';
import type { Grant, PresentedCertificate } from '../access/decide.ts';
import { type Admission, isWebSocketHandshake, type Refusal, spreadOf, writeRefusal } from './handshake.ts';
import type { Clients } from './forwarded/clients.ts';
import type { StationServerLimits } from './limits.ts';
import type { StationServerOptions } from './station-server-options.ts';
import type { TlsListener } from './tls/tls-listener.ts';
import type { ServedListener } from './served-listener.ts';
import type { StationListener } from './station-listener.ts';
import { NO_HANDSHAKE, refusalOf, temporary, type TemporaryCode } from './refusals.ts';
import { openSession } from './open-session.ts';
import type { StationSocket } from './station-socket.ts';
import { closeUnsupported, StationWebSocket } from './station-web-socket.ts';

/** Limits on fragments of a message and chunks of a read; more is an attack on memory. */
const MAX_FRAGMENTS = 1024;
const MAX_CHUNKS = 8192;
/** Answers to pings that a station has not read; more than its message rate permits at once. */
const MAX_PONGS = 1024;

const BUSY = {
  kind: 'refuse',
  code: 'busy',
  status: 503,
  reason: 'too many handshakes are being authenticated',
} as const;

/** What the server knows and keeps. */
export interface UpgradePorts {
  readonly options: StationServerOptions;
  readonly limits: StationServerLimits;
  readonly clients: Clients;
  /** Open sockets. */
  readonly sessions: () => number;
  readonly at: (listener: StationListener) => ServedListener;
  readonly newSocket: (session: StationSession, at: ServedListener) => StationSocket;
  /** Undefined for a listener without certificates. */
  readonly securedBy: (listener: StationListener) => TlsListener | undefined;
  readonly opened: (socket: StationSocket, at: ServedListener) => void;
  /** The station of an open socket has presented a certificate. @param since see ClientTrust.judge() */
  readonly certified: (socket: StationSocket, tls: Socket, secured: TlsListener, since: number) => void;
  readonly random: () => number;
}

export class Upgrades {
  /** Handshakes in progress of stations that may connect; each has the place of a session. */
  opening = 0;
  /** All are answered with 503, those in progress too. */
  refusing = false;
  readonly #ports: UpgradePorts;
  readonly #options: StationServerOptions;
  readonly #limits: StationServerLimits;
  readonly #clients: Clients;
  #authenticating = 0;
  readonly #handshakes: InstanceType<typeof WebSocketServer<typeof StationWebSocket>>;

  constructor(ports: UpgradePorts) {
    this.#ports = ports;
    this.#options = ports.options;
    this.#limits = ports.limits;
    this.#clients = ports.clients;
    const rules = {
      noServer: true,
      clientTracking: false,
      WebSocket: StationWebSocket,
      perMessageDeflate: false,
      ...this.#messageRules(this.#limits),
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      maxPendingAutoPongs: MAX_PONGS,
      closeTimeout: this.#limits.closeTimeoutMs,
    };
    this.#handshakes = new WebSocketServer(rules);
  }

  /** Refuses the handshake, or opens the session of the station and completes it. */
  async handle(
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
    const at = this.#ports.at(listener);
    if (isUnnamed === undefined) request.headers['sec-websocket-protocol'] = protocol;
    const { remoteAddress } = this.#clients.factsOf(request);
    let places = 0;
    try {
      const secured = this.#ports.securedBy(listener);
      const since = this.#clients.removalsOf(request);
      const certificate =
        secured?.clientCertificateOf(request.socket, since) ?? this.#clients.certificateOf(listener, request);
      const verdict = await this.#authenticate(stationId, request, listener, certificate);
      if (verdict?.kind === 'refuse') {
        return this.#refuse(refusalOf(verdict, spreadOf(request.url ?? '')), request, tcp);
      }
      // Others took places meanwhile, or the server is being stopped.
      const again = this.#admission(request, listener);
      if (again.kind === 'refuse') return this.#refuse(again.refusal, request, tcp);
      places = 1;
      this.opening += places;
      at.opening += places;
      const refusal = pace?.();
      if (refusal !== undefined) return this.#refuse(refusal, request, tcp);
      const grant = verdict?.grant;
      const session = { stationId, protocol, remoteAddress, ...metadataOf(grant) };
      const socket = this.#ports.newSocket(session, at);
      socket.grant = grant;
      if (certificate.kind === 'verified' && Number.isFinite(certificate.facts.notAfter)) {
        socket.certificateExpires = certificate.facts.notAfter;
      }
      if (!(await this.#isNext(verdict?.isKnown ?? true, request, tcp))) return;
      const connection = await openSession(this.#options, session, socket, this.#limits.openTimeoutMs);
      if (!this.refusing) {
        this.#complete(socket, at, connection, request, tcp, head);
        if (secured !== undefined && certificate.kind === 'verified')
          this.#ports.certified(socket, request.socket, secured, since);
        return;
      }
      this.#refuse(later('draining', request), request, tcp);
      await connection.close();
    } catch (error) {
      this.#options.observer.error(error as Error);
      this.#refuse(later('store-away', request), request, tcp);
    } finally {
      this.opening -= places;
      at.opening -= places;
    }
  }

  /** Undefined without access control. */
  async #authenticate(
    identity: string,
    request: IncomingMessage,
    { securityProfile: profile = 0 }: StationListener,
    certificate: PresentedCertificate,
  ): Promise<Verdict | undefined> {
    const { access } = this.#options;
    if (access === undefined) return undefined;
    if (this.#authenticating >= this.#limits.maxAuthenticating) return BUSY;
    this.#authenticating += 1;
    try {
      return await access.authenticate({
        identity,
        profile,
        authorization: request.headers.authorization,
        certificate,
        address: this.#clients.factsOf(request).remoteAddress,
      });
    } finally {
      this.#authenticating -= 1;
    }
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

  #admission(request: IncomingMessage, listener: StationListener, isTest = false): Admission {
    const { path, protocols } = listener;
    if (this.refusing) return { kind: 'refuse', refusal: later('draining', request) };
    const admission = this.#options.admit({
      url: request.url ?? '',
      path,
      ...(protocols !== undefined && { protocols }),
      subprotocols: request.headers['sec-websocket-protocol'],
      remoteAddress: this.#clients.factsOf(request).remoteAddress,
      sessions: this.#ports.sessions() + this.opening,
      listener: this.#ports.at(listener).facts,
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
    at: ServedListener,
    connection: GatewayConnection,
    request: IncomingMessage,
    tcp: Duplex,
    head: Buffer,
  ): void {
    let complete = false;
    Object.assign(this.#handshakes.options, this.#messageRules(at.limits));
    // Calls back synchronously, or never when the peer has disconnected.
    this.#handshakes.handleUpgrade(request, tcp, head, (ws) => {
      complete = true;
      this.#clients.opened(request);
      this.#ports.opened(socket, at);
      socket.attach(ws, tcp, connection, this.#ports.random() * this.#limits.pingIntervalMs);
    });
    if (!complete) connection.close().catch((error: Error) => this.#options.observer.error(error));
  }

  /** What ws checks; an open socket keeps what it began with. */
  #messageRules({ maxMessageBytes: maxPayload }: Pick<StationServerLimits, 'maxMessageBytes'>): {
    readonly skipUTF8Validation: boolean;
    readonly maxPayload: number;
  } {
    // With repairs, invalid UTF-8 does not close the socket: see reading.ts.
    return { skipUTF8Validation: this.#options.tolerant ?? true, maxPayload };
  }

  #refuse(refusal: Refusal, request: IncomingMessage, tcp: Duplex): void {
    this.#options.observer.refused(refusal, this.#clients.factsOf(request));
    writeRefusal(tcp, refusal);
  }
}

function ignore(): void {}

/** Stored with the session; plain listeners store nothing. The profile is of the listener: whether the station proved it is separate. */
function metadataOf(grant: Grant | undefined): Pick<StationSession, 'metadata'> {
  if (grant === undefined || grant.profile === 0) return {};
  const proven = grant.proven && { [PROVEN]: 'true' };
  return { metadata: { securityProfile: String(grant.profile), ...proven } };
}

const later = (code: TemporaryCode, { url = '' }: IncomingMessage) => temporary(code, spreadOf(url));
