/**
 * CALLs of the CSMS to a station: what is asked for, and how it can end.
 *
 * A call is *queued* until its station has a connection and no other call of the CSMS is open there, *routed* while
 * it is on its way to the proxy, *sent* from the moment a proxy has it to write, and then ends once: answered, not
 * sent, or uncertain. Only what was never given to a proxy counts as not sent; what was sent is never sent again.
 */
import { createHash, randomUUID } from 'node:crypto';
import { formatFrame, type Frame, MessageType } from '../ocpp/frame.ts';
import { TransportError } from './errors.ts';
import type { Answer } from './outcome.ts';

/** A CALL of the CSMS to one station. */
export interface StationCall {
  readonly stationId: string;
  readonly action: string;
  readonly payload: unknown;
  /**
   * Names the intent at this station: the same key again joins the first call, whatever process made it, and sends
   * nothing. Another action or payload under a known key is refused. Random where left out; at most 255 characters.
   */
  readonly idempotencyKey?: string;
  /** How long it may wait to be sent; ms, up to a week. */
  readonly ttlMs?: number;
  /** How long the station may take to answer once it was sent; ms, up to an hour. */
  readonly timeoutMs?: number;
  /** From 0 to 9: among the calls that wait for one station, the higher goes first. */
  readonly priority?: number;
  /**
   * Whether it waits for a station that is offline. Where not, it ends as not sent as soon as the station is
   * offline: a remote start must not come true when the driver has left.
   */
  readonly queueable?: boolean;
}

/** How a call ended. Exactly one of these, for ever. */
export type CallOutcome =
  /** The station's own CALLRESULT or CALLERROR. */
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** The station never saw it, and never will. */
  | { readonly kind: 'not-sent'; readonly reason: NotSent }
  /** It was sent, and nobody can tell whether the station acted on it. It is not sent again by itself. */
  | { readonly kind: 'uncertain'; readonly reason: Uncertain };

export type NotSent =
  /** The station is not connected, and the call does not wait. */
  | 'offline'
  /** Its time to live ended while it waited. */
  | 'expired'
  /** Too many calls wait for this station. */
  | 'queue-full'
  /** Somebody cancelled it while it waited. */
  | 'cancelled';

export type Uncertain =
  /** No answer within the time-out. */
  | 'timeout'
  /** The connection ended first. */
  | 'disconnected'
  /** The station answered, and the answer says nothing: a CALLRESULT without payload, a CALLERROR without code. */
  | 'malformed'
  /** Redis lost what it knew of the call. */
  | 'record-lost';

/** How it stands with a call: its outcome, or how far it is. */
export type CallState = CallOutcome | { readonly kind: 'queued' | 'sent' };

/** Calls that may wait for one station, without the one that is open. */
export const CALLS_QUEUED = 32;
/** How long the outcome of a call can be read after its end; s. */
export const OUTCOME_SECONDS = 3600;
/** Calls that one process may wait for. */
export const CALLS_AWAITED = 20_000;

const DEFAULT_TTL = 60_000;
const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_PRIORITY = 5;
const LONGEST_TTL = 7 * 86_400_000;
const LONGEST_TIMEOUT = 3_600_000;
const LONGEST_KEY = 255;

/** A call with all that was left out, and its frame. */
export interface PreparedCall {
  readonly stationId: string;
  readonly action: string;
  /** A UUID: of the station and the idempotency key, so that every process finds the same call under it. */
  readonly messageId: string;
  readonly text: string;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly priority: number;
  readonly queueable: boolean;
}

/** @throws TransportError bad-call */
export function prepareCall(call: StationCall): PreparedCall {
  const { stationId, action, payload, idempotencyKey, queueable = false } = call;
  const within = (name: 'ttlMs' | 'timeoutMs' | 'priority', initial: number, least: number, most: number) => {
    const value = call[name] ?? initial;
    if (Number.isFinite(value) && value >= least && value <= most) return Math.floor(value);
    throw badCall(call, `${name} must be from ${least} to ${most}, it is ${value}`);
  };
  if (stationId === '' || action === '') throw badCall(call, 'stationId and action must not be empty');
  if (typeof payload !== 'object' || payload === null) throw badCall(call, 'the payload must be an object');
  if (idempotencyKey === '' || (idempotencyKey?.length ?? 0) > LONGEST_KEY) {
    throw badCall(call, `an idempotency key has 1 to ${LONGEST_KEY} characters`);
  }
  const messageId = idempotencyKey === undefined ? randomUUID() : messageIdOf(stationId, idempotencyKey);
  return {
    stationId,
    action,
    messageId,
    text: formatFrame({ type: MessageType.Call, id: messageId, action, payload }),
    ttlMs: within('ttlMs', DEFAULT_TTL, 1, LONGEST_TTL),
    timeoutMs: within('timeoutMs', DEFAULT_TIMEOUT, 1, LONGEST_TIMEOUT),
    priority: within('priority', DEFAULT_PRIORITY, 0, 9),
    queueable,
  };
}

/** The message id of a call: a UUID of version 8 (RFC 9562 §5.8) over the station and the key. */
export function messageIdOf(stationId: string, idempotencyKey: string): string {
  const hex = createHash('sha256').update(`${stationId}\n${idempotencyKey}`).digest('hex');
  const variant = ((parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function keyConflict({ stationId, action }: PreparedCall): TransportError {
  const what = `${action} to station ${stationId}`;
  return new TransportError(
    'key-conflict',
    `${what}: its idempotency key was used for another action or payload; use a key of its own for each intent`,
  );
}

export function tooManyCalls(): TransportError {
  const message = `this process waits for ${CALLS_AWAITED} calls already; make calls at a slower pace`;
  return new TransportError('too-many-calls', message);
}

function badCall({ stationId, action }: StationCall, why: string): TransportError {
  return new TransportError('bad-call', `${action} to station "${stationId}": ${why}`);
}

/** How a call ends by the station's CALLRESULT or CALLERROR; undefined for other frames. */
export function endBy(frame: Frame): CallOutcome | undefined {
  const answer = answerOf(frame);
  if (answer === undefined) return undefined;
  const isReadable = answer.kind === 'error' ? answer.code !== '' : isObject(answer.payload);
  return isReadable ? { kind: 'answered', answer } : { kind: 'uncertain', reason: 'malformed' };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a station answered, of its CALLRESULT or CALLERROR; undefined for other frames. */
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
