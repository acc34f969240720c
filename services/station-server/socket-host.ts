/** What station sockets share with their server: settings, rules that the program passes in, and the observer. */
import type { CallError, Frame, FrameFault, Protocol } from '../ocpp/frame.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CallTracing } from '../runtime/tracing/tracing.ts';
import type { StationSession } from '../transport/transport.ts';
import type { FrameRecorder } from './frame-recorder.ts';
import type { HandshakeFacts, Refusal } from './handshake.ts';
import type { SocketLimits } from './limits.ts';
import type { SharedRate } from './rates/shared-rate.ts';

/** What all sockets of a listener share. */
export interface SocketHost {
  /** Read for each frame, as they may change. */
  readonly limits: SocketLimits;
  readonly clock: Clock;
  readonly observer: SocketObserver;
  /** Omitted where nothing is ever recorded. */
  readonly recorder?: FrameRecorder;
  /** The CALLERROR that OCPP defines for an invalid frame; undefined: no response. */
  readonly faultAnswer: (protocol: Protocol, fault: FrameFault) => CallError | undefined;
  /** Whether an invalid frame is repaired where its meaning is clear. */
  readonly tolerant: boolean;
  /** Keeps an unreadable text for inspection. @param epoch of the session */
  unreadable(kind: Unreadable, session: StationSession, epoch: number, reason: string, text: string): void;
  /** The number of running transactions after this frame of the station, given the number before it. */
  readonly transactionsAfter: (before: number, frame: Frame) => number;
  /** The rate of the messages of all sockets. */
  readonly total: SharedRate;
  /** undefined: no CALL is traced. */
  readonly tracing: CallTracing | undefined;
  /** Bytes that all sockets of the server hold; the sockets keep count. */
  readonly held: { bytes: number };
}

/** Why a text is unreadable. */
export type Unreadable = FrameFault['kind'] | 'binary';

/** Events for metrics and logs. No method may throw; the words are valid metric labels. */
export interface SocketObserver {
  opened(session: StationSession): void;
  closed(session: StationSession, why: CloseReason, code: number): void;
  /** A replaced connection was alive: two stations may share one identity. */
  duplicate(session: StationSession): void;
  /** A message of a station: its MessageTypeNumber, or its fault. */
  received(type: number | FrameFault['kind'] | 'binary'): void;
  /** A text was repaired. @param kinds of repair */
  repaired(kinds: readonly string[]): void;
  /** A text was unreadable and has been kept. */
  unreadable(kind: Unreadable): void;
  forwarded(): void;
  /** A socket is paused: it holds too many bytes, sends too fast, or more than its part while all together send too fast. */
  paused(why: 'held' | 'flood' | 'total'): void;
  /** A frame of either side was dropped. */
  dropped(why: string): void;
  error(error: Error): void;
}

export type CloseReason =
  /** The station closed the WebSocket, or its TCP connection ended. */
  | 'station'
  | 'lost'
  /** The message was not text, too long, not UTF-8 or not a WebSocket frame. */
  | 'binary'
  | 'bad-message'
  /** The station answered no ping; it did not read what was written. */
  | 'silent'
  | 'slow-reader'
  /** Another connection of the station has taken over the session; or the session is lost and the station must reconnect. */
  | 'replaced'
  | 'revoked'
  /** Its credential, certificate or entry is no longer accepted. */
  | 'access'
  /** The store refused a frame permanently. */
  | 'refused'
  | 'drain'
  | 'drain-forced'
  | 'stop';

export interface StationObserver extends SocketObserver {
  refused(refusal: Refusal, handshake: HandshakeFacts): void;
}
