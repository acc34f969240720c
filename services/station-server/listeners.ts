/**
 * The listening sockets of a station server, as one: all of them start or none, and one limit on TCP connections
 * applies to all together.
 */
import type { IncomingMessage } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../runtime/clock.ts';
import type { StationServerLimits } from './limits.ts';
import {
  createHandshakeServer,
  type HandshakeFacts,
  type HandshakeServer,
  type Refusal,
} from './handshake.ts';
import type { StationListener } from './station-listener.ts';
import { TlsListener, type TlsObserver, type TlsState } from './tls/tls-listener.ts';

export interface StationListenersOptions {
  readonly host: string;
  /** At least one. */
  readonly listeners: readonly StationListener[];
  /** For all listeners together. `maxConnections` is read for each connection, as it may change. */
  readonly limits: Pick<StationServerLimits, 'maxConnections' | 'handshakeTimeoutMs'>;
  readonly clock: Clock;
  /** Of the listeners that have certificates. */
  readonly tls: {
    readonly observer: TlsObserver;
    /** The client CAs or the revocation lists of a listener may have changed. */
    readonly onTrustChanged: () => void;
    /** How often files are read; ms. */
    readonly intervalMs?: number;
  };
  readonly onUpgrade: (
    listener: StationListener,
    request: IncomingMessage,
    tcp: Duplex,
    head: Buffer,
  ) => void;
  /** A request without an upgrade. */
  readonly onRequest: (request: IncomingMessage) => void;
  /** A connection that is dropped, or a request that the HTTP parser refuses. */
  readonly onRefused: (refusal: Refusal, facts: HandshakeFacts) => void;
}

const TOO_MANY = { status: 503, code: 'connections', reason: 'too many TCP connections' } as const;

export class StationListeners {
  readonly #options: StationListenersOptions;
  readonly #servers: readonly HandshakeServer[];
  /** Only of the listeners with certificates. */
  readonly #secured = new Map<StationListener, TlsListener>();
  #connections = 0;

  /** @throws CertificateError for TLS suites that do not exist */
  constructor(options: StationListenersOptions) {
    this.#options = options;
    for (const listener of options.listeners)
      if (hasCertificates(listener)) this.#secured.set(listener, this.#tlsOf(listener));
    this.#servers = options.listeners.map((listener) => this.#serverOf(listener));
  }

  /** In the order of the listeners; 0 for one that is not open. */
  get ports(): readonly number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo | null)?.port ?? 0);
  }

  /** The TLS of a listener; undefined for a plain one, and where a load balancer terminates TLS. */
  securedBy(listener: StationListener): TlsListener | undefined {
    return this.#secured.get(listener);
  }

  get tlsStates(): readonly TlsState[] {
    return [...this.#secured.values()].map(({ state }) => state);
  }

  /** Rejects when an address is not available, and with CertificateError for bad files; then none stays open. */
  async start(): Promise<void> {
    const { listeners, host } = this.#options;
    try {
      for (const [index, server] of this.#servers.entries()) {
        const listener = listeners[index];
        const tls = listener && this.#secured.get(listener);
        if (server instanceof HttpsServer) await tls?.start(server);
      }
      for (const [index, server] of this.#servers.entries()) {
        await listen(server, host, listeners[index]?.port ?? 0);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Stops accepting and ends connections without a handshake; upgraded connections stay. */
  async close(): Promise<void> {
    for (const tls of this.#secured.values()) tls[Symbol.dispose]();
    for (const server of this.#servers) {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    }
  }

  #tlsOf(listener: StationListener): TlsListener {
    const { clock, tls } = this.#options;
    return new TlsListener({ listener, clock, ...tls });
  }

  #serverOf(listener: StationListener): HandshakeServer {
    const { limits, onUpgrade, onRequest, onRefused } = this.#options;
    const tls = this.#secured.get(listener)?.serverOptions(limits.handshakeTimeoutMs);
    const server = createHandshakeServer(limits.handshakeTimeoutMs, onRequest, onRefused, tls);
    const gone = () => {
      this.#connections -= 1;
    };
    server.on('connection', (tcp: Socket) => {
      this.#connections += 1;
      tcp.on('close', gone);
      if (this.#connections <= limits.maxConnections) return;
      onRefused(TOO_MANY, { remoteAddress: tcp.remoteAddress ?? '' });
      tcp.destroy();
    });
    server.on('upgrade', (request, tcp, head) => onUpgrade(listener, request, tcp, head));
    return server;
  }
}

/** Otherwise a load balancer has them, or there are none. */
const hasCertificates = ({ tls }: StationListener) => tls !== undefined && tls.terminated !== true;

function listen(server: HandshakeServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
