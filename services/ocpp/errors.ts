/**
 * The error codes of OCPP-J as data. The rest of the code uses reasons, which are the codes of OCPP 2.x; a table maps
 * them to 1.6, which spells two of them differently (one with a letter missing) and lacks two.
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

/** Reason → code of 1.6; in 2.x every reason is its own code. */
const CODES_OF_1_6 = {
  /** The version has no such action. */
  NotImplemented: 'NotImplemented',
  /** The version has the action, but this CSMS does not support it. */
  NotSupported: 'NotSupported',
  /** The receiver failed; the sender is not at fault. */
  InternalError: 'InternalError',
  /** The payload is incomplete, or the message is not allowed at this time. */
  ProtocolError: 'ProtocolError',
  SecurityError: 'SecurityError',
  /** The payload does not have the structure of its action. */
  FormatViolation: 'FormationViolation',
  /** A field has a value that is not allowed. */
  PropertyConstraintViolation: 'PropertyConstraintViolation',
  /** A field is missing, or occurs too often. */
  OccurrenceConstraintViolation: 'OccurenceConstraintViolation',
  /** A field has the wrong type. */
  TypeConstraintViolation: 'TypeConstraintViolation',
  GenericError: 'GenericError',
  /** The message is no RPC request, for example because its id cannot be read. */
  RpcFrameworkError: 'FormationViolation',
  /** The message type number does not exist. */
  MessageTypeNotSupported: 'GenericError',
} as const;

/** Why a message is refused, in any version. */
export type ErrorReason = keyof typeof CODES_OF_1_6;
/** An error code on the wire. */
export type ErrorCode = ErrorReason | (typeof CODES_OF_1_6)[ErrorReason];

/** The code of a reason in this version. */
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
 * The response to a text that is not a frame; undefined: none. Responses and SENDs are never answered with a CALLERROR.
 * 1.6 ignores unknown message types, and has no id for the response to an unreadable one (2.x has "-1").
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
