/** The limits of a station server. The defaults fit a Pod of 20 000 stations. */
import { PEER_LIMITS, type PeerLimits } from '../ocpp/peer.ts';

export interface SocketLimits {
  readonly peer: PeerLimits;
  /** A socket with more bytes of frames that are not stored yet is paused. */
  readonly maxHeldBytes: number;
  /** The same for all sockets together: above it, each socket that holds bytes is paused. */
  readonly maxHeldBytesOfAll: number;
  /** SENDs, responses, pings and unreadable texts per second from one station; the burst is two seconds' worth. */
  readonly messagesPerSecond: number;
  /** The same for all messages of all stations together; 0: no limit. Above it, stations get equal parts. */
  readonly messagesPerSecondOfAll: number;
  /** Bytes that a station has not read; above it the socket is terminated. */
  readonly maxUnreadBytes: number;
  /** Interval of pings; a socket that is silent for two of them is terminated; ms. */
  readonly pingIntervalMs: number;
  /** How long a replaced connection may be silent before it is terminated as half open; ms. */
  readonly probeTimeoutMs: number;
}

export interface StationServerLimits extends SocketLimits {
  /** Maximum message size in bytes; a larger message closes the socket with 1009. */
  readonly maxMessageBytes: number;
  /** TCP connections, including those that never send a handshake; further ones are dropped. Must exceed the maximum number of sessions. */
  readonly maxConnections: number;
  /** TCP connections of one client address, those of stations included; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** TCP connections of one client address whose handshake is not complete; 0: no limit. */
  readonly maxHandshakesPerAddress: number;
  /** Handshakes that are authenticated at a time. They take no place of a session; by default twice what one address may have in progress. */
  readonly maxAuthenticating: number;
  /** Bytes of request line and headers of a handshake. */
  readonly maxHeaderBytes: number;
  /** How long a peer may take to send its PROXY protocol header, and then its handshake; ms. */
  readonly handshakeTimeoutMs: number;
  /** How long the store may take to open a session before the handshake is refused; ms. */
  readonly openTimeoutMs: number;
  /** How long a peer may take to answer a Close frame before its TCP connection is terminated; ms. */
  readonly closeTimeoutMs: number;
}

/** Of one listener; what is omitted is as for its server. */
export interface ListenerLimits extends Partial<Pick<StationServerLimits, ListenerLimit>> {
  /** Stations that are connected through it, handshakes in progress included. */
  readonly maxSessions?: number;
  readonly reconnectBurst?: number;
  readonly reconnectsPerMinute?: number;
}

const OF_LISTENER = [
  'maxMessageBytes',
  'messagesPerSecond',
  'maxUnreadBytes',
  'maxConnectionsPerAddress',
  'maxHandshakesPerAddress',
  'maxHeaderBytes',
  'handshakeTimeoutMs',
] as const satisfies readonly (keyof StationServerLimits)[];
type ListenerLimit = (typeof OF_LISTENER)[number];

const DEFAULT_LIMITS: StationServerLimits = {
  peer: PEER_LIMITS,
  maxMessageBytes: 256 * 1024,
  maxHeldBytes: 64 * 1024,
  maxHeldBytesOfAll: 64 * 1024 * 1024,
  messagesPerSecond: 100,
  messagesPerSecondOfAll: 0,
  maxUnreadBytes: 1024 * 1024,
  pingIntervalMs: 30_000,
  probeTimeoutMs: 3000,
  maxConnections: 25_000,
  maxConnectionsPerAddress: 0,
  maxHandshakesPerAddress: 2500,
  maxAuthenticating: 5000,
  maxHeaderBytes: 8 * 1024,
  handshakeTimeoutMs: 10_000,
  openTimeoutMs: 10_000,
  closeTimeoutMs: 10_000,
};

/** With the defaults. A limit that is a getter stays one: a spread would read it once. */
export const limitsOf = (limits: Partial<StationServerLimits> = {}): StationServerLimits =>
  Object.defineProperties({ ...DEFAULT_LIMITS }, Object.getOwnPropertyDescriptors(limits));

/** The limits that apply at a listener. @param own read each time, as they may change */
export function limitsAt(server: StationServerLimits, own: () => ListenerLimits): StationServerLimits {
  const limits: StationServerLimits = Object.create(server);
  for (const name of OF_LISTENER) {
    Object.defineProperty(limits, name, { get: () => own()[name] ?? server[name] });
  }
  return limits;
}
