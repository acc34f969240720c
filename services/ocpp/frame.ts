/**
 * OCPP-J frames: the JSON arrays that a station and its CSMS exchange over one WebSocket.
 *
 * Pure functions from text or parsed JSON to typed frames and back. The meaning of actions is left to the schemas and
 * handlers.
 * Source: OCPP-J 1.6 §4, OCPP 2.0.1 Part 4 §4, OCPP 2.1 Part 4 §4.
 */

/** The supported subprotocols, newest first. */
export const PROTOCOLS = ['ocpp2.1', 'ocpp2.0.1', 'ocpp1.6'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** MessageTypeNumber, the first element of every frame. 5 and 6 exist since OCPP 2.1. */
export const MessageType = {
  Call: 2,
  CallResult: 3,
  CallError: 4,
  CallResultError: 5,
  Send: 6,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

export interface Call {
  readonly type: typeof MessageType.Call;
  readonly id: string;
  readonly action: string;
  readonly payload: unknown;
  /**
   * Numbers of the payload that JavaScript cannot represent, as they were written, by JSON pointer
   * (`/transactionId`). Omitted if there are none; see exact-numbers.ts.
   */
  readonly exact?: ExactNumbers;
}
export interface CallResult {
  readonly type: typeof MessageType.CallResult;
  readonly id: string;
  readonly payload: unknown;
}
/** CALLERROR, and since 2.1 CALLRESULTERROR, which has the same shape. */
export interface CallError {
  readonly type: typeof MessageType.CallError | typeof MessageType.CallResultError;
  readonly id: string;
  readonly code: string;
  readonly description: string;
  readonly details: unknown;
}
/** OCPP 2.1 SEND: a CALL that is never answered. */
export interface Send {
  readonly type: typeof MessageType.Send;
  readonly id: string;
  readonly action: string;
  readonly payload: unknown;
  /** See Call. */
  readonly exact?: ExactNumbers;
}
export type ExactNumbers = ReadonlyMap<string, string>;
export type Frame = Call | CallResult | CallError | Send;

/** Why a text is not a frame. `messageId` is set if it could be read. */
export interface FrameFault {
  readonly kind: 'not-json' | 'not-a-frame' | 'bad-id' | 'bad-shape' | 'unknown-type';
  readonly reason: string;
  readonly messageId?: string;
  /** The MessageTypeNumber, if it could be read: only a CALL (2) is answered with an error. */
  readonly type?: number;
}
export type FrameResult =
  | { readonly ok: true; readonly frame: Frame }
  | { readonly ok: false; readonly fault: FrameFault };

/** Longest message id (OCPP-J 1.6 §4.1.4, 2.x Part 4 §4.1.4). */
export const MAX_MESSAGE_ID = 36;
/** The id of the response to a CALL with an unreadable id (2.x Part 4 §4.2.3). */
export const UNKNOWN_MESSAGE_ID = '-1';
/** CALLERROR descriptions are cut to this many characters (2.x Part 4 §4.2.3). */
export const MAX_DESCRIPTION = 255;

/** Reads a text as one frame of `protocol`. Never throws. */
export function parseFrame(text: string, protocol: Protocol): FrameResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault({ kind: 'not-json', reason: 'the message is not valid JSON' });
  }
  return readFrame(value, protocol);
}

/** Reads parsed JSON as one frame. @param longestId of message ids */
export function readFrame(value: unknown, protocol: Protocol, longestId = MAX_MESSAGE_ID): FrameResult {
  if (!Array.isArray(value)) {
    return fault({ kind: 'not-a-frame', reason: 'an OCPP-J message is a JSON array' });
  }
  const parts: readonly unknown[] = value;
  const [type, id] = parts;
  if (typeof type !== 'number') {
    return fault({ kind: 'not-a-frame', reason: 'the first element is not a message type number' });
  }
  if (typeof id !== 'string' || id.length === 0 || id.length > longestId) {
    const reason = `the message id is not a string of 1 to ${longestId} characters`;
    return fault({ kind: 'bad-id', reason, type });
  }
  const known = { messageId: id, type };
  const bad = (reason: string) => fault({ kind: 'bad-shape', reason, ...known });
  switch (type) {
    case MessageType.Send:
      if (protocol !== 'ocpp2.1') break;
    // falls through: a SEND has the shape of a CALL
    case MessageType.Call: {
      const [, , action, payload] = parts;
      if (parts.length !== 4) return bad(`a CALL has 4 elements, this one has ${parts.length}`);
      if (typeof action !== 'string' || action === '') return bad('the action is not a string');
      if (!isObject(payload)) return bad('the payload is not a JSON object');
      return { ok: true, frame: { type, id, action, payload } };
    }
    case MessageType.CallResult: {
      if (parts.length !== 3) return bad(`a CALLRESULT has 3 elements, this one has ${parts.length}`);
      if (!isObject(parts[2])) return bad('the payload is not a JSON object');
      return { ok: true, frame: { type, id, payload: parts[2] } };
    }
    case MessageType.CallResultError:
      if (protocol !== 'ocpp2.1') break;
    // falls through: a CALLRESULTERROR has the shape of a CALLERROR
    case MessageType.CallError: {
      // Real stations omit trailing elements; the error is read nevertheless.
      const [, , code, description = '', details] = parts;
      if (typeof code !== 'string') return bad('the error code is not a string');
      if (typeof description !== 'string') return bad('the error description is not a string');
      return { ok: true, frame: { type, id, code, description, details: details ?? {} } };
    }
    default:
  }
  return fault({
    kind: 'unknown-type',
    reason: `message type ${type} does not exist in ${protocol}`,
    ...known,
  });
}

/** Writes a frame as OCPP-J text. */
export function formatFrame(frame: Frame): string {
  switch (frame.type) {
    case MessageType.Call:
    case MessageType.Send:
      return JSON.stringify([frame.type, frame.id, frame.action, frame.payload]);
    case MessageType.CallResult:
      return JSON.stringify([frame.type, frame.id, frame.payload]);
    default: {
      const description = frame.description.slice(0, MAX_DESCRIPTION);
      return JSON.stringify([frame.type, frame.id, frame.code, description, frame.details]);
    }
  }
}

function fault(reason: FrameFault): FrameResult {
  return { ok: false, fault: reason };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
