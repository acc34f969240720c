/**
 * The listening sockets of a station server, as one: all of them start or none, and one limit on TCP connections
 * applies to all together.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecurityProfile } from '../access/security-profile.ts';
import type { Protocol } from '../ocpp/frame.ts';
import type { StationServerLimits } from './limits.ts';
import { createHandshakeServer, type HandshakeFacts, type Refusal } from './handshake.ts';

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
  /** For all listeners together. `maxConnections` is read for each connection, as it may change. */
  readonly limits: Pick<StationServerLimits, 'maxConnections' | 'handshakeTimeoutMs'>;
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
  readonly #servers: readonly Server[];
  #connections = 0;

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
    for (const server of this.#servers) {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    }
  }

  #serverOf(listener: StationListener): Server {
    const { limits, onUpgrade, onRequest, onRefused } = this.#options;
    const server = createHandshakeServer(limits.handshakeTimeoutMs, onRequest, onRefused);
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

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
