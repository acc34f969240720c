/**
 * One station's socket: proves what the station sends to be frames, lets one CALL at a time through to the
 * gateway, and writes what comes back.
 *
 * Bounded both ways: what was read and is not stored yet counts against a share, and a socket over its share
 * is paused; what the station does not read counts too, and a socket where it piles up is cut. Overload is
 * never answered with CALLERROR: in OCPP 1.6 (§3.7.1) a failing answer uses up the attempts of a
 * transaction message and can destroy billing data.
 *
 * There are tens of thousands of these in a process: what they share is in the SocketHost.
 */
import { WebSocket } from 'ws';
import { MessageType } from '../ocpp/frame.ts';
import { Peer, type StationFrame, type Step } from '../ocpp/peer.ts';
import { asError, TransportError } from '../transport/errors.ts';
import { BootAnswers } from './boot-answers.ts';
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
import { listen, type StationWebSocket } from './station-web-socket.ts';
import { UnheldRate } from './unheld-rate.ts';

/** Close codes (RFC 6455 §7.4.1, and 1012 of the IANA registry: come again, to somebody else). */
const CLOSE = { unsupported: 1003, serviceRestart: 1012 } as const;
/** A close reason is at most 123 bytes of UTF-8 (RFC 6455 §5.5). */
const MAX_CLOSE_REASON = 123;

export class StationSocket implements StationSink {
  readonly session: StationSession;
  readonly #host: SocketHost;
  readonly #onClosed: (socket: StationSocket) => void;
  readonly #peer: Peer;
  #ws: StationWebSocket | undefined;
  #connection: GatewayConnection | undefined;
  /** What the gateway said before the handshake was done. */
  #early: OutgoingFrame[] | undefined;
  #revoked: { readonly why: Revocation; readonly reason: string } | undefined;
  /** Of a replaced connection: when it is cut, unless its peer has closed it by then. */
  #cutAt = Infinity;
  #aliveAfterAll = false;
  /** Bytes given to the gateway and not stored yet; with what the peer holds, this socket's share. */
  #storing = 0;
  #counted = 0;
  #gone = false;
  #transactions = 0;
  readonly #unheld = new UnheldRate();
  readonly #boots = new BootAnswers();
  #pingAt = 0;
  #silentPings = 0;
  #closing: CloseReason | undefined;
  #leaving = false;

  constructor(session: StationSession, host: SocketHost, onClosed: (socket: StationSocket) => void) {
    this.session = session;
    this.#host = host;
    this.#onClosed = onClosed;
    this.#peer = new Peer(host.limits.peer);
  }

  get isOpen(): boolean {
    return this.#ws?.readyState === WebSocket.OPEN && this.#closing === undefined;
  }

  /** A CALL of either side waits for its answer. */
  get hasOpenCall(): boolean {
    return !this.#peer.idle;
  }

  get inTransaction(): boolean {
    return this.#transactions > 0;
  }

