/**
 * What a handler is: a function from a validated request and what it may read to plain data. It
 * answers, and names the changes that the answer stands for; the transport applies both together or
 * neither (see transport.ts, Outcome). A handler never writes, and may run more than once.
 */
import { DEFAULT } from '../contract.ts';
import type { Protocol } from '../ocpp/frame.ts';
import type { RepairKind } from '../ocpp/repair-table.ts';
import type { Log } from '../runtime/log.ts';
import type { DomainEvent, StateWrite } from '../transport/stored-state.ts';
import type { ProcessorState } from './state.ts';
import type { UnknownTokens } from './tokens.ts';

/** What all handlers are configured by. */
export interface HandlerSettings {
  /** Seconds between Heartbeats that a station is told at boot. */
  readonly heartbeatSeconds: number;
  readonly unknownTokens: UnknownTokens;
  /** `Tolerant`: what fails its schema is repaired where it can be understood. `Strict`: it is answered with CALLERROR. */
  readonly validation: Validation;
  /** Whether a token may charge in two transactions at once. */
  readonly concurrentTransactions: ConcurrentTransactions;
  /** How long starts and stops are recognised when a station sends them again; s. */
  readonly transactionKeySeconds: number;
}

export const VALIDATIONS = ['Tolerant', 'Strict'] as const;
export type Validation = (typeof VALIDATIONS)[number];
export const CONCURRENT_TRANSACTIONS = ['Accept', 'Reject'] as const;
export type ConcurrentTransactions = (typeof CONCURRENT_TRANSACTIONS)[number];

/** What holds where nothing is configured. */
export const DEFAULT_SETTINGS: HandlerSettings = {
  heartbeatSeconds: 300,
  unknownTokens: 'Reject',
  validation: DEFAULT.validation,
  concurrentTransactions: DEFAULT.concurrentTransactions,
  transactionKeySeconds: DEFAULT.transactionKeySeconds,
};

export interface HandlerContext {
  readonly stationId: string;
  readonly protocol: Protocol;
  /** Epoch of the connection that the request came by. */
  readonly epoch: number;
  readonly now: Date;
  /** When the proxy read the message, ms since 1970: it stands for a time that the station cannot tell. */
  readonly receivedAt: number;
  /** Numbers of the request that JavaScript cannot hold, as the station wrote them, by JSON pointer. */
  readonly exact: ReadonlyMap<string, string>;
  /** What was repaired in the request, by JSON pointer. */
  readonly repaired: ReadonlyMap<string, RepairKind>;
  readonly settings: HandlerSettings;
  readonly state: ProcessorState;
  readonly log: Log;
}

export interface HandlerResult<Response extends object = object> {
  readonly response: Response;
  readonly writes?: readonly StateWrite[];
  readonly events?: readonly DomainEvent[];
  /** Names the business fact, so that a repetition is answered alike and changes nothing. */
  readonly businessKey?: string;
  /** How long it stays so; s. A day where left out. */
  readonly businessKeySeconds?: number;
}

/** `Request` is checked against the schema of its version before the handler sees it. */
export type Handler<Request = never, Response extends object = object> = (
  request: Request,
  context: HandlerContext,
) => Promise<HandlerResult<Response>>;

/** Version → action → handler. An action that is not there is answered NotSupported. */
export type HandlerTable = Readonly<Record<Protocol, Readonly<Record<string, Handler>>>>;
