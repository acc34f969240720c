/**
 * The open TCP connections of a station server: where each comes from, and the limits on their number. Memory is bounded: an address
 * is known only while it has a connection.
 *
 * There are two limits per address. One is on connections without a completed handshake: an address cannot use up the places in
 * which the stations of others complete theirs, and a fleet of any size may share an address, as the connected do not count. The
 * other is on all connections and off by default, because behind the NAT of a mobile network thousands of stations share one.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { countedAddress } from '../../access/counted-address.ts';
import { plainAddress } from './trusted-networks.ts';
import type { StationServerLimits } from '../limits.ts';

export interface Connection {
  /** Address of the TCP peer: a load balancer, or the client. */
  readonly peer: string;
  /** The same, or what the PROXY protocol says instead. */
  address: string;
  /** `removals` of its listener when it was accepted: its TLS handshake may verify with the client CAs of that time. */
  readonly removals: number;
  readonly place: ConnectionPlace | undefined;
}

export type AddressLimits = Pick<StationServerLimits, 'maxConnectionsPerAddress' | 'maxHandshakesPerAddress'>;
/** The listener of a connection. */
export interface ConnectionPlace {
  /** Its name, or its port without one; for the log. */
  readonly listener: string;
  /** On the connections of an address, at all listeners. */
  readonly limits: AddressLimits;
}
export type ConnectionLimits = AddressLimits & Pick<StationServerLimits, 'maxConnections'>;

/** Of one address. */
interface Counts {
  all: number;
  handshakes: number;
}

class Known implements Connection {
  readonly peer: string;
  address: string;
  readonly removals: number;
  readonly place: ConnectionPlace | undefined;
  /** Where this connection is counted. */
  counts: Counts | undefined;
  key = '';
  /** Both ends of a TCP connection that becomes a TLS socket, and that connection until then. */
  pair = '';
  tcp: Socket | undefined;
  isOpen = true;
  isStation = false;

  constructor(peer: string, removals = 0, place?: ConnectionPlace) {
    this.peer = peer;
    this.address = peer;
    this.removals = removals;
    this.place = place;
  }
}

export class Connections {
  /** Read for each connection, as they may change. */
  readonly #limits: ConnectionLimits;
  readonly #known = new WeakMap<Duplex, Known>();
  /** TLS handshakes in progress, by the addresses of their TCP connection. */
  readonly #securing = new Map<string, Known>();
  readonly #addresses = new Map<string, Counts>();
  /** One listener for all sockets. */
  readonly #onClose: (this: Socket) => void;
  #size = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    const leave = (tcp: Socket) => this.#leave(tcp);
    this.#onClose = function closed() {
      leave(this);
    };
  }

  get size(): number {
    return this.#size;
  }

  /** Addresses that are remembered. */
  get addresses(): number {
    return this.#addresses.size;
  }

  /**
   * A TCP connection is accepted.
   * @param secured absent: it does not become a TLS socket; see secured() and Connection
   * @returns undefined for one too many
   */
  enter(
    tcp: Socket,
    secured?: Pick<Connection, 'removals'>,
    place?: ConnectionPlace,
  ): Connection | undefined {
    this.#size += 1;
    const known = new Known(plainAddress(tcp.remoteAddress ?? ''), secured?.removals, place);
    this.#known.set(tcp, known);
    if (secured !== undefined) {
      known.pair = pairOf(tcp);
      known.tcp = tcp;
      this.#securing.set(known.pair, known);
    }
    tcp.once('close', this.#onClose);
    return this.#size <= this.#limits.maxConnections ? known : undefined;
  }

  /** The TLS handshake on a TCP connection is complete. */
  secured(tls: Socket): void {
    const key = pairOf(tls);
    const known = this.#securing.get(key);
    if (known === undefined) return;
    this.#known.set(tls, known);
    this.#securing.delete(key);
    known.tcp = undefined;
  }

  /** Ends the connections whose TLS handshake is not complete: a server of HTTPS does not know them yet. */
  endSecuring(): void {
    for (const { tcp } of this.#securing.values()) tcp?.destroy();
  }

  /** Of a TCP socket, or of the TLS socket on top of it. */
  of(socket: Socket): Connection {
    return (
      this.#known.get(socket) ??
      this.#securing.get(pairOf(socket)) ??
      new Known(plainAddress(socket.remoteAddress ?? ''))
    );
  }

  /** Counts the connection for the address of its client, once. Returns false for one too many of that address. */
  count(connection: Connection, address: string): boolean {
    const known = connection as Known;
    if (!known.isOpen || known.counts !== undefined) return true;
    const key = countedAddress(address);
    const counts = this.#addresses.get(key) ?? { all: 0, handshakes: 0 };
    this.#addresses.set(key, counts);
    counts.all += 1;
    counts.handshakes += 1;
    Object.assign(known, { counts, key });
    const { maxConnectionsPerAddress: most, maxHandshakesPerAddress: handshakes } =
      known.place?.limits ?? this.#limits;
    return !(most > 0 && counts.all > most) && !(handshakes > 0 && counts.handshakes > handshakes);
  }

  /** The handshake is complete: the connection is that of a station. */
  opened(connection: Connection): void {
    const known = connection as Known;
    if (known.isStation || known.counts === undefined) return;
    known.isStation = true;
    known.counts.handshakes -= 1;
  }

  #leave(tcp: Socket): void {
    const known = this.#known.get(tcp);
    if (known === undefined) return;
    this.#size -= 1;
    known.isOpen = false;
    if (this.#securing.get(known.pair) === known) this.#securing.delete(known.pair);
    const { counts, key, isStation } = known;
    if (counts === undefined) return;
    counts.all -= 1;
    if (!isStation) counts.handshakes -= 1;
    if (counts.all === 0) this.#addresses.delete(key);
  }
}

/** Both ends of a TCP connection, which no other open one has. */
const pairOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket) =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
