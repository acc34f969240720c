/**
 * One station's socket: checks that messages are frames, forwards one CALL at a time to the gateway, and writes the
 * responses.
 *
 * Memory is bounded in both directions. A socket with too many bytes that are read and not stored yet is paused. A socket
 * with too many bytes that the station has not read is terminated. Overload never causes a CALLERROR: in OCPP 1.6
 * (§3.7.1) an error response uses up the attempts of a transaction message and can destroy billing data.
 *
 * A process has tens of thousands of these: shared state is in the SocketHost.
 */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Grant } from '../access/decide.ts';
import { MessageType } from '../ocpp/frame.ts';
import { type CsmsFrame, Peer, type StationFrame, type Step } from '../ocpp/peer.ts';
import { asError, TransportError } from '../transport/errors.ts';
import { BootAnswers } from './boot-answers.ts';
import { incomingEvent, outgoingEvent, type RecordedSocket, type SocketEvent } from './frame-recorder.ts';
import type {
  GatewayConnection,
  OutgoingFrame,
  Revocation,
  StationSession,
  StationSink,
} from '../transport/transport.ts';
import { RAW_TEXT_KEPT } from '../transport/unreadable.ts';
import { faultText, readMessage } from '../transport/reading.ts';
import type { CloseReason, SocketHost, Unreadable } from './socket-host.ts';
import { CLOSE, closeWith, listen, sendText, type StationWebSocket } from './station-web-socket.ts';
import { MessageRate } from './rates/rates.ts';
import { SocketTraces } from './socket-traces.ts';

export class StationSocket implements StationSink {
  readonly session: StationSession;
  readonly #host: SocketHost;
  readonly #onClosed: (socket: StationSocket) => void;
  readonly #peer: Peer;
  #ws: StationWebSocket | undefined;
  connection: GatewayConnection | undefined; // set by attach()
  /** By what it was let in; undefined without access control. */
  grant: Grant | undefined;
  /** When the verified certificate of its station expires, ms since 1970; undefined without one. */
  certificateExpires: number | undefined;
  /** Frames from the gateway before the handshake was complete. */
  #early: OutgoingFrame[] | undefined;
  #revoked: { readonly why: Revocation; readonly reason: string } | undefined;
  /** When a replaced connection is terminated, unless its peer has closed it; ms since 1970. */
  #terminateAt = Infinity;
  #reportedAlive = false;
  /** Bytes forwarded to the gateway and not stored yet; the peer holds more. */
  #storing = 0;
  #counted = 0;
  #closed = false;
  #transactions = 0;
  readonly #rate = new MessageRate();
  readonly #boots = new BootAnswers();
  readonly #traces: SocketTraces | undefined;
  #pingAt = 0;
  #silentPings = 0;
  #closing: CloseReason | undefined;
  /** Its Close may take seconds to be answered, and until then nothing of it counts. */
  #isRefused = false;
  /** Set: close as soon as no CALL is open, and call it just before. */
  #closeWhenIdle: (() => void) | undefined;

  constructor(session: StationSession, host: SocketHost, onClosed: (socket: StationSocket) => void) {
    this.session = session;
    this.#host = host;
    this.#onClosed = onClosed;
    this.#peer = new Peer(host.limits.peer);
    if (host.tracing !== undefined) this.#traces = new SocketTraces(host.tracing, session);
  }

  get isOpen(): boolean {
    return this.#ws?.readyState === WebSocket.OPEN && this.#closing === undefined;
  }

  /** A CALL of either side waits for its response. */
  get hasOpenCall(): boolean {
    return !this.#peer.idle;
  }

  get inTransaction(): boolean {
    return this.#transactions > 0;
  }

