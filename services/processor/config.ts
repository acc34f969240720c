/** The settings of a processor, from the environment. `--help` prints them. */
import { DEFAULT, ENV } from '../contract.ts';
import { duration, type SettingsOf, wholeNumber } from '../runtime/config.ts';
import { tracingSettings } from '../runtime/tracing/start-tracing.ts';
import { programSettings } from '../runtime/program-settings.ts';
import { DEFAULT_SETTINGS, type HandlerSettings, VALIDATIONS } from '../csms/handler.ts';
import { HANDLER_TIMEOUT_MS } from '../csms/run-handler.ts';
import { HEARD_EVERY_MS } from '../csms/transactions/record.ts';
import type { TransactionPolicy } from '../csms/transactions/sweeper.ts';
import { CONCURRENT_TRANSACTIONS, UNKNOWN_TOKENS } from '../csms/tokens.ts';
import { decisionSettings } from './decisions.ts';

const CERTIFICATE_AUTHORITIES = ['none', 'internal', 'webhook'] as const;
/** Ten years. */
const LONGEST_LIFETIME_DAYS = 3650;

/** A business key that expires sooner does not outlive the retries of a connected station. */
const SHORTEST_KEY_MS = 60_000;

/** Settings of the handlers; the monolith has them too. */
export const handlerSettings = {
  heartbeatInterval: {
    doc: 'Interval between Heartbeats that a station gets at boot; whole seconds.',
    format: duration,
    default: DEFAULT_SETTINGS.heartbeatSeconds * 1000,
    env: ENV.heartbeatInterval,
    live: true,
  },
  unknownTokens: {
    doc: 'Accept or Reject: the response for a token that is not in the tokens hash. With Accept, any token charges.',
    format: [...UNKNOWN_TOKENS],
    default: DEFAULT_SETTINGS.unknownTokens,
    env: ENV.unknownTokens,
    live: true,
  },
  validation: {
    doc: 'Tolerant repairs messages that violate their schema if they can be understood; Strict answers them with CALLERROR.',
    format: [...VALIDATIONS],
    default: DEFAULT_SETTINGS.validation,
    env: ENV.validation,
    live: true,
  },
  concurrentTransactions: {
    doc: 'Accept or Reject: whether a token that is charging may start a second transaction.',
    format: [...CONCURRENT_TRANSACTIONS],
    default: DEFAULT_SETTINGS.concurrentTransactions,
    env: ENV.concurrentTransactions,
    live: true,
  },
  transactionKeyTtl: {
    doc: 'How long a repeated start or stop of a transaction is recognized as a duplicate; at least 1m.',
    format: duration,
    default: DEFAULT_SETTINGS.transactionKeySeconds * 1000,
    env: ENV.transactionKeyTtl,
    live: true,
  },
  transactionReportAfter: {
    doc: 'An open transaction without a message for this long is reported once.',
    format: duration,
    default: DEFAULT.transactionReportSeconds * 1000,
    env: ENV.transactionReportAfter,
    live: true,
  },
  transactionAbandonAfter: {
    doc: 'An open transaction without a message for this long is closed as abandoned, with its last known register; 0: never.',
    format: duration,
    default: DEFAULT.transactionAbandonSeconds * 1000,
    env: ENV.transactionAbandonAfter,
    live: true,
  },
  billSink: {
    doc: 'Whether a bill sink moves bills, settlements, reports and meter values to PostgreSQL. Then only the sink trims their streams.',
    format: Boolean,
    default: DEFAULT_SETTINGS.billSink,
    env: ENV.billSink,
    live: true,
  },
  handlerTimeout: {
    doc: 'How long a handler may take (at least 1s, less than OCPP_CALL_TIMEOUT). After it the message is handed over to another release; without one, a CALL is answered InternalError, and a transaction message becomes a dead letter.',
    format: duration,
    default: HANDLER_TIMEOUT_MS,
    env: ENV.handlerTimeout,
  },
} as const;

