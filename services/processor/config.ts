/** The settings of a processor, from the environment. `--help` prints them. */
import { DEFAULT, ENV } from '../contract.ts';
import { duration, type SettingsOf } from '../runtime/config.ts';
import { programSettings } from '../runtime/program-settings.ts';
import {
  CONCURRENT_TRANSACTIONS,
  DEFAULT_SETTINGS,
  type HandlerSettings,
  VALIDATIONS,
} from '../csms/handler.ts';
import { HANDLER_TIMEOUT_MS } from '../csms/run-handler.ts';
import type { TransactionPolicy } from '../csms/transactions/sweeper.ts';
import { UNKNOWN_TOKENS } from '../csms/tokens.ts';

/** An entry of the key store that expires sooner does not outlive the repetitions of a station that is online. */
const SHORTEST_KEY_MS = 60_000;

/** What the handlers are configured by; the monolith has these too. */
export const handlerSettings = {
  heartbeatInterval: {
    doc: 'How often a station is told to send a Heartbeat; whole seconds.',
    format: duration,
    default: DEFAULT_SETTINGS.heartbeatSeconds * 1000,
    env: ENV.heartbeatInterval,
  },
  unknownTokens: {
    doc: 'Accept or Reject: the answer for a token that is not in the tokens hash. With Accept, any token charges.',
    format: [...UNKNOWN_TOKENS],
    default: DEFAULT_SETTINGS.unknownTokens,
    env: ENV.unknownTokens,
  },
  validation: {
    doc: 'Tolerant repairs messages that break their schema where they can be understood; Strict answers them with CALLERROR.',
    format: [...VALIDATIONS],
    default: DEFAULT_SETTINGS.validation,
    env: ENV.validation,
  },
  concurrentTransactions: {
    doc: 'Accept or Reject: whether a token that charges already may start a second transaction.',
    format: [...CONCURRENT_TRANSACTIONS],
    default: DEFAULT_SETTINGS.concurrentTransactions,
    env: ENV.concurrentTransactions,
  },
  transactionKeyTtl: {
    doc: 'How long a repeated start or stop of a transaction is recognised as a repetition; at least 1m.',
    format: duration,
    default: DEFAULT_SETTINGS.transactionKeySeconds * 1000,
    env: ENV.transactionKeyTtl,
  },
  transactionReportAfter: {
    doc: 'An open transaction without a message for this long is reported once.',
    format: duration,
    default: DEFAULT.transactionReportSeconds * 1000,
    env: ENV.transactionReportAfter,
  },
  transactionAbandonAfter: {
    doc: 'An open transaction without a message for this long is closed as abandoned, with its last register; 0: never.',
    format: duration,
    default: DEFAULT.transactionAbandonSeconds * 1000,
    env: ENV.transactionAbandonAfter,
  },
  handlerTimeout: {
    doc: 'How long a handler may take (at least 1s, less than OCPP_CALL_TIMEOUT): then its CALL is answered InternalError, a transaction message not at all.',
    format: duration,
    default: HANDLER_TIMEOUT_MS,
    env: ENV.handlerTimeout,
  },
} as const;

export const processorSettings = {
  ...programSettings,
  stopGrace: {
    doc: 'When stopping, how long to finish what is in hand; the rest is handed back.',
    format: duration,
    default: 20_000,
    env: ENV.stopGrace,
  },
  ...handlerSettings,
} as const;

type HandlerConfig = SettingsOf<typeof handlerSettings>;

/** Their values for the handlers. */
export function readHandlerSettings(config: HandlerConfig): HandlerSettings {
  const { heartbeatInterval, unknownTokens, validation, concurrentTransactions, transactionKeyTtl } = config;
  return {
    heartbeatSeconds: Math.max(1, Math.round(heartbeatInterval / 1000)),
    unknownTokens,
    validation,
    concurrentTransactions,
    transactionKeySeconds: Math.round(Math.max(SHORTEST_KEY_MS, transactionKeyTtl) / 1000),
  };
}

/** The same settings, for the sweep of open transactions. */
export function readTransactionPolicy(config: HandlerConfig): TransactionPolicy {
  return { reportAfterMs: config.transactionReportAfter, abandonAfterMs: config.transactionAbandonAfter };
}

/** The bound of a handler in ms, as ProcessorOptions has it. */
export function readHandlerTimeout(config: HandlerConfig): number {
  return Math.max(1000, config.handlerTimeout);
}
