/** Whose handshake a request is: the address of its client, and the refusals that depend on where it comes from. */
import type { IncomingMessage } from 'node:http';
import type { PresentedCertificate } from '../../access/decide.ts';
import { factsOf } from '../../certificates/certificate-facts.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Connections } from './connections.ts';
import { type HandshakeFacts, type Refusal, retryAfterSeconds, spreadOf } from '../handshake.ts';
import type { StationListener } from '../station-listener.ts';
import { INSECURE, TOO_MANY_OF_ADDRESS, UNTRUSTED } from '../refusals.ts';
import { clientAddressOf, forwardedCertificateOf, isForwardedAsPlain } from './forwarded.ts';
import type { TrustedNetworks } from './trusted-networks.ts';

export class Clients {
  readonly #connections: Connections;
  readonly #trusted: TrustedNetworks;
  readonly #clock: Clock;

  constructor(connections: Connections, trusted: TrustedNetworks, clock: Clock) {
    this.#connections = connections;
    this.#trusted = trusted;
    this.#clock = clock;
  }

  factsOf({ headers, socket, url = '' }: IncomingMessage): HandshakeFacts {
    const { address, place } = this.#connections.of(socket);
    const remoteAddress = clientAddressOf(headers, address, this.#trusted);
    return { remoteAddress, url, ...(place !== undefined && { listener: place.listener }) };
  }

  /** Why no handshake from there is accepted by this listener now; undefined if it is. */
  refusalOf(listener: StationListener, request: IncomingMessage): Refusal | undefined {
    const connection = this.#connections.of(request.socket);
    if (listener.tls?.terminated === true) {
      // By the TCP peer: a load balancer of TLS may name its client by the PROXY protocol.
      if (!this.#trusted.has(connection.peer)) return UNTRUSTED;
      if (this.#trusted.has(connection.address) && isForwardedAsPlain(request.headers)) return INSECURE;
    }
    const { remoteAddress, url = '' } = this.factsOf(request);
    if (this.#connections.count(connection, remoteAddress)) return undefined;
    return { ...TOO_MANY_OF_ADDRESS, retryAfterSeconds: retryAfterSeconds(spreadOf(url)) };
  }

  /** The client certificate that a load balancer forwards; of a listener whose TLS it ends. */
  certificateOf({ securityProfile, tls }: StationListener, request: IncomingMessage): PresentedCertificate {
    if (tls?.terminated !== true || securityProfile !== 3) return { kind: 'none' };
    const { address } = this.#connections.of(request.socket);
    const { clientCertificateHeader: header } = tls;
    const forwarded = forwardedCertificateOf(request, header, address, this.#trusted);
    if (forwarded.kind === 'none') return { kind: 'refused', text: forwarded.reason };
    const facts = factsOf(forwarded.certificate);
    // A load balancer looks at the dates in a full handshake of TLS, and one connection of it may last.
    return facts.notAfter <= this.#clock.now()
      ? { kind: 'refused', text: 'it has expired' }
      : { kind: 'verified', facts };
  }

  /** See Connection. */
  removalsOf({ socket }: IncomingMessage): number {
    return this.#connections.of(socket).removals;
  }

  /** The handshake is complete. */
  opened({ socket }: IncomingMessage): void {
    this.#connections.opened(this.#connections.of(socket));
  }
}
