/** The settings of a ws-proxy, from the environment. `--help` prints them. */
import { DEFAULT, ENV, PATH, PORT } from '../contract.ts';
import { PROTOCOLS } from '../ocpp/frame.ts';
import { duration, fraction, list, positiveInt, type SettingsOf } from '../runtime/config.ts';
import { programSettings } from '../runtime/program-settings.ts';
import { samplingSettings } from '../runtime/tracing/start-tracing.ts';
import { accessSettings } from './access/access-settings.ts';
import { limitSettings } from './limit-settings.ts';

export const proxySettings = {
  ...programSettings,
  ...accessSettings,
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
    doc: 'Further ports for stations, each with its path, such as 9001/v16,9002/lab; or all listeners as JSON, with their security profiles: docs/security.md. Limits apply to all of them together, unless OCPP_LISTENER_LIMITS says otherwise.',
    format: String,
    default: '',
    env: ENV.listeners,
  },
  protocols: {
    doc: 'Accepted OCPP subprotocols; the station chooses one of them.',
    format: list,
    default: PROTOCOLS as readonly string[],
    env: ENV.protocols,
  },
  defaultProtocol: {
    doc: 'OCPP version of stations that name no subprotocol, such as ocpp1.6. Empty: their connections are closed.',
    format: String,
    default: '',
    env: ENV.defaultProtocol,
  },
  validation: {
    doc: 'Tolerant: an invalid frame is repaired where its meaning is clear. Strict: it gets the error response that its OCPP version defines.',
    format: ['Tolerant', 'Strict'],
    default: 'Tolerant',
    env: ENV.validation,
    live: true,
  },
  maxSessions: {
    doc: 'Maximum number of connected stations; further handshakes get 503.',
    format: positiveInt,
    default: 20_000,
    env: ENV.maxSessions,
    live: true,
  },
  maxMessageBytes: {
    doc: 'Maximum size of a message from a station in bytes; a larger one closes the socket with 1009.',
    format: positiveInt,
    default: DEFAULT.maxMessageBytes,
    env: ENV.maxMessageBytes,
    live: true,
  },
  connectRate: {
    doc: 'Handshakes accepted per second by all proxies together; further ones wait in line, and get 429 if that would take more than 10 s.',
    format: positiveInt,
    default: DEFAULT.connectRate,
    env: ENV.connectRate,
    live: true,
  },
  bootRate: {
    doc: 'BootNotifications forwarded per second by all proxies together; further ones wait, for at most half of the call time-out. 0: no limit.',
    format: 'nat',
    default: 0,
    env: ENV.bootRate,
    live: true,
  },
  ...limitSettings,
  recordShare: {
    doc: 'Share of all stations, 0 to 1, whose frames are recorded without being asked for: 0.001 is one in a thousand. Every proxy chooses the same ones.',
    format: fraction,
    default: 0,
    env: ENV.recordShare,
    live: true,
  },
  callTimeout: {
    doc: 'How long a CALL may wait for its response before the next CALL of that station is handled.',
    format: duration,
    default: 30_000,
    env: ENV.callTimeout,
  },
  pingInterval: {
    doc: 'Interval of WebSocket pings to each station. A station that is silent for two intervals is disconnected. Keep it below the idle time-out of each load balancer.',
    format: duration,
    default: 30_000,
    env: ENV.pingInterval,
  },
  ocppGoInterop: {
    doc: 'Whether processors of ocpp-go may also serve the stations of this proxy. Costs one Redis read per station every 2 s.',
    format: Boolean,
    default: false,
    env: ENV.ocppGoInterop,
  },
  drainRate: {
    doc: 'Sockets closed per second by all proxies together, in drains and after lost sessions.',
    format: positiveInt,
    default: 100,
    env: ENV.drainRate,
    live: true,
  },
  drainDeadline: {
    doc: 'How long a drain may take; sockets that are open after it are closed immediately.',
    format: duration,
    default: 300_000,
    env: ENV.drainDeadline,
    live: true,
  },
  drainLimit: {
    doc: 'A drain takes no longer than this, whatever OCPP_DRAIN_DEADLINE says: what the supervisor leaves for it. 0: no limit.',
    format: duration,
    default: 0,
    env: ENV.drainLimit,
  },
  drainTransactions: {
    doc: 'What a drain does with stations in a transaction. close: they are closed after all others. wait: they stay until it ends, while the deadline leaves time to close them at the drain rate.',
    format: ['wait', 'close'],
    default: 'close',
    env: ENV.drainTransactions,
    live: true,
  },
  drainPropagation: {
    doc: 'How long a drain keeps serving while Kubernetes endpoints propagate.',
    format: duration,
    default: 5000,
    env: ENV.drainPropagation,
  },
} as const;

/** With those of tracing, which the monolith does not have. */
export const tracedProxySettings = { ...proxySettings, ...samplingSettings } as const;

/** The values that loadConfig returns for these settings; durations are in ms. */
export type ProxySettings = SettingsOf<typeof proxySettings>;
