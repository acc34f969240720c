/**
 * What a socket reports to the flight recorder. A socket asks first whether its station is recorded, and otherwise makes nothing of
 * this: while no station is recorded, a frame costs one look-up in an empty set.
 */
import type { Frame } from '../ocpp/frame.ts';
import type { CsmsFrame, TextFacts } from '../ocpp/peer.ts';
import type { StationSession } from '../transport/gateway.ts';

export interface FrameRecorder {
  isRecorded(stationId: string): boolean;
  /** Takes what happened on a socket; never throws and never waits. */
  record(socket: RecordedSocket, event: SocketEvent): void;
  /** The handshake is complete. */
  opened(socket: RecordedSocket): void;
  /** @param reason see CloseReason */
  closed(socket: RecordedSocket, reason: string): void;
}

export interface RecordedSocket {
  /** The same object for the whole life of the socket. */
  readonly session: StationSession;
  /** Of the session; 0 before it is known. */
  readonly epoch: number;
}

export interface FrameEvent {
  readonly kind: 'frame';
  readonly direction: 'in' | 'out';
  /** MessageTypeNumber */
  readonly type: number;
  readonly messageId: string;
  /** Valid JSON: the repaired text. */
  readonly text: string;
  /** Of the message on the wire. */
  readonly bytes: number;
  /** Kinds of repair. */
  readonly repairs?: readonly string[];
  /** Why it went no further. */
  readonly problem?: string;
}

export type SocketEvent =
  | FrameEvent
  /** Of an unreadable text nothing but its size is passed on. */
  | { readonly kind: 'unreadable'; readonly problem: string; readonly bytes: number }
  /** A CALL of either side has timed out. */
  | { readonly kind: 'unanswered'; readonly messageId: string };

/** @param text of the frame, repaired where it was @param bytes of the message */
export function incomingEvent(
  { type, id: messageId }: Frame,
  text: string,
  bytes: number,
  facts: TextFacts | undefined,
): FrameEvent {
  const repairs = facts?.repaired?.kinds;
  return { kind: 'frame', direction: 'in', type, messageId, text, bytes, ...(repairs && { repairs }) };
}

export function outgoingEvent({ type, messageId, text }: CsmsFrame, problem?: string): FrameEvent {
  const bytes = Buffer.byteLength(text);
  return { kind: 'frame', direction: 'out', type, messageId, text, bytes, ...(problem && { problem }) };
}
