/**
 * The settings of a ws-proxy that limit what clients may send and hold, and whom it believes about them. docs/bounds.md says what
 * happens at each limit.
 */
import { DEFAULT, ENV } from '../contract.ts';
import { PEER_LIMITS } from '../ocpp/peer.ts';
import { boundedDuration, listOf, positiveInt, type SettingsOf, wholeNumber } from '../runtime/config.ts';
import { networkProblem } from '../station-server/forwarded/trusted-networks.ts';
import { listenerLimitsSetting } from './listener-limits.ts';
import type { StationServerLimits } from '../station-server/limits.ts';

export const limitSettings = {
  trustedNetworks: {
    doc: 'Networks of load balancers, such as 10.0.0.0/8,2001:db8::/32: their PROXY protocol, X-Forwarded-For, X-Forwarded-Proto and client certificate headers count. Empty: those of no address.',
    format: listOf('networks', networkProblem),
    default: [] as readonly string[],
    env: ENV.trustedNetworks,
    live: true,
  },
  handshakeTimeout: {
    doc: 'How long a client may take to send its PROXY protocol header, and then its whole handshake.',
    format: boundedDuration(500, 600_000),
    default: DEFAULT.handshakeTimeoutSeconds * 1000,
    env: ENV.handshakeTimeout,
    live: true,
  },
  maxHeaderBytes: {
    doc: 'Maximum size of request line and headers of a handshake; more gets 431.',
    format: wholeNumber(1024, 65_536),
    default: DEFAULT.maxHeaderBytes,
    env: ENV.maxHeaderBytes,
    live: true,
  },
  maxHandshakesPerAddress: {
    doc: 'TCP connections of one client address, or of one IPv6 network of 64 bits, whose handshake is not complete; further ones are dropped. 0: no limit.',
    format: 'nat',
    default: DEFAULT.maxHandshakesPerAddress,
    env: ENV.maxHandshakesPerAddress,
    live: true,
  },
  maxConnectionsPerAddress: {
    doc: 'The same for all its TCP connections, those of stations included. 0: no limit, as thousands of stations of a mobile network may share an address.',
    format: 'nat',
    default: 0,
    env: ENV.maxConnectionsPerAddress,
    live: true,
  },
  messagesPerSecond: {
    doc: 'SENDs, responses, pings and unreadable texts per second from one station; a socket above it is not read for a while.',
    format: positiveInt,
    default: DEFAULT.messagesPerSecond,
    env: ENV.messagesPerSecond,
    live: true,
  },
  messagesPerSecondOfAll: {
    doc: 'Messages of all kinds per second from all stations of this process; above it, the sockets that send more than an equal part are not read for a while. 0: no limit.',
    format: 'nat',
    default: 0,
    env: ENV.messagesPerSecondOfAll,
    live: true,
  },
  maxSendBufferBytes: {
    doc: 'Bytes that a station has not read; above it the connection is cut.',
    format: wholeNumber(65_536, 67_108_864),
    default: DEFAULT.maxSendBufferBytes,
    env: ENV.maxSendBufferBytes,
    live: true,
  },
  reconnectBurst: {
    doc: 'Connects of one identity at once; further ones get 429. A test bench that connects often needs more.',
    format: positiveInt,
    default: DEFAULT.reconnectBurst,
    env: ENV.reconnectBurst,
    live: true,
  },
  reconnectsPerMinute: {
    doc: 'Connects that one identity regains per minute.',
    format: positiveInt,
    default: DEFAULT.reconnectsPerMinute,
    env: ENV.reconnectsPerMinute,
    live: true,
  },
  listenerLimits: listenerLimitsSetting,
} as const;

/** These settings, and those of the proxy that are limits too. */
type LimitedSettings = SettingsOf<typeof limitSettings> & {
  readonly maxSessions: number;
  readonly maxMessageBytes: number;
  readonly callTimeout: number;
  readonly pingInterval: number;
};

/** TCP connections in addition to sessions: handshakes in progress, and peers that never send one. */
const SPARE_CONNECTIONS = 5000;

/** The limits of the station server that are settings, as they are now; the others keep their defaults. */
export function readLimits(settings: LimitedSettings): Partial<StationServerLimits> {
  return {
    get maxConnections() {
      return settings.maxSessions + SPARE_CONNECTIONS;
    },
    get maxMessageBytes() {
      return settings.maxMessageBytes;
    },
    get handshakeTimeoutMs() {
      return settings.handshakeTimeout;
    },
    get maxHeaderBytes() {
      return settings.maxHeaderBytes;
    },
    get maxHandshakesPerAddress() {
      return settings.maxHandshakesPerAddress;
    },
    get maxConnectionsPerAddress() {
      return settings.maxConnectionsPerAddress;
    },
    get messagesPerSecond() {
      return settings.messagesPerSecond;
    },
    get messagesPerSecondOfAll() {
      return settings.messagesPerSecondOfAll;
    },
    get maxUnreadBytes() {
      return settings.maxSendBufferBytes;
    },
    peer: { ...PEER_LIMITS, callTimeout: settings.callTimeout },
    pingIntervalMs: settings.pingInterval,
  };
}
