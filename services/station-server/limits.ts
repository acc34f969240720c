/** The bounds of a station server. Every one has a default that fits a Pod of 20 000 stations. */
import { PEER_LIMITS, type PeerLimits } from '../ocpp/peer.ts';

export interface SocketLimits {
  readonly peer: PeerLimits;
  /** A socket that holds more bytes of frames that are not stored yet is paused. */
  readonly maxHeldBytes: number;
  /** The same for all sockets together: then each that holds anything is paused. */
  readonly maxHeldBytesOfAll: number;
  /** SENDs, answers, pings and texts that are no frame that one station may send, two seconds' worth at once; per second. */
  readonly unheldPerSecond: number;
  /** Bytes written to a station that it has not read; with more its socket is cut. */
  readonly maxUnreadBytes: number;
  /** Pause between two pings; a socket that is silent for two of them is cut; ms. */
  readonly pingIntervalMs: number;
  /** How long the peer of a replaced connection may take for a sign of life before it is cut as half open; ms. */
  readonly probeTimeoutMs: number;
}

export interface StationServerLimits extends SocketLimits {
  /** Longest message of a station in bytes; a longer one closes the socket with 1009. */
  readonly maxMessageBytes: number;
  /** TCP connections, with those that never send a handshake; further ones are dropped. Above the sessions that are admitted. */
  readonly maxConnections: number;
  /** How long a peer may take to send its handshake; ms. */
  readonly handshakeTimeoutMs: number;
  /** How long the store may take to open a session before the handshake is refused; ms. */
  readonly openTimeoutMs: number;
  /** How long a peer may take to answer our Close before its TCP connection is cut; ms. */
  readonly closeTimeoutMs: number;
}

export const DEFAULT_LIMITS: StationServerLimits = {
  peer: PEER_LIMITS,
  maxMessageBytes: 256 * 1024,
  maxHeldBytes: 64 * 1024,
  maxHeldBytesOfAll: 64 * 1024 * 1024,
  unheldPerSecond: 100,
  maxUnreadBytes: 1024 * 1024,
  pingIntervalMs: 30_000,
  probeTimeoutMs: 3000,
  maxConnections: 25_000,
  handshakeTimeoutMs: 10_000,
  openTimeoutMs: 10_000,
  closeTimeoutMs: 10_000,
};
