/**
 * The client certificates of open sockets. Node keeps a socket whose certificate is revoked, or whose CA is removed, so each change of a
 * client CA or a list is followed by a check of all of them, a few at a time.
 */
import type { X509Certificate } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';

/** A listener that judges certificates. */
export interface Trust {
  readonly removals: number;
  isStillTrusted(certificate: X509Certificate, since: number): boolean;
}

interface Entry {
  readonly tls: TLSSocket;
  readonly trust: Trust;
  readonly since: number;
}

/** Sockets in one turn of the event loop: a signature takes a tenth of a millisecond. */
const AT_ONCE = 50;

export class ConnectedCertificates<Socket> {
  readonly #entries = new Map<Socket, Entry>();
  readonly #close: (socket: Socket) => void;
  /** Whether they are closed: not in mode Report. */
  readonly #isEnforcing: () => boolean;
  /** A check is due, and did not run in mode Report. */
  #isDue = false;

  constructor(close: (socket: Socket) => void, isEnforcing: () => boolean) {
    this.#close = close;
    this.#isEnforcing = isEnforcing;
  }

  /**
   * A station with a verified certificate is connected.
   * @param since `removals` of its listener when the connection was accepted: a change since then is checked now
   */
  add(socket: Socket, tcp: Duplex, trust: Trust, since: number): void {
    if (!(tcp instanceof TLSSocket)) return;
    const entry = { tls: tcp, trust, since };
    this.#entries.set(socket, entry);
    if (this.#isEnforcing() && !isTrusted(entry)) this.#close(socket);
  }

  delete(socket: Socket): void {
    this.#entries.delete(socket);
  }

  /** Closes the sockets that are no longer trusted. It does not reject. */
  async check(): Promise<void> {
    this.#isDue = !this.#isEnforcing();
    if (this.#isDue) return;
    let count = 0;
    for (const [socket, entry] of this.#entries) {
      if (++count % AT_ONCE === 0) await turn();
      if (this.#entries.get(socket) === entry && !isTrusted(entry)) this.#close(socket);
    }
  }

  /** From time to time: the mode may have changed. */
  sweep(): void {
    if (this.#isDue && this.#isEnforcing()) void this.check();
  }
}

function isTrusted({ tls, trust, since }: Entry): boolean {
  // Undefined on a socket that has just ended.
  const certificate = tls.getPeerX509Certificate();
  return certificate === undefined || trust.isStillTrusted(certificate, since);
}
