/**
 * CALLs of the CSMS to a station: the port, what a caller asks for, and how a call can end.
 *
 * A call is *queued* until its station has a connection and no other call of the CSMS is open there, *routed* while
 * it is on its way to the proxy, and *sent* as soon as a proxy has its text. It ends once: answered, not sent, or
 * uncertain. A call counts as not sent only if no proxy ever had its text; what was sent is never sent again.
 */
import { type Frame, MessageType, type Protocol } from '../ocpp/frame.ts';
import type { Answer } from './outcome.ts';

export interface StationCalls {
  /**
   * Calls a station on any proxy and resolves to how that ended: within `ttlMs` + `timeoutMs`, plus about a second.
   * It rejects if certainly nothing was done (`bad-call`, `key-conflict`, `too-many-calls`), or if this process
   * cannot learn the outcome (`store-unavailable`, `call-abandoned` by stop()). In the latter case ask again under the
   * same idempotency key, here or in another process: nothing is sent twice.
   */
  make(call: StationCall): Promise<CallOutcome>;
  /** A call and its current state; undefined for unknown calls, and from an hour after the end of a call on. */
  find(stationId: string, idempotencyKey: string): Promise<FoundCall | undefined>;
  /** The state that find() has. */
  stateOf(stationId: string, idempotencyKey: string): Promise<CallState | undefined>;
  /** Ends a queued call as not sent. Resolves to its state afterwards. */
  cancel(stationId: string, idempotencyKey: string): Promise<CallState | undefined>;
  /** The subprotocol of the station's connection; undefined while it is offline. */
  protocolOf(stationId: string): Promise<Protocol | undefined>;
}

/** A CALL of the CSMS to one station. */
export interface StationCall {
  readonly stationId: string;
  readonly action: string;
  readonly payload: unknown;
  /** Of the station. It is stored with the call, so that any process can compare the answer with the schema of its version. */
  readonly protocol?: Protocol;
  /**
   * Names the intent at this station. The same key joins the first call, across processes, and sends nothing. Another
   * action or payload under a known key is refused. At most 255 characters; random by default.
   */
  readonly idempotencyKey?: string;
  /** How long it may be queued; ms, up to a week. */
  readonly ttlMs?: number;
  /** How long the station may take to respond; ms, up to an hour. */
  readonly timeoutMs?: number;
  /** From 0 to 9: of the calls queued for one station, the highest is sent first. */
  readonly priority?: number;
  /**
   * Whether the call waits for an offline station. By default it ends as not sent as soon as the station is offline: a
   * remote start must not happen after the driver has left.
   */
  readonly queueable?: boolean;
  /**
   * Whether the event `command-ended`, with the idempotency key as `command` and the `action`, says when the call has ended, however it does
   * and whatever became of its caller. It may come twice, and a process of an earlier release adds none. Read the outcome with find().
   * False by default.
   */
  readonly announce?: boolean;
}

/** How a call ended: exactly one of these, and it never changes. */
export type CallOutcome =
  /** The station's own CALLRESULT or CALLERROR. */
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** The station has not received it and never will. */
  | { readonly kind: 'not-sent'; readonly reason: NotSent }
  /** It was sent, and it is unknown whether the station acted on it. It is not sent again automatically. */
  | {
      readonly kind: 'uncertain';
      readonly reason: Uncertain;
      /** Of `malformed`: what the station answered, if it has the form of an answer. */
      readonly answer?: Answer;
      /** What is wrong with a `malformed` answer, or which part of a command failed, for a person. */
      readonly detail?: string;
    };

export type NotSent =
  /** The station is not connected, and the call is not queueable. */
  | 'offline'
  /** Its time to live ended in the queue. */
  | 'expired'
  /** Too many calls are queued for this station. */
  | 'queue-full'
  /** It was cancelled in the queue. */
  | 'cancelled';

export type Uncertain =
  /** No response within the time-out. */
  | 'timeout'
  /** The connection ended first. */
  | 'disconnected'
  /** The response is unusable: a CALLRESULT without payload, or outside of its schema, or a CALLERROR without code. */
  | 'malformed'
  /** Redis lost the record of the call. */
  | 'record-lost'
  /** Of a command in several parts: the first ones were answered, and a later one was refused or not sent. */
  | 'incomplete';

/** The current state of a call: its outcome, or its progress. */
export type CallState = CallOutcome | { readonly kind: 'queued' | 'sent' };

/** A call that was made. */
export interface FoundCall {
  readonly action: string;
  /** As its caller named it. */
  readonly protocol?: Protocol;
  /** ms since 1970; omitted for a call that a process of an earlier release made. */
  readonly madeAt?: number;
  readonly state: CallState;
}

/** Calls that may be queued for one station, without the open one. */
export const CALLS_QUEUED = 32;
/**
 * How long calls that waited for a station are held after it has connected, if it sends nothing; ms. They are released as soon as a
 * message of the connection is handled: a station gets no commands before the response to its BootNotification, and one that
 * reconnects without a boot may be silent for long.
 */
export const HELD_MS = 30_000;
/** How long the outcome of a call stays readable; s. */
export const OUTCOME_SECONDS = 3600;
/** Calls that one process may await. */
export const CALLS_AWAITED = 20_000;

/** The outcome that a CALLRESULT or CALLERROR of the station means; undefined for other frames. */
export function endBy(frame: Frame): CallOutcome | undefined {
  const answer = answerOf(frame);
  if (answer === undefined) return undefined;
  const isReadable = answer.kind === 'error' ? answer.code !== '' : isObject(answer.payload);
  return isReadable ? { kind: 'answered', answer } : { kind: 'uncertain', reason: 'malformed' };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The answer in a CALLRESULT or CALLERROR; undefined for other frames. */
export function answerOf(frame: Frame): Answer | undefined {
  switch (frame.type) {
    case MessageType.CallResult:
      return { kind: 'result', payload: frame.payload };
    case MessageType.CallError: {
      const { code, description, details } = frame;
      return { kind: 'error', code, description, details };
    }
    default:
      return undefined;
  }
}