  /** The handshake is complete. @param firstPing ms from now: random, so that pings of a fleet spread */
  attach(ws: StationWebSocket, tcp: Duplex, connection: GatewayConnection, firstPing: number): void {
    this.#ws = ws;
    this.connection = connection;
    this.#pingAt = this.#host.clock.now() + firstPing;
    listen(ws, tcp, this);
    this.#host.observer.opened(this.session);
    this.#host.recorder?.opened(this.#recorded);
    if (this.#revoked !== undefined) return this.revoked(this.#revoked.why, this.#revoked.reason);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) this.deliver(frame);
  }

  /** Checks time limits: expired CALLs, a due ping, a silent peer. */
  sweep(now: number): void {
    if (now >= this.#terminateAt) return this.#terminate('replaced');
    if (now >= this.#peer.deadline) this.#perform(this.#peer.expire(now));
    if (this.#rate.sweep(now)) this.#account();
    if (now < this.#pingAt || !this.isOpen) return;
    this.#pingAt = now + this.#host.limits.pingIntervalMs;
    // A paused socket does not read pongs.
    if (this.#ws?.isPaused === true) this.#silentPings = 0;
    else if (this.#silentPings >= 2) this.#terminate('silent');
    else {
      this.#silentPings += 1;
      this.#ws?.ping();
    }
  }

  received(data: Buffer, isBinary: boolean): void {
    const { observer, clock, tolerant } = this.#host;
    if (this.#isRefused) return observer.dropped('access');
    this.#silentPings = 0;
    this.#alive();
    if (isBinary) {
      observer.received('binary');
      this.#keep('binary', 'OCPP-J messages are text', data.toString('utf8', 0, RAW_TEXT_KEPT));
      this.#record?.({ kind: 'unreadable', problem: 'binary', bytes: data.length });
      return this.close('binary', CLOSE.unsupported, 'OCPP-J messages are text');
    }
    const { text, read, facts } = readMessage(data, this.session.protocol, tolerant);
    if (!read.ok) {
      const { fault, writtenId } = read;
      observer.received(fault.kind);
      this.#countMessage();
      this.#keep(fault.kind, fault.reason, text);
      this.#record?.({ kind: 'unreadable', problem: fault.kind, bytes: data.length });
      const error = this.#host.faultAnswer(this.session.protocol, fault);
      const answer = faultText(error, fault, writtenId);
      if (error === undefined || answer === undefined) return;
      return this.#write({ type: error.type, messageId: error.id, text: answer });
    }
    const { frame, malformed } = read;
    observer.received(malformed?.kind ?? frame.type);
    this.#countMessage(frame.type === MessageType.Call);
    const recorded = this.#record && incomingEvent(frame, read.text ?? text, data.length, facts);
    if (this.#revoked !== undefined) {
      if (recorded !== undefined) this.#record?.({ ...recorded, problem: 'revoked' });
      return observer.dropped('revoked');
    }
    if (facts?.repaired !== undefined) observer.repaired(facts.repaired.kinds);
    if (malformed !== undefined) this.#keep(malformed.kind, malformed.reason, text);
    this.#transactions = this.#host.transactionsAfter(this.#transactions, frame);
    this.#traces?.arrived(frame);
    const step = this.#peer.receive(frame, read.text ?? text, clock.now(), facts);
    const problem = step.dropped ?? malformed?.kind;
    if (recorded !== undefined) this.#record?.(problem === undefined ? recorded : { ...recorded, problem });
    this.#perform(step);
  }

  #keep(kind: Unreadable, reason: string, text: string): void {
    this.#host.unreadable(kind, this.session, this.connection?.epoch ?? 0, reason, text);
  }

  get #recorded(): RecordedSocket {
    return { session: this.session, epoch: this.connection?.epoch ?? 0 };
  }

  /** Undefined while the station is not recorded. */
  get #record(): ((event: SocketEvent) => void) | undefined {
    const { recorder } = this.#host;
    if (recorder?.isRecorded(this.session.stationId) !== true) return undefined;
    return (event) => recorder.record(this.#recorded, event);
  }

  pinged(): void {
    this.#silentPings = 0;
    // ws cuts the connection of a peer that sends pings and does not read the answers.
    if (this.#ws?.readyState === WebSocket.CLOSING) this.#closing ??= 'slow-reader';
    this.#countMessage();
  }

  #countMessage(isCall = false): void {
    const { clock, limits, total } = this.#host;
    if (this.#rate.count(clock.now(), limits, total, isCall)) this.#account();
  }

  pong(): void {
    this.#silentPings = 0;
    this.#alive();
  }

  /** A replaced connection that is alive: two stations share one identity, or one station has two connections. */
  #alive(): void {
    if (this.#terminateAt === Infinity || this.#reportedAlive) return;
    this.#reportedAlive = true;
    this.#host.observer.duplicate(this.session);
  }

  deliver(frame: OutgoingFrame): boolean {
    if (this.#ws === undefined) {
      this.#early ??= [];
      if (this.#early.length >= this.#host.limits.peer.maxQueued) return this.#drop('queue-full', frame);
      this.#early.push(frame);
      return true;
    }
    // The CALLs that the socket held are lost with it: nothing may follow this response.
    if (this.#closed) return this.#drop('closed', frame);
    // A closing socket accepts no CALL: it would count as sent.
    if (frame.type === MessageType.Call && !this.isOpen) return this.#drop('closing', frame);
    const step = this.#peer.deliver(frame, this.#host.clock.now());
    if (step.dropped !== undefined) this.#record?.(outgoingEvent(frame, step.dropped));
    this.#perform(step);
    return step.dropped === undefined;
  }

  #drop(why: string, frame: OutgoingFrame): boolean {
    this.#host.observer.dropped(why);
    this.#record?.(outgoingEvent(frame, why));
    return false;
  }

  /** The previous connection of a reconnected station is usually half open: it is probed, and terminated soon. */
  revoked(why: Revocation, reason: string): void {
    this.#revoked = { why, reason };
    if (why === 'replaced' && this.isOpen) {
      this.#terminateAt = this.#host.clock.now() + this.#host.limits.probeTimeoutMs;
      this.#ws?.ping();
    }
    this.close(why === 'replaced' ? why : 'revoked', CLOSE.serviceRestart, reason);
  }

  /** Its credential, certificate or entry is no longer accepted. */
  closeForAccess(): void {
    this.#isRefused = true;
    this.close('access', CLOSE.policyViolation, 'this station is no longer accepted with these credentials');
  }

  closeForRestart(why: 'drain' | 'drain-forced' | 'stop'): void {
    this.close(why, CLOSE.serviceRestart, 'this server is shutting down, reconnect');
  }

  /** Closes as soon as no CALL is open. @param onClose is called just before it closes an open socket */
  closeWhenAnswered(onClose: () => void): void {
    this.#closeWhenIdle = onClose;
    this.#closeIfDue();
  }

  /** Takes closeWhenAnswered back. */
  keepOpen(): void {
    this.#closeWhenIdle = undefined;
  }

  #closeIfDue(): void {
    if (this.#closeWhenIdle === undefined || this.hasOpenCall || !this.isOpen) return;
    this.#closeWhenIdle();
    this.closeForRestart('drain');
  }

  close(why: CloseReason, code: number, reason: string): void {
    if (this.#ws === undefined) return;
    this.#closing ??= why;
    closeWith(this.#ws, code, reason);
  }

  /** For the listeners: a message that the receiver cannot read, or a TCP error. */
  failed(error: Error & { code?: string }): void {
    this.#closing ??= error.code?.startsWith('WS_ERR') === true ? 'bad-message' : 'lost';
  }

  /** For the listeners: the socket is closed. */
  closed(code: number): void {
    this.#closing ??= code === 1006 ? 'lost' : 'station';
    // The peer has answered the Close frame.
    if (code !== 1006) this.#alive();
    this.#closed = true;
    this.#account();
    this.#traces?.closed();
    this.#onClosed(this);
    this.#host.observer.closed(this.session, this.#closing, code);
    this.#host.recorder?.closed(this.#recorded, this.#closing);
    this.connection?.close().catch((error: unknown) => this.#host.observer.error(asError(error)));
  }

  #perform(step: Step): void {
    if (step.dropped !== undefined) this.#host.observer.dropped(step.dropped);
    for (const messageId of step.expired ?? []) {
      this.#host.observer.dropped('unanswered');
      this.#record?.({ kind: 'unanswered', messageId });
    }
    if (step.expired !== undefined) this.#traces?.expired(step.expired);
    if (step.write !== undefined) {
      this.#boots.written(step.write);
      this.#write(step.write);
    }
    if (step.forward !== undefined) this.#forward(step.forward);
    this.#account();
    this.#closeIfDue();
  }

  #forward(incoming: StationFrame): void {
    // A CALL that was held is of no use to anyone either.
    if (this.#isRefused) return this.#host.observer.dropped('access');
    this.#boots.forwarded(incoming.frame);
    const registration = this.#boots.last;
    const size = incoming.text.length;
    this.#storing += size;
    const stamped = registration === undefined ? incoming : { ...incoming, registration };
    const { frame = stamped, trace } = this.#traces?.forwarding(stamped) ?? {};
    this.connection?.forward(frame).then(
      () => {
        trace?.stored(true);
        this.#host.observer.forwarded();
        this.#stored(size);
      },
      (error: unknown) => {
        trace?.stored(false);
        // Not stored, so never answered: the station sends it again. The CALL stays open until it expires, so that
        // no later CALL overtakes one that may have been stored after all.
        this.#host.observer.dropped('not-stored');
        this.#host.observer.error(asError(error));
        this.#stored(size);
        if (!(error instanceof TransportError && error.retryable)) {
          this.close('refused', CLOSE.serviceRestart, 'the session ended');
        }
      },
    );
  }

  #stored(size: number): void {
    this.#storing -= size;
    this.#account();
  }

  /** Updates the shared count of held bytes, and pauses or resumes the socket accordingly. */
  #account(): void {
    const { limits } = this.#host;
    const held = this.#storing + (this.#closed ? 0 : this.#peer.heldSize);
    this.#host.held.bytes += held - this.#counted;
    this.#counted = held;
    const ws = this.#ws;
    if (ws === undefined || this.#closed) return;
    const full = held > limits.maxHeldBytes || (held > 0 && this.#host.held.bytes > limits.maxHeldBytesOfAll);
    const over = full ? 'held' : this.#rate.over;
    if (over !== undefined && !ws.isPaused && this.isOpen) {
      this.#host.observer.paused(over);
      ws.pause();
    } else if (over === undefined && ws.isPaused) ws.resume();
  }

  #write(frame: CsmsFrame): void {
    const ws = this.#ws;
    if (ws?.readyState !== WebSocket.OPEN) return void this.#drop('closing', frame);
    this.#record?.(outgoingEvent(frame));
    sendText(ws, frame.text);
    this.#traces?.written(frame);
    if (ws.bufferedAmount > this.#host.limits.maxUnreadBytes) this.#terminate('slow-reader');
  }

  #terminate(why: CloseReason): void {
    this.#closing ??= why;
    this.#ws?.terminate();
  }
}