/** Services outside of the cluster: see providers.ts. */
const providerSettings = {
  certificateAuthority: {
    doc: 'none, internal or webhook: who signs the certificates that stations request (SignCertificate). none: requests are refused.',
    format: [...CERTIFICATE_AUTHORITIES],
    default: 'none',
    env: ENV.certificateAuthority,
  },
  certificateAuthorityFolder: {
    doc: 'Folder with tls.crt and tls.key of the internal authority; read for each certificate.',
    format: String,
    default: '',
    env: ENV.certificateAuthorityFolder,
  },
  certificateAuthorityUrl: {
    doc: 'URL of the authority, for webhook.',
    format: String,
    default: '',
    env: ENV.certificateAuthorityUrl,
  },
  certificateAuthorityTokenFile: {
    doc: 'File with the bearer token for the authority; it is read again when it changes.',
    format: String,
    default: '',
    env: ENV.certificateAuthorityTokenFile,
  },
  certificateAuthorityCaFile: {
    doc: 'File with the CA certificates of the authority’s own address. Empty: those of the system.',
    format: String,
    default: '',
    env: ENV.certificateAuthorityCaFile,
  },
  certificateOrganization: {
    doc: 'Organization (O) that requests for certificates must name. Empty: any.',
    format: String,
    default: '',
    env: ENV.certificateOrganization,
  },
  stationCertificateDays: {
    doc: 'Lifetime of the certificates of stations in days; an authority behind a webhook may choose another one.',
    format: wholeNumber(1, LONGEST_LIFETIME_DAYS),
    default: 365,
    env: ENV.stationCertificateDays,
  },
  contractProviderUrl: {
    doc: 'URL of the provider of ISO 15118: OCSP responses, contract certificates. Empty: these requests are refused, and a contract certificate never charges.',
    format: String,
    default: '',
    env: ENV.contractProviderUrl,
  },
  contractProviderTokenFile: {
    doc: 'File with the bearer token for the provider; it is read again when it changes.',
    format: String,
    default: '',
    env: ENV.contractProviderTokenFile,
  },
  contractProviderCaFile: {
    doc: 'File with the CA certificates of the provider’s own address. Empty: those of the system.',
    format: String,
    default: '',
    env: ENV.contractProviderCaFile,
  },
} as const;

export type ProviderConfig = SettingsOf<typeof providerSettings>;

export const processorSettings = {
  ...programSettings,
  ...providerSettings,
  ...decisionSettings,
  ...tracingSettings,
  stopGrace: {
    doc: 'On shutdown, how long to finish deliveries in flight; the rest is requeued.',
    format: duration,
    default: 20_000,
    env: ENV.stopGrace,
  },
  lastStations: {
    doc: 'On shutdown, how long to serve on while all ws-proxies drain, as their cluster is being deleted. 0: not at all.',
    format: duration,
    default: 0,
    env: ENV.lastStations,
  },
  release: {
    doc: 'Release of this processor. What it fails is handed over to processors of another release, as long as one lives. Empty: not known.',
    format: String,
    default: '',
    env: ENV.release,
  },
  concurrency: {
    doc: 'Messages that are handled at the same time, from 1 to 200. Lower it if the handlers use a service that takes few requests at once.',
    format: wholeNumber(1, DEFAULT.concurrency),
    default: DEFAULT.concurrency,
    env: ENV.concurrency,
  },
  ...handlerSettings,
} as const;

type HandlerConfig = SettingsOf<typeof handlerSettings>;

/** The values as the handlers take them; each is read when it is used, as it may change. */
export function readHandlerSettings(config: HandlerConfig): HandlerSettings {
  return {
    get heartbeatSeconds() {
      return Math.max(1, Math.round(config.heartbeatInterval / 1000));
    },
    get unknownTokens() {
      return config.unknownTokens;
    },
    get validation() {
      return config.validation;
    },
    get concurrentTransactions() {
      return config.concurrentTransactions;
    },
    get transactionKeySeconds() {
      return Math.round(Math.max(SHORTEST_KEY_MS, config.transactionKeyTtl) / 1000);
    },
    get heardEveryMs() {
      const { transactionReportAfter, transactionAbandonAfter } = config;
      const shortest = Math.min(transactionReportAfter, transactionAbandonAfter || Infinity);
      return Math.min(HEARD_EVERY_MS, shortest / 4);
    },
    get billSink() {
      return config.billSink;
    },
  };
}

/** The values for the sweep of open transactions, in the same way. */
export function readTransactionPolicy(config: HandlerConfig): TransactionPolicy {
  return {
    get reportAfterMs() {
      return config.transactionReportAfter;
    },
    get abandonAfterMs() {
      return config.transactionAbandonAfter;
    },
  };
}

/** The time limit of a handler in ms, as ProcessorOptions takes it. */
export function readHandlerTimeout(config: HandlerConfig): number {
  return Math.max(1000, config.handlerTimeout);
}
