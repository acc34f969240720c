/**
 * A handler is a function from a validated request and readable state to plain data: the response, and the changes
 * that belong to it. The transport applies both together or neither (see transport.ts, Outcome). A handler never
 * writes, and may run more than once.
 */
import { DEFAULT } from '../contract.ts';
import type { Protocol } from '../ocpp/frame.ts';
import type { RepairKind } from '../ocpp/repair-table.ts';
import type { Log } from '../runtime/log.ts';
import type { DomainEvent, Expectation, StateWrite } from '../transport/stored-state.ts';
import type { Providers } from './credentials/providers.ts';
import type { ProcessorState } from './state.ts';
import { HEARD_EVERY_MS } from './transactions/record.ts';
import type { ConcurrentTransactions, UnknownTokens } from './tokens.ts';

/** Settings of all handlers. */
export interface HandlerSettings {
  /** Seconds between Heartbeats, sent to a station at boot; longer while boots wait (heartbeat-interval.ts). */
  readonly heartbeatSeconds: number;
  readonly unknownTokens: UnknownTokens;
  /** `Tolerant` repairs an invalid payload if it can be understood. `Strict` answers it with CALLERROR. */
  readonly validation: Validation;
  /** Whether a token may charge in two transactions at once. */
  readonly concurrentTransactions: ConcurrentTransactions;
  /** How long repeated starts and stops are recognized as duplicates; s. */
  readonly transactionKeySeconds: number;
  /** How often it is noted at most that the station of a running transaction was heard; ms. Far below the silence that is reported. */
  readonly heardEveryMs: number;
  /** A bill sink moves bills and the like to a database, and trims their streams. */
  readonly billSink: boolean;
}

export const VALIDATIONS = ['Tolerant', 'Strict'] as const;
export type Validation = (typeof VALIDATIONS)[number];

/** The defaults. */
export const DEFAULT_SETTINGS: HandlerSettings = {
  heartbeatSeconds: DEFAULT.heartbeatSeconds,
  unknownTokens: 'Reject',
  validation: DEFAULT.validation,
  concurrentTransactions: DEFAULT.concurrentTransactions,
  transactionKeySeconds: DEFAULT.transactionKeySeconds,
  heardEveryMs: HEARD_EVERY_MS,
  billSink: false,
};

/** The values as they are now. Field by field: a spread of getters, which live settings are, costs 0.8 µs a message. */
export const settingsNow = (of: HandlerSettings): HandlerSettings => ({
  heartbeatSeconds: of.heartbeatSeconds,
  unknownTokens: of.unknownTokens,
  validation: of.validation,
  concurrentTransactions: of.concurrentTransactions,
  transactionKeySeconds: of.transactionKeySeconds,
  heardEveryMs: of.heardEveryMs,
  billSink: of.billSink,
});

export interface HandlerContext {
  readonly stationId: string;
  readonly protocol: Protocol;
  /** Session epoch of the connection that the request arrived on. */
  readonly epoch: number;
  readonly now: Date;
  /** When the proxy read the message, ms since 1970; replaces a time that the station does not report. */
  readonly receivedAt: number;
  /** An outcome for this message met another record than it expected: what is known of it is out of date. */
  readonly unexpected: boolean;
  /** Numbers of the request that JavaScript cannot represent, as the station wrote them, by JSON pointer. */
  readonly exact: ReadonlyMap<string, string>;
  /** Repairs of the request, by JSON pointer. */
  readonly repaired: ReadonlyMap<string, RepairKind>;
  /** They do not change while the handler runs. */
  readonly settings: HandlerSettings;
  readonly state: ProcessorState;
  /** Services outside of the cluster. They answer within their own time-out, and may be asked twice. */
  readonly providers: Providers;
  readonly log: Log;
}

export interface HandlerResult<Response extends object = object> {
  readonly response: Response;
  readonly writes?: readonly StateWrite[];
  readonly events?: readonly DomainEvent[];
  /** What a record must be like that the handler did not read. Not of a message that is `unexpected`. */
  readonly expects?: Expectation;
  /** Idempotency key of the business fact: a duplicate gets the same response and changes nothing. */
  readonly businessKey?: string;
  /** Lifetime of the key; s. Default: one day. */
  readonly businessKeySeconds?: number;
}

/** `Request` is validated against the schema of its version before the handler runs. */
export type Handler<Request = never, Response extends object = object> = (
  request: Request,
  context: HandlerContext,
) => Promise<HandlerResult<Response>>;

/** Version → action → handler. A missing action is answered NotSupported. */
export type HandlerTable = Readonly<Record<Protocol, Readonly<Record<string, Handler>>>>;
