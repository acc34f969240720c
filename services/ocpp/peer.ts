/**
 * The rule of one open CALL per direction, for one connection of a station, as a pure state machine.
 *
 * A station that sends a second CALL before the first is answered violates OCPP-J (1.6 §4.1.1, 2.x Part 4 §4.1.1), but
 * its messages may be billing data: they are held in order and forwarded one by one. The same applies to CALLs of the
 * CSMS. CALLs of the two sides may cross; SENDs and responses never wait.
 *
 * Every method returns a Step: what the caller must do, at most one frame each way. The caller owns the socket and the
 * clock:
 * - `receive` for each frame of the station, `deliver` for each frame of the CSMS;
 * - after each of them, set one timer for `deadline` and call `expire` when it fires;
 * - do not read the socket while `full`.
 *
 * A process has one Peer per socket, tens of thousands: an idle one allocates no array and no closure.
 */
import { deferredMs } from './deferrable.ts';
import { type Frame, MessageType } from './frame.ts';
import { withMessageId } from './frame-text.ts';

/** Facts about the text that a frame was read from. */
export interface TextFacts {
  /** Of a repaired text: the station's own text, cut, and the kinds of repair. */
  readonly repaired?: { readonly raw: string; readonly kinds: readonly string[] };
  /** The message id as JSON, if it differs from the JSON of the frame's id: a response to the station repeats it. */
  readonly writtenId?: string;
}

/** A frame of the station on its way to the CSMS. */
export interface StationFrame extends TextFacts {
  readonly frame: Frame;
  /** As the station sent it, or repaired. */
  readonly text: string;
  /** ms since 1970 */
  readonly receivedAt: number;
  /** Number of a CALL on its connection, from 1; of a SEND among the SENDs, from 1; 0 for responses. */
  readonly sequence: number;
  /** How long it may wait for others before it is stored; ms. See deferrable.ts. */
  readonly deferredMs: number;
}

/** A frame of the CSMS on its way to the station. */
export interface CsmsFrame {
  /** MessageTypeNumber */
  readonly type: number;
  readonly messageId: string;
  readonly text: string;
  /** Of a CALL: time limit of the station in ms; default: callTimeout. */
  readonly timeoutMs?: number;
}

/** Why a frame was dropped. */
export type Dropped =
  /** A response to a CALL that timed out. */
  | 'late-answer'
  /** A response without an open CALL. */
  | 'unknown-answer'
  /** A CALL of the CSMS while too many of them wait. */
  | 'queue-full';

export interface Step {
  /** Store this frame of the station. */
  readonly forward?: StationFrame;
  /** Write this frame to the station. */
  readonly write?: CsmsFrame;
  /** The given frame is dropped. */
  readonly dropped?: Dropped;
  /** Message ids of the CALLs that timed out. */
  readonly expired?: readonly string[];
}

export interface PeerLimits {
  /** How long a CALL of either side may stay unanswered, in ms. */
  readonly callTimeout: number;
  /** Characters of held CALLs at which the station is no longer read. */
  readonly maxHeld: number;
  /** CALLs of the CSMS that may wait for the open one. */
  readonly maxQueued: number;
}

export const PEER_LIMITS: PeerLimits = { callTimeout: 30_000, maxHeld: 64 * 1024, maxQueued: 16 };

const NOTHING: Step = {};

export class Peer {
  readonly #limits: PeerLimits;
  #calls = 0;
  #sends = 0;
  /** The open CALL of the station, its deadline, and the last CALL that timed out. */
  #stationCall: string | undefined;
  #stationWrittenId: string | undefined;
  #stationDeadline = Infinity;
  #stationExpired: string | undefined;
  #held: StationFrame[] | undefined;
  #heldSize = 0;
  /** The same for the CSMS. */
  #csmsCall: string | undefined;
  #csmsDeadline = Infinity;
  #csmsExpired: string | undefined;
  #queued: CsmsFrame[] | undefined;

  constructor(limits: PeerLimits = PEER_LIMITS) {
    this.#limits = limits;
  }

