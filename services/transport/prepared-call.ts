/** A StationCall, checked and completed: what the implementations of StationCalls share. */
import { createHash, randomUUID } from 'node:crypto';
import { formatFrame, MessageType, type Protocol } from '../ocpp/frame.ts';
import { TransportError } from './errors.ts';
import { CALLS_AWAITED, type StationCall } from './station-call.ts';

const DEFAULT_TTL = 60_000;
const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_PRIORITY = 5;
const LONGEST_TTL = 7 * 86_400_000;
const LONGEST_TIMEOUT = 3_600_000;
const LONGEST_KEY = 255;

/** A call with its defaults and its frame. */
export interface PreparedCall {
  readonly stationId: string;
  readonly action: string;
  /** A UUID derived from station and idempotency key, so that every process finds the same call. */
  readonly messageId: string;
  readonly text: string;
  readonly protocol?: Protocol;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly priority: number;
  readonly queueable: boolean;
  /** Its idempotency key, if an event is to say that it has ended. */
  readonly announce?: string;
}

/** @throws TransportError bad-call */
export function prepareCall(call: StationCall): PreparedCall {
  const { stationId, action, payload, protocol, idempotencyKey, queueable = false } = call;
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
  const announce = call.announce === true ? idempotencyKey : undefined;
  if (call.announce === true && announce === undefined)
    throw badCall(call, 'a call that is announced needs an idempotency key');
  const messageId = idempotencyKey === undefined ? randomUUID() : messageIdOf(stationId, idempotencyKey);
  return {
    stationId,
    action,
    messageId,
    text: formatFrame({ type: MessageType.Call, id: messageId, action, payload }),
    ...(protocol !== undefined && { protocol }),
    ttlMs: within('ttlMs', DEFAULT_TTL, 1, LONGEST_TTL),
    timeoutMs: within('timeoutMs', DEFAULT_TIMEOUT, 1, LONGEST_TIMEOUT),
    priority: within('priority', DEFAULT_PRIORITY, 0, 9),
    queueable,
    ...(announce !== undefined && { announce }),
  };
}

/** The message id of a call: a UUID of version 8 (RFC 9562 §5.8) of station and key. */
export function messageIdOf(stationId: string, idempotencyKey: string): string {
  const hex = createHash('sha256').update(`${stationId}\n${idempotencyKey}`).digest('hex');
  const variant = ((parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function keyConflict({ stationId, action }: PreparedCall): TransportError {
  const what = `${action} to station ${stationId}`;
  return new TransportError(
    'key-conflict',
    `${what}: its idempotency key was used for another action or payload; use one key per intent`,
  );
}

export function tooManyCalls(): TransportError {
  const message = `this process already awaits ${CALLS_AWAITED} calls; make calls at a slower pace`;
  return new TransportError('too-many-calls', message);
}

function badCall({ stationId, action }: StationCall, why: string): TransportError {
  return new TransportError('bad-call', `${action} to station "${stationId}": ${why}`);
}
