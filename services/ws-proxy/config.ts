/** The settings of a ws-proxy, from the environment. `--help` prints them. */
import { DEFAULT, ENV, PATH, PORT } from '../contract.ts';
import { PROTOCOLS } from '../ocpp/frame.ts';
import { PEER_LIMITS } from '../ocpp/peer.ts';
import { duration, list, positiveInt, type SettingsOf } from '../runtime/config.ts';
import { programSettings } from '../runtime/program-settings.ts';
import type { StationServerLimits } from '../station-server/limits.ts';

export const proxySettings = {
  ...programSettings,
  stationPort: {
    doc: 'Port for stations (OCPP-J over WebSocket).',
    format: 'port',
    default: PORT.stations,
    env: ENV.stationPort,
  },
  stationPath: {
    doc: 'Stations connect to <path>/<identity>.',
    format: String,
    default: PATH.stations,
    env: ENV.stationPath,
  },
  listeners: {
    doc: 'Further ports for stations, each with its path, such as 9001/v16,9002/lab; limits count for all together.',
    format: String,
    default: '',
    env: ENV.listeners,
  },
  protocols: {
    doc: 'OCPP subprotocols to accept; the station picks among them.',
    format: list,
    default: PROTOCOLS as readonly string[],
    env: ENV.protocols,
  },
  defaultProtocol: {
    doc: 'The version of stations that name no subprotocol, such as ocpp1.6; without it they are closed.',
    format: String,
    default: '',
    env: ENV.defaultProtocol,
  },
  validation: {
    doc: 'Tolerant: a text that is no valid frame is repaired where it can be understood. Strict: it is answered as the version says.',
    format: ['Tolerant', 'Strict'],
    default: 'Tolerant',
    env: ENV.validation,
  },
  maxSessions: {
    doc: 'Stations held at most; further ones get 503.',
    format: positiveInt,
    default: 20_000,
    env: ENV.maxSessions,
  },
  maxMessageBytes: {
    doc: 'Maximum size of a message from a station in bytes; a larger one closes the socket with 1009.',
    format: positiveInt,
    default: DEFAULT.maxMessageBytes,
    env: ENV.maxMessageBytes,
  },
  connectRate: {
    doc: 'Handshakes admitted per second; further ones get 429.',
    format: positiveInt,
    default: DEFAULT.connectRate,
    env: ENV.connectRate,
  },
  bootRate: {
    doc: 'BootNotifications handed on per second; further ones wait, at most for half of the call time-out. 0: no limit.',
    format: 'nat',
    default: 0,
    env: ENV.bootRate,
  },
  callTimeout: {
    doc: 'How long a CALL may stay unanswered before the next one of that station is handled.',
    format: duration,
    default: 30_000,
    env: ENV.callTimeout,
  },
  pingInterval: {
    doc: 'WebSocket ping of each station; one that is silent for two intervals is dropped. Keep it under the idle time-out of every balancer on the way.',
    format: duration,
    default: 30_000,
    env: ENV.pingInterval,
  },
  forkInterop: {
    doc: 'Whether processors of the Go fork may answer and call stations here too; costs Redis a look for each station every 2 s.',
    format: Boolean,
    default: false,
    env: ENV.forkInterop,
  },
  drainRate: {
    doc: 'Sockets closed per second when stopping.',
    format: positiveInt,
    default: 100,
    env: ENV.drainRate,
  },
  drainDeadline: {
    doc: 'When stopping, what is still open after this long is closed at once.',
    format: duration,
    default: 300_000,
    env: ENV.drainDeadline,
  },
  drainTransactions: {
    doc: 'When stopping, stations with a running transaction: close, after all others; or wait until it ends, as long as the deadline leaves time to close them at the pace.',
    format: ['wait', 'close'],
    default: 'close',
    env: ENV.drainTransactions,
  },
  drainPropagation: {
    doc: 'When stopping, how long to keep serving while endpoints propagate.',
    format: duration,
    default: 5000,
    env: ENV.drainPropagation,
  },
} as const;

/** The values of these settings, as loadConfig reads them; durations are in ms. */
export type ProxySettings = SettingsOf<typeof proxySettings>;

/** TCP connections beside those of sessions: handshakes, and peers that never send one. */
const SPARE_CONNECTIONS = 5000;

/** The bounds of the station server that are settings; the others keep their defaults. */
export function readLimits(settings: ProxySettings): Partial<StationServerLimits> {
  return {
    maxConnections: settings.maxSessions + SPARE_CONNECTIONS,
    maxMessageBytes: settings.maxMessageBytes,
    peer: { ...PEER_LIMITS, callTimeout: settings.callTimeout },
    pingIntervalMs: settings.pingInterval,
  };
}
