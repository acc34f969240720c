/** The settings of a ws-proxy, from the environment. `--help` prints them. */
import { hostname } from 'node:os';
import { DEFAULT, ENV, PATH, PORT } from '../contract.ts';
import { PROTOCOLS } from '../ocpp/frame.ts';
import { duration, list, positiveInt } from '../runtime/config.ts';
import { LOG_LEVELS } from '../runtime/log.ts';

export const proxySettings = {
  podName: {
    doc: 'Name of this proxy in sessions and logs; made unique for each start.',
    format: String,
    default: hostname(),
    env: ENV.podName,
  },
  host: { doc: 'Address to listen on.', format: String, default: '0.0.0.0', env: ENV.podIp },
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
  adminPort: {
    doc: 'Port for health, readiness and metrics.',
    format: 'port',
    default: PORT.admin,
    env: ENV.adminPort,
  },
  logLevel: {
    doc: 'debug, info, warn, error or silent.',
    format: [...LOG_LEVELS],
    default: 'info',
    env: ENV.logLevel,
  },
  protocols: {
    doc: 'OCPP subprotocols to accept; the station picks among them.',
    format: list,
    default: [...PROTOCOLS] as string[],
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
    format: ['Tolerant', 'Strict'] as ('Tolerant' | 'Strict')[],
    default: 'Tolerant' as 'Tolerant' | 'Strict',
    env: ENV.validation,
  },
  maxSessions: {
    doc: 'Stations held at most; further ones get 503.',
    format: positiveInt,
    default: 20_000,
    env: ENV.maxSessions,
  },
  connectRate: {
    doc: 'Handshakes admitted per second; further ones get 429.',
    format: positiveInt,
    default: DEFAULT.connectRate as number,
    env: ENV.connectRate,
  },
  bootRate: {
    doc: 'BootNotifications handed on per second; further ones wait, at most for half of the call time-out. 0: no limit.',
    format: 'nat',
    default: 0,
    env: ENV.bootRate,
  },
  callTimeout: {
    doc: 'How long a CALL may stay unanswered before the next one of that station goes on.',
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
    format: ['wait', 'close'] as ('wait' | 'close')[],
    default: 'close' as 'wait' | 'close',
    env: ENV.drainTransactions,
  },
  drainPropagation: {
    doc: 'When stopping, how long to keep serving while endpoints propagate.',
    format: duration,
    default: 5000,
    env: ENV.drainPropagation,
  },
} as const;

/** The values of these settings, as loadConfig reads them. */
export interface ProxySettings {
  readonly podName: string;
  readonly host: string;
  readonly stationPort: number;
  readonly stationPath: string;
  /** As readListeners() takes it. */
  readonly listeners: string;
  readonly adminPort: number;
  readonly protocols: readonly string[];
  /** '' for none */
  readonly defaultProtocol: string;
  readonly validation: 'Tolerant' | 'Strict';
  readonly maxSessions: number;
  /** per second */
  readonly connectRate: number;
  /** per second; 0: no limit */
  readonly bootRate: number;
  /** ms, as all durations */
  readonly callTimeout: number;
  readonly pingInterval: number;
  /** sockets per second */
  readonly drainRate: number;
  readonly drainDeadline: number;
  readonly drainTransactions: 'wait' | 'close';
  readonly drainPropagation: number;
}
