/**
 * What handlers ask a decider outside of the cluster: which token may charge, which station is accepted, what a DataTransfer gets. It
 * changes the answer to the station, never what is recorded of a transaction. Decision 22 has the reasons.
 */
import type { Protocol } from '../../ocpp/frame.ts';
import type { Log } from '../../runtime/log.ts';
import type { Registration } from '../../transport/transport.ts';
import type { StateWrite } from '../../transport/stored-state.ts';
import type { TokenStatus, TransactionLimits } from '../tokens.ts';

/** `StartTransaction`: also every TransactionEvent of 2.x that carries a token. */
export const DECISION_ACTIONS = [
  'Authorize',
  'StartTransaction',
  'BootNotification',
  'DataTransfer',
] as const;
export type DecisionAction = (typeof DECISION_ACTIONS)[number];

/** What the station gets while the decider fails. `Own`: what the lists of the product say. */
export const FALLBACKS = ['Own', 'Accept', 'Reject', 'LastKnown'] as const;
export type Fallback = (typeof FALLBACKS)[number];

export interface TokenAnswer extends TransactionLimits {
  readonly status: TokenStatus;
  /** ISO 8601 */
  readonly expiry?: string;
  readonly parent?: string;
  /** For the display of a 2.x station. */
  readonly personalMessage?: string;
}

export interface BootAnswer {
  readonly status: Registration;
  /** Between Heartbeats, or before the next boot of a station that is not accepted. */
  readonly intervalSeconds?: number;
}

export const DATA_STATUSES = ['Accepted', 'Rejected', 'UnknownMessageId', 'UnknownVendorId'] as const;

export interface DataAnswer {
  readonly status: (typeof DATA_STATUSES)[number];
  /** A text in 1.6, any JSON in 2.x. */
  readonly data?: unknown;
}

export interface AnswerOf {
  readonly Authorize: TokenAnswer;
  readonly StartTransaction: TokenAnswer;
  readonly BootNotification: BootAnswer;
  readonly DataTransfer: DataAnswer;
}

/** The question as the decider gets it, in JSON. */
export interface Question {
  /** The same one when a message is handled again. */
  readonly id: string;
  readonly action: DecisionAction;
  readonly stationId: string;
  readonly protocol: Protocol;
  /** When the message was received; ISO 8601. */
  readonly time: string;
  /** The OCPP payload, repaired where it was invalid. */
  readonly request: object;
  /** What the lists of the product say, in the shape of an answer. */
  readonly proposed: object;
}

/** What a handler asks. */
export interface Asked<A extends DecisionAction> {
  readonly action: A;
  readonly request: object;
  readonly proposed: AnswerOf[A];
  /** Business key of what the message reports, if it has one: a repeated message is the same question. */
  readonly fact?: string;
  /** The token, with its type in 2.x. */
  readonly token?: { readonly text: string; readonly type?: string };
}

export interface Decided<A extends DecisionAction> {
  readonly answer: AnswerOf[A];
  /** The last known answer, for the outcome. */
  readonly writes: readonly StateWrite[];
  /** How long the decision took; ms. */
  readonly tookMs: number;
}

export interface DecisionState {
  /** One field of any record. */
  field(key: string, field: string): Promise<string | undefined>;
  /** Fields of last known answers that are too old, or too many. */
  decisionsToForget(now: number): Promise<readonly string[]>;
}

/** What a decision needs of HandlerContext. */
export interface DecisionContext {
  readonly stationId: string;
  readonly protocol: Protocol;
  readonly epoch: number;
  readonly receivedAt: number;
  readonly now: Date;
  readonly state: DecisionState;
  readonly log: Log;
}

export interface DecisionProvider {
  /** Whether it decides this action now: a setting that may change. */
  asks(action: DecisionAction): boolean;
  /** The proposed answer for an action that it does not decide. Rejects only if the store cannot be read. */
  decide<A extends DecisionAction>(asked: Asked<A>, context: DecisionContext): Promise<Decided<A>>;
}