  /** The handshake is done. @param firstPing ms from now: random, so that pings of a fleet spread */
  attach(ws: StationWebSocket, connection: GatewayConnection, firstPing: number): void {
    this.#ws = ws;
    this.#connection = connection;
    this.#pingAt = this.#host.clock.now() + firstPing;
    listen(ws, this);
    this.#host.observer.opened(this.session);
    if (this.#revoked !== undefined) return this.revoked(this.#revoked.why, this.#revoked.reason);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) this.deliver(frame);
  }

  /** Looks at what time has brought: CALLs to give up, a ping to send, a peer that is gone. */
  sweep(now: number): void {
    if (now >= this.#cutAt) return this.#cut('replaced');
    if (now >= this.#peer.deadline) this.#perform(this.#peer.expire(now));
    if (this.#unheld.sweep(now)) this.#account();
    if (now < this.#pingAt || !this.isOpen) return;
    this.#pingAt = now + this.#host.limits.pingIntervalMs;
    // A paused socket does not even see a pong.
    if (this.#ws?.isPaused === true) this.#silentPings = 0;
    else if (this.#silentPings >= 2) this.#cut('silent');
    else {
      this.#silentPings += 1;
      this.#ws?.ping();
    }
  }

  received(data: Buffer, isBinary: boolean): void {
    const { observer, clock, tolerant } = this.#host;
    this.#silentPings = 0;
    this.#signOfLife();
    if (isBinary) {
      observer.received('binary');
      this.#keep('binary', 'OCPP-J messages are text', data.toString('utf8', 0, RAW_TEXT_KEPT));
      return this.close('binary', CLOSE.unsupported, 'OCPP-J messages are text');
    }
    const { text, read, facts } = readMessage(data, this.session.protocol, tolerant);
    if (!read.ok) {
      const { fault, writtenId } = read;
      observer.received(fault.kind);
      this.#countUnheld();
      this.#keep(fault.kind, fault.reason, text);
      const answer = faultText(this.#host.faultAnswer(this.session.protocol, fault), fault, writtenId);
      return answer === undefined ? undefined : this.#write(answer);
    }
    const { frame, malformed } = read;
    observer.received(malformed?.kind ?? frame.type);
    if (frame.type !== MessageType.Call) this.#countUnheld();
    if (this.#revoked !== undefined) return observer.dropped('revoked');
    if (facts?.repaired !== undefined) observer.repaired(facts.repaired.kinds);
    if (malformed !== undefined) this.#keep(malformed.kind, malformed.reason, text);
    this.#transactions = this.#host.transactionsAfter(this.#transactions, frame);
    this.#perform(this.#peer.receive(frame, read.text ?? text, clock.now(), facts));
  }

  #keep(kind: Unreadable, reason: string, text: string): void {
    this.#host.unreadable(kind, this.session, this.#connection?.epoch ?? 0, reason, text);
  }

  pinged(): void {
    this.#silentPings = 0;
    this.#countUnheld();
  }

  #countUnheld(): void {
    if (this.#unheld.count(this.#host.clock.now(), this.#host.limits.unheldPerSecond)) this.#account();
  }

  pong(): void {
    this.#silentPings = 0;
    this.#signOfLife();
  }

  /** Whoever is replaced and lives shares its identity with another, or has two connections. */
  #signOfLife(): void {
    if (this.#cutAt === Infinity || this.#aliveAfterAll) return;
    this.#aliveAfterAll = true;
    this.#host.observer.duplicate(this.session);
  }

  deliver(frame: OutgoingFrame): boolean {
    if (this.#ws === undefined) {
      this.#early ??= [];
      if (this.#early.length >= this.#host.limits.peer.maxQueued) return this.#drop('queue-full');
      this.#early.push(frame);
      return true;
    }
    // With the socket the CALLs that it held are gone: nothing may follow this answer.
    if (this.#gone) return this.#drop('closed');
    // A socket that is closing takes no CALL: it would count as sent.
    if (frame.type === MessageType.Call && !this.isOpen) return this.#drop('closing');
    const step = this.#peer.deliver(frame, this.#host.clock.now());
    this.#perform(step);
    return step.dropped === undefined;
  }

  #drop(why: string): boolean {
    this.#host.observer.dropped(why);
    return false;
  }

  /** The old connection of a station that has come again is half open as a rule: it is probed, and cut soon. */
  revoked(why: Revocation, reason: string): void {
    this.#revoked = { why, reason };
    if (why === 'replaced' && this.isOpen) {
      this.#cutAt = this.#host.clock.now() + this.#host.limits.probeTimeoutMs;
      this.#ws?.ping();
    }
    this.close(why === 'replaced' ? why : 'revoked', CLOSE.serviceRestart, reason);
  }

  closeForRestart(why: 'drain' | 'drain-forced' | 'stop'): void {
    this.close(why, CLOSE.serviceRestart, 'this server is going away, connect again');
  }

  /** Closes as soon as no CALL is open any more. */
  closeWhenAnswered(): void {
    this.#leaving = true;
    if (!this.hasOpenCall) this.closeForRestart('drain');
  }

  close(why: CloseReason, code: number, reason: string): void {
    const ws = this.#ws;
    if (ws === undefined) return;
    this.#closing ??= why;
    // Or the peer's Close would never be read.
    ws.resume();
    ws.close(code, Buffer.from(reason).subarray(0, MAX_CLOSE_REASON).toString());
  }

  /** For the listeners: the receiver found a message it cannot read, or TCP broke. */
  failed(error: Error & { code?: string }): void {
    this.#closing ??= error.code?.startsWith('WS_ERR') === true ? 'bad-message' : 'lost';
  }

  /** For the listeners: the socket is closed. */
  closed(code: number): void {
    this.#closing ??= code === 1006 ? 'lost' : 'station';
    // The peer has answered our Close.
    if (code !== 1006) this.#signOfLife();
    this.#gone = true;
    this.#account();
    this.#onClosed(this);
    this.#host.observer.closed(this.session, this.#closing, code);
    this.#connection?.close().catch((error: unknown) => this.#host.observer.error(asError(error)));
  }

  #perform(step: Step): void {
    if (step.dropped !== undefined) this.#host.observer.dropped(step.dropped);
    for (const _ of step.expired ?? []) this.#host.observer.dropped('unanswered');
    if (step.write !== undefined) {
      this.#boots.written(step.write);
      this.#write(step.write.text);
    }
    if (step.forward !== undefined) this.#forward(step.forward);
    this.#account();
    if (this.#leaving && !this.hasOpenCall && this.#closing === undefined) this.closeForRestart('drain');
  }

  #forward(incoming: StationFrame): void {
    this.#boots.forwarded(incoming.frame);
    const registration = this.#boots.last;
    const size = incoming.text.length;
    this.#storing += size;
    const stamped = registration === undefined ? incoming : { ...incoming, registration };
    this.#connection?.forward(stamped).then(
      () => {
        this.#host.observer.forwarded();
        this.#stored(size);
      },
      (error: unknown) => {
        // Not stored, so never answered: the station sends it again. The CALL stays open until its time is up,
        // so that none behind it overtakes one that may have been stored after all.
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

  /** Keeps the common count of held bytes, and reads on or not by it. */
  #account(): void {
    const { limits } = this.#host;
    const held = this.#storing + (this.#gone ? 0 : this.#peer.heldSize);
    this.#host.heldBytes += held - this.#counted;
    this.#counted = held;
    const ws = this.#ws;
    if (ws === undefined || this.#gone) return;
    const full = held > limits.maxHeldBytes || (held > 0 && this.#host.heldBytes > limits.maxHeldBytesOfAll);
    const over = full || this.#unheld.flooding;
    if (over && !ws.isPaused && this.isOpen) {
      this.#host.observer.paused(full ? 'held' : 'flood');
      ws.pause();
    } else if (!over && ws.isPaused) ws.resume();
  }

  #write(text: string): void {
    const ws = this.#ws;
    if (ws?.readyState !== WebSocket.OPEN) return this.#host.observer.dropped('closing');
    ws.send(text);
    if (ws.bufferedAmount > this.#host.limits.maxUnreadBytes) this.#cut('slow-reader');
  }

  #cut(why: CloseReason): void {
    this.#closing ??= why;
    this.#ws?.terminate();
  }
}
