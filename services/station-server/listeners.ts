/**
 * The listening sockets of a station server, as one: all of them start or none, and one limit on TCP connections
 * applies to all together.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecurityProfile } from '../access/security-profile.ts';
import type { Protocol } from '../ocpp/frame.ts';
import type { Connections } from './forwarded/connections.ts';
import type { CertificateHeader } from './forwarded/forwarded.ts';
import { acceptProxied } from './forwarded/proxy-protocol.ts';
import type { TrustedNetworks } from './forwarded/trusted-networks.ts';
import {
  createHandshakeServer,
  type HandshakeFacts,
  type HandshakeLimits,
  type Refusal,
} from './handshake.ts';
import { TOO_MANY, TOO_MANY_OF_ADDRESS, UNTRUSTED } from './refusals.ts';

export interface StationListener {
  /** For logs and metrics; its port if omitted. */
  readonly name?: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Stations connect to `<path>/<identity>` here. */
  readonly path: string;
  /** 0 if omitted. */
  readonly securityProfile?: SecurityProfile;
  /** OCPP versions of this listener; those of the server if omitted. */
  readonly protocols?: readonly Protocol[];
  /** Of profiles 2 and 3 only. */
  readonly tls?: ListenerTls;
  /** Connections begin with a PROXY protocol header (version 2) of a trusted load balancer. */
  readonly proxyProtocol?: boolean;
}

export interface ListenerTls {
  /** A trusted load balancer terminates TLS and forwards the client certificate; there are no files then. */
  readonly terminated?: boolean;
  /** Where it forwards the client certificate; of profile 3. */
  readonly clientCertificateHeader?: CertificateHeader;
  /** Each with `tls.crt` and `tls.key`; two for RSA and ECDSA side by side. */
  readonly certificateFolders?: readonly string[];
  /** With `ca.crt`, and `ca.crl` if there are revocation lists; of profile 3. */
  readonly clientCaFolder?: string;
  /** TLSv1.2 if omitted. */
  readonly minVersion?: TlsVersion;
  /** OpenSSL names of suites of TLS 1.2; those of OCPP if omitted. */
  readonly cipherSuites?: readonly string[];
}

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export interface StationListenersOptions {
  readonly host: string;
  /** At least one. */
  readonly listeners: readonly StationListener[];
  /** For each listener; read for each connection, as they may change. */
  readonly limits: HandshakeLimits;
  /** Of all listeners together, with their limits. */
  readonly connections: Connections;
  readonly trusted: TrustedNetworks;
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
  readonly #servers: readonly Server[];
  /** Each ends the connections of a listener whose PROXY protocol header is not complete. */
  readonly #endProxied: (() => void)[] = [];

  constructor(options: StationListenersOptions) {
    this.#options = options;
    this.#servers = options.listeners.map((listener) => this.#serverOf(listener));
  }

  /** In the order of the listeners; 0 for one that is not open. */
  get ports(): readonly number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo | null)?.port ?? 0);
  }

  /** Rejects when an address is not available; then none stays open. */
  async start(): Promise<void> {
    try {
      for (const [index, server] of this.#servers.entries()) {
        await listen(server, this.#options.host, this.#options.listeners[index]?.port ?? 0);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Stops accepting and ends connections without a handshake; upgraded connections stay. */
  async close(): Promise<void> {
    for (const end of this.#endProxied) end();
    for (const server of this.#servers) {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    }
  }

  #serverOf(listener: StationListener): Server {
    const { limits, connections, onUpgrade, onRequest, onRefused } = this.#options;
    const server = createHandshakeServer(limits, onRequest, (refusal, facts, tcp) => {
      onRefused(refusal, { remoteAddress: connections.of(tcp).address, ...facts });
    });
    if (listener.proxyProtocol === true) this.#endProxied.push(this.#acceptProxied(server, listener));
    else {
      server.on('connection', (tcp: Socket) => {
        if (!this.#enter(tcp, listener) || !this.#count(tcp)) tcp.destroy();
      });
    }
    server.on('secureConnection', (tls: Socket) => connections.secured(tls));
    server.on('upgrade', (request, tcp, head) => onUpgrade(listener, request, tcp, head));
    return server;
  }

  /** Connections of load balancers, each with the address of its client. */
  #acceptProxied(server: Server, listener: StationListener): () => void {
    const { limits, connections, trusted } = this.#options;
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
  #enter(tcp: Socket, { tls }: StationListener): boolean {
    const entered = this.#options.connections.enter(tcp, tls !== undefined && tls.terminated !== true);
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
    this.#options.onRefused(refusal, { remoteAddress: this.#options.connections.of(tcp).address });
    return false;
  }
}

/** Whether both ends are this machine: see self-test.ts. */
const isOwn = ({ remoteAddress, localAddress }: Socket) => remoteAddress === localAddress;

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
