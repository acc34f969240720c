/**
 * The listening sockets of a station server, as one: all of them start or none, and one limit on TCP connections
 * applies to all together.
 */
import type { IncomingMessage } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../runtime/clock.ts';
import type { AddressLimits, Connection, ConnectionPlace, Connections } from './forwarded/connections.ts';
import { acceptProxied } from './forwarded/proxy-protocol.ts';
import type { TrustedNetworks } from './forwarded/trusted-networks.ts';
import {
  createHandshakeServer,
  type HandshakeFacts,
  type HandshakeLimits,
  type HandshakeServer,
  type Refusal,
} from './handshake.ts';
import { TOO_MANY, TOO_MANY_OF_ADDRESS, UNTRUSTED } from './refusals.ts';
import type { StationListener } from './station-listener.ts';
import { TlsListener, type TlsObserver, type TlsState } from './tls/tls-listener.ts';

export interface StationListenersOptions {
  readonly host: string;
  /** At least one. */
  readonly listeners: readonly StationListener[];
  /** Read for each connection, as they may change. */
  readonly limitsAt: (listener: StationListener) => HandshakeLimits & AddressLimits;
  /** Of all listeners together, with their limits. */
  readonly connections: Connections;
  readonly trusted: TrustedNetworks;
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

export class StationListeners {
  readonly #options: StationListenersOptions;
  readonly #servers: readonly HandshakeServer[];
  /** Only of the listeners with certificates. */
  readonly #secured = new Map<StationListener, TlsListener>();
  readonly #places = new Map<StationListener, ConnectionPlace>();
  /** Each ends the connections of a listener whose PROXY protocol header is not complete. */
  readonly #endProxied: (() => void)[] = [];

  /** @throws CertificateError for TLS suites that do not exist */
  constructor(options: StationListenersOptions) {
    this.#options = options;
    for (const listener of options.listeners) {
      if (hasCertificates(listener)) this.#secured.set(listener, this.#tlsOf(listener));
      const { name = String(listener.port) } = listener;
      this.#places.set(listener, { listener: name, limits: options.limitsAt(listener) });
    }
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
    for (const end of this.#endProxied) end();
    this.#options.connections.endSecuring();
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
    const { limitsAt, connections, onUpgrade, onRequest, onRefused } = this.#options;
    const limits = limitsAt(listener);
    const refused = (refusal: Refusal, facts: Pick<HandshakeFacts, 'url'>, tcp: Socket) =>
      onRefused(refusal, { ...whence(connections.of(tcp)), ...facts });
    const tls = this.#secured.get(listener)?.serverOptions(limits.handshakeTimeoutMs);
    const server = createHandshakeServer(limits, onRequest, refused, tls);
    if (listener.proxyProtocol === true) this.#endProxied.push(this.#acceptProxied(server, listener));
    else {
      server.on('connection', (tcp: Socket) => {
        if (!this.#enter(tcp, listener) || !this.#count(tcp)) tcp.destroy();
      });
    }
    server.on('secureConnection', (secured: Socket) => connections.secured(secured));
    server.on('upgrade', (request, tcp, head) => onUpgrade(listener, request, tcp, head));
    return server;
  }

  /** Connections of load balancers, each with the address of its client. */
  #acceptProxied(server: HandshakeServer, listener: StationListener): () => void {
    const { limitsAt, connections, trusted } = this.#options;
    const limits = limitsAt(listener);
    return acceptProxied(server, {
      timeoutMs: () => limits.handshakeTimeoutMs,
      admit: (tcp) => {
        if (!this.#enter(tcp, listener)) return false;
        return trusted.has(connections.of(tcp).peer) || isOwn(tcp) || this.#drop(tcp, UNTRUSTED);
      },
      identified: (tcp, address) => {
        const connection = connections.of(tcp);
        // The process itself connects in its self-test, and for no other client.
        if (address !== undefined && !trusted.has(connection.peer)) return this.#drop(tcp, UNTRUSTED);
        connection.address = address ?? connection.peer;
        return this.#count(tcp);
      },
      failed: (tcp, reason) => void this.#drop(tcp, { status: 400, code: 'proxy-protocol', reason }),
    });
  }

  /** Whether the limit of all connections permits this one. */
  #enter(tcp: Socket, listener: StationListener): boolean {
    // Its peer has reset it already: a probe of a load balancer.
    if (tcp.remoteAddress === undefined) return false;
    const { connections } = this.#options;
    const entered = connections.enter(tcp, this.#secured.get(listener), this.#places.get(listener));
    return entered !== undefined || this.#drop(tcp, TOO_MANY);
  }

  /** Whether the limit of its address permits it. The clients of a trusted load balancer are counted when their request names them. */
  #count(tcp: Socket): boolean {
    const { connections, trusted } = this.#options;
    const connection = connections.of(tcp);
    if (trusted.has(connection.address) || connections.count(connection, connection.address)) return true;
    return this.#drop(tcp, TOO_MANY_OF_ADDRESS);
  }

  #drop(tcp: Socket, refusal: Refusal): false {
    this.#options.onRefused(refusal, whence(this.#options.connections.of(tcp)));
    return false;
  }
}

const whence = ({ address, place }: Connection): HandshakeFacts => ({
  remoteAddress: address,
  ...(place !== undefined && { listener: place.listener }),
});

/** Otherwise a load balancer has them, or there are none. */
const hasCertificates = ({ tls }: StationListener) => tls !== undefined && tls.terminated !== true;

/** Whether both ends are this machine: see self-test.ts. */
const isOwn = ({ remoteAddress, localAddress }: Socket) => remoteAddress === localAddress;

function listen(server: HandshakeServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
