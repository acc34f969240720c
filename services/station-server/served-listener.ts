/** A listener as a station server serves it: with the limits that apply there, and the number of stations that came through it. */
import type { ListenerFacts } from './handshake.ts';
import { limitsAt, type ListenerLimits, type StationServerLimits } from './limits.ts';
import type { SocketHost } from './socket-host.ts';
import type { StationSocket } from './station-socket.ts';

export class ServedListener {
  readonly limits: StationServerLimits;
  /** What all its sockets share. */
  readonly host: SocketHost;
  /** Open sockets. */
  sockets = 0;
  /** Handshakes in progress of stations that may connect. */
  opening = 0;
  /** One of them has closed. */
  readonly onClosed: (socket: StationSocket) => void;
  readonly #own: (() => ListenerLimits) | undefined;

  /**
   * @param host of the server
   * @param onClosed of the server
   * @param own limits of this listener, read each time; undefined: it has none
   */
  constructor(
    limits: StationServerLimits,
    host: SocketHost,
    onClosed: (socket: StationSocket, at: ServedListener) => void,
    own?: () => ListenerLimits,
  ) {
    this.limits = own === undefined ? limits : limitsAt(limits, own);
    // A spread would read what changes once.
    this.host = own === undefined ? host : Object.create(host, { limits: { value: this.limits } });
    this.onClosed = (socket) => onClosed(socket, this);
    this.#own = own;
  }

  /** What admission decides on; undefined without own limits. */
  get facts(): ListenerFacts | undefined {
    return this.#own && { ...this.#own(), sessions: this.sockets + this.opening };
  }
}