  /** When `expire` is due, in ms since 1970; Infinity while no CALL is open. */
  get deadline(): number {
    return Math.min(this.#stationDeadline, this.#csmsDeadline);
  }

  /** Whether too much is held to read the socket. */
  get full(): boolean {
    return this.#heldSize >= this.#limits.maxHeld;
  }

  /** Characters held, for a budget over all sockets. */
  get heldSize(): number {
    return this.#heldSize;
  }

  /** Whether no CALL is open or waiting in either direction: closing loses nothing. */
  get idle(): boolean {
    return this.#stationCall === undefined && this.#csmsCall === undefined;
  }

  /** A frame from the station: it is forwarded, or held without a `forward` in the step. */
  receive(frame: Frame, text: string, now: number, facts?: TextFacts): Step {
    switch (frame.type) {
      case MessageType.Call: {
        const incoming = stationFrame(frame, text, now, ++this.#calls, facts);
        if (this.#stationCall === undefined) return { forward: this.#openStation(incoming, now) };
        this.#held ??= [];
        this.#held.push(incoming);
        this.#heldSize += text.length;
        return NOTHING;
      }
      case MessageType.Send:
        return { forward: stationFrame(frame, text, now, ++this.#sends, facts) };
      case MessageType.CallResultError:
        // Reports a bad response of ours. Its CALL is closed; the CSMS may log it.
        return { forward: stationFrame(frame, text, now, 0, facts) };
      default: {
        if (frame.id !== this.#csmsCall) return { dropped: lateOrUnknown(frame.id, this.#csmsExpired) };
        const forward = stationFrame(frame, text, now, 0, facts);
        return step({ forward, write: this.#nextOfCsms(now) });
      }
    }
  }

  /** A frame from the CSMS. A response is written only to the open CALL. */
  deliver(outgoing: CsmsFrame, now: number): Step {
    switch (outgoing.type) {
      case MessageType.Call: {
        if (this.#csmsCall === undefined) return { write: this.#openCsms(outgoing, now) };
        this.#queued ??= [];
        if (this.#queued.length >= this.#limits.maxQueued) return { dropped: 'queue-full' };
        this.#queued.push(outgoing);
        return NOTHING;
      }
      case MessageType.CallResult:
      case MessageType.CallError: {
        const { messageId } = outgoing;
        if (messageId !== this.#stationCall)
          return { dropped: lateOrUnknown(messageId, this.#stationExpired) };
        const writtenId = this.#stationWrittenId;
        const write =
          writtenId === undefined ? outgoing : { ...outgoing, text: withMessageId(outgoing.text, writtenId) };
        return step({ write, forward: this.#nextOfStation(now) });
      }
      default:
        return { write: outgoing };
    }
  }

  /** Times out the CALLs whose deadline has passed, and releases those that wait behind them. */
  expire(now: number): Step {
    if (now < this.deadline) return NOTHING;
    const expired: string[] = [];
    let forward: StationFrame | undefined;
    let write: CsmsFrame | undefined;
    if (this.#stationCall !== undefined && now >= this.#stationDeadline) {
      expired.push((this.#stationExpired = this.#stationCall));
      forward = this.#nextOfStation(now);
    }
    if (this.#csmsCall !== undefined && now >= this.#csmsDeadline) {
      expired.push((this.#csmsExpired = this.#csmsCall));
      write = this.#nextOfCsms(now);
    }
    return step({ forward, write, expired });
  }

  #openStation(incoming: StationFrame, now: number): StationFrame {
    this.#stationCall = incoming.frame.id;
    this.#stationWrittenId = incoming.writtenId;
    this.#stationDeadline = now + this.#limits.callTimeout;
    return incoming;
  }

  #nextOfStation(now: number): StationFrame | undefined {
    this.#stationCall = undefined;
    this.#stationDeadline = Infinity;
    const next = this.#held?.shift();
    if (next === undefined) return undefined;
    this.#heldSize -= next.text.length;
    if (this.#held?.length === 0) this.#held = undefined;
    return this.#openStation(next, now);
  }

  #openCsms(outgoing: CsmsFrame, now: number): CsmsFrame {
    this.#csmsCall = outgoing.messageId;
    this.#csmsDeadline = now + (outgoing.timeoutMs ?? this.#limits.callTimeout);
    return outgoing;
  }

  #nextOfCsms(now: number): CsmsFrame | undefined {
    this.#csmsCall = undefined;
    this.#csmsDeadline = Infinity;
    const next = this.#queued?.shift();
    if (next === undefined) return undefined;
    if (this.#queued?.length === 0) this.#queued = undefined;
    return this.#openCsms(next, now);
  }
}

function stationFrame(
  frame: Frame,
  text: string,
  receivedAt: number,
  sequence: number,
  facts: TextFacts | undefined,
): StationFrame {
  const plain = { frame, text, receivedAt, sequence, deferredMs: deferredMs(frame) };
  return facts === undefined ? plain : { ...plain, ...facts };
}

function lateOrUnknown(id: string, expired: string | undefined): Dropped {
  return id === expired ? 'late-answer' : 'unknown-answer';
}

/** A step without the parts that are undefined. */
function step(parts: {
  forward?: StationFrame | undefined;
  write?: CsmsFrame | undefined;
  expired?: readonly string[];
}): Step {
  const { forward, write, expired } = parts;
  return {
    ...(forward && { forward }),
    ...(write && { write }),
    ...(expired && { expired }),
  };
}
