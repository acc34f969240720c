/** The settings of a processor, from the environment. `--help` prints them. */
import { hostname } from 'node:os';
import { ENV, PORT } from '../contract.ts';
import { duration } from '../runtime/config.ts';
import { LOG_LEVELS } from '../runtime/log.ts';
import type { HandlerSettings } from './handler.ts';
import { HANDLER_TIMEOUT_MS } from './time-bound.ts';
import { UNKNOWN_TOKENS, type UnknownTokens } from './tokens.ts';

/** What the handlers are configured by; the monolith has these too. */
export const handlerSettings = {
  heartbeatInterval: {
    doc: 'How often a station is told to send a Heartbeat; whole seconds.',
    format: duration,
    default: 300_000,
    env: ENV.heartbeatInterval,
  },
  unknownTokens: {
    doc: 'Accept or Reject: what to say of a token that is not in the tokens hash.',
    format: [...UNKNOWN_TOKENS],
    default: 'Accept' as UnknownTokens,
    env: ENV.unknownTokens,
  },
  handlerTimeout: {
    doc: 'How long a handler may take (at least 1s, less than OCPP_CALL_TIMEOUT): then its CALL is answered InternalError, a transaction message not at all.',
    format: duration,
    default: HANDLER_TIMEOUT_MS,
    env: ENV.handlerTimeout,
  },
} as const;

export const processorSettings = {
  podName: {
    doc: 'Name of this processor in logs and registrations; made unique for each start.',
    format: String,
    default: hostname(),
    env: ENV.podName,
  },
  host: { doc: 'Address to listen on.', format: String, default: '0.0.0.0', env: ENV.podIp },
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
  stopGrace: {
    doc: 'When stopping, how long to finish what is in hand; the rest is handed back.',
    format: duration,
    default: 20_000,
    env: ENV.stopGrace,
  },
  ...handlerSettings,
} as const;

/** Their values, as loadConfig reads them, for the handlers. */
export function readHandlerSettings(config: {
  readonly heartbeatInterval: number;
  readonly unknownTokens: UnknownTokens;
}): HandlerSettings {
  const { heartbeatInterval, unknownTokens } = config;
  return { heartbeatSeconds: Math.max(1, Math.round(heartbeatInterval / 1000)), unknownTokens };
}

/** The bound of a handler in ms, as ProcessorOptions has it. */
export function readHandlerTimeout(config: { readonly handlerTimeout: number }): number {
  return Math.max(1000, config.handlerTimeout);
}
