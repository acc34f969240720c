/**
 * The error codes of OCPP-J as data. The rest of the code speaks of reasons, which are spelled as
 * OCPP 2.x spells its codes; a table gives the code of each version. 1.6 spells two of them its own way
 * (one with a letter missing) and lacks two.
 * Source: OCPP-J 1.6 §4.2.3, OCPP 2.0.1 and 2.1 Part 4 §4.3.
 */
import {
  type CallError,
  type FrameFault,
  MAX_DESCRIPTION,
  MessageType,
  type Protocol,
  UNKNOWN_MESSAGE_ID,
} from './frame.ts';

/** What each reason is called in 1.6; in 2.x every reason is its own code. */
const CODES_OF_1_6 = {
  /** The action is not known at all. */
  NotImplemented: 'NotImplemented',
  /** The action is known, and not supported here. */
  NotSupported: 'NotSupported',
  /** The receiver failed, which is not the sender's fault. */
  InternalError: 'InternalError',
  /** The payload is incomplete, or the message is not allowed now. */
  ProtocolError: 'ProtocolError',
  SecurityError: 'SecurityError',
  /** The payload is not built as its action wants it. */
  FormatViolation: 'FormationViolation',
  /** A field has a value that it cannot have. */
  PropertyConstraintViolation: 'PropertyConstraintViolation',
  /** A field is missing, or stands there too often. */
  OccurrenceConstraintViolation: 'OccurenceConstraintViolation',
  /** A field is of the wrong type. */
  TypeConstraintViolation: 'TypeConstraintViolation',
  GenericError: 'GenericError',
  /** The message is not an RPC request, for example its id cannot be read. */
  RpcFrameworkError: 'FormationViolation',
  /** The message type number does not exist. */
  MessageTypeNotSupported: 'GenericError',
} as const;

/** Why a message is refused, whatever the version. */
export type ErrorReason = keyof typeof CODES_OF_1_6;
/** An error code as it goes over the wire. */
export type ErrorCode = ErrorReason | (typeof CODES_OF_1_6)[ErrorReason];

/** The code that `protocol` has for a reason. */
export function errorCode(protocol: Protocol, reason: ErrorReason): ErrorCode {
  return protocol === 'ocpp1.6' ? CODES_OF_1_6[reason] : reason;
}

const REASON_OF_FAULT: Readonly<Record<FrameFault['kind'], ErrorReason>> = {
  'not-json': 'RpcFrameworkError',
  'not-a-frame': 'RpcFrameworkError',
  'bad-id': 'RpcFrameworkError',
  'bad-shape': 'RpcFrameworkError',
  'unknown-type': 'MessageTypeNotSupported',
};

/**
 * What to answer to a text that is not a frame; undefined means silence:
 * an answer, good or bad, is never answered with a CALLERROR, nor is a SEND; 1.6 ignores unknown message
 * types and has no id for an answer to a message whose own cannot be read (2.x has "-1").
 */
export function faultAnswer(protocol: Protocol, fault: FrameFault): CallError | undefined {
  const { kind, type, messageId } = fault;
  if (type !== undefined && type >= MessageType.CallResult && type <= MessageType.Send) return undefined;
  if (protocol === 'ocpp1.6' && (kind === 'unknown-type' || messageId === undefined)) return undefined;
  return {
    type: MessageType.CallError,
    id: messageId ?? UNKNOWN_MESSAGE_ID,
    code: errorCode(protocol, REASON_OF_FAULT[kind]),
    description: fault.reason.slice(0, MAX_DESCRIPTION),
    details: {},
  };
}
