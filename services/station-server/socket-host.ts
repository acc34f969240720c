/** What station sockets share with their server: settings, rules passed in by the program, and who watches. */
import type { CallError, Frame, FrameFault, Protocol } from '../ocpp/frame.ts';
import type { Clock } from '../runtime/clock.ts';
import type { StationSession } from '../transport/transport.ts';
import type { Refusal } from './admission.ts';
import type { SocketLimits } from './limits.ts';

/** What all sockets of a server share. */
export interface SocketHost {
  readonly limits: SocketLimits;
  readonly clock: Clock;
  readonly observer: SocketObserver;
  /** The CALLERROR that OCPP wants for a text that is no frame; undefined means silence. */
  readonly faultAnswer: (protocol: Protocol, fault: FrameFault) => CallError | undefined;
  /** Whether a text that is no valid frame is repaired where it can be understood. */
  readonly tolerant: boolean;
  /** Keeps a text that says nothing, for a person. @param epoch of the session */
  unreadable(kind: Unreadable, session: StationSession, epoch: number, reason: string, text: string): void;
  /** The number of transactions that run at a station after this frame of it, given the number before. */
  readonly transactionsAfter: (before: number, frame: Frame) => number;
  /** Bytes that all sockets hold; the sockets keep count. */
  heldBytes: number;
}

/** Why a text of a station says nothing. */
export type Unreadable = FrameFault['kind'] | 'binary';

/** What a program may want to count or log. None of these may throw; words are fit for metric labels. */
export interface SocketObserver {
  opened(session: StationSession): void;
  closed(session: StationSession, why: CloseReason, code: number): void;
  /** A replaced connection was alive: two stations may have one identity. */
  duplicate(session: StationSession): void;
  /** A message of a station: its MessageTypeNumber, or what is wrong with it. */
  received(type: number | FrameFault['kind'] | 'binary'): void;
  /** A text of a station was repaired: kinds of repair. */
  repaired(kinds: readonly string[]): void;
  /** A text of a station says nothing, and is kept for a person. */
  unreadable(kind: Unreadable): void;
  forwarded(): void;
  /** A socket is not read for a while: too much of it is held, or it sends too fast. */
  paused(why: 'held' | 'flood'): void;
  /** A frame, of either side, that goes no further. */
  dropped(why: string): void;
  error(error: Error): void;
}

export type CloseReason =
  /** The station closed in good order, or its TCP connection ended. */
  | 'station'
  | 'lost'
  /** What it sent was no text, too long, not UTF-8 or no WebSocket. */
  | 'binary'
  | 'bad-message'
  /** It answered no ping; it did not read what we wrote. */
  | 'silent'
  | 'slow-reader'
  /** Another connection of the station has the session now; or the session is lost, and the station shall come again. */
  | 'replaced'
  | 'revoked'
  /** The store refused a frame for good. */
  | 'refused'
  | 'drain'
  | 'drain-forced'
  | 'stop';

export interface StationObserver extends SocketObserver {
  refused(refusal: Refusal, handshake: HandshakeFacts): void;
}

/** What is known of a handshake that is refused. */
export interface HandshakeFacts {
  /** Of the TCP peer. */
  readonly remoteAddress: string;
  /** The request target as it came; undefined where no request was read. It may carry secrets in its query. */
  readonly url?: string;
}
