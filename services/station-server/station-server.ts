/**
 * The endpoint that stations connect to: listeners, handshakes (upgrades.ts), and the set of open station sockets over a Gateway.
 *
 * One timer serves all sockets: an idle socket costs no timer and no closure.
 */
import { RAW_TEXT_KEPT } from '../transport/unreadable.ts';
import { isMeantAsHandshake } from './handshake.ts';
import { Connections } from './forwarded/connections.ts';
import { Clients } from './forwarded/clients.ts';
import { TRUST_NONE } from './forwarded/trusted-networks.ts';
import { limitsOf, type StationServerLimits } from './limits.ts';
import { ServedListener } from './served-listener.ts';
import type { StationListener } from './station-listener.ts';
import type { SocketHost } from './socket-host.ts';
import { StationListeners } from './listeners.ts';
import { NO_UPGRADE } from './refusals.ts';
import { SharedRate } from './rates/shared-rate.ts';
import { StationSocket } from './station-socket.ts';
import { ConnectedCertificates } from './tls/connected-certificates.ts';
import type { TlsState } from './tls/tls-listener.ts';

import type { StationServerOptions, StationServerTls } from './station-server-options.ts';
import { Upgrades } from './upgrades.ts';

const NO_TLS: StationServerTls = {
  observer: { applied: ignore, refused: ignore, secured: ignore },
  isEnforcing: () => true,
  onClosed: ignore,
};

/** Interval of the sweep over all sockets; ms. */
const SWEEP_INTERVAL = 1000;
export class StationServer implements AsyncDisposable {
  /** Open sockets, including those in the closing handshake. */
  readonly sockets = new Set<StationSocket>();
  readonly #options: StationServerOptions;
  readonly #limits: StationServerLimits;
  readonly #host: SocketHost;
  readonly #served: ReadonlyMap<StationListener, ServedListener>;
  readonly #listeners: StationListeners;
  readonly #certificates: ConnectedCertificates<StationSocket>;
  readonly #upgrades: Upgrades;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: StationServerOptions) {
    this.#options = options;
    this.#limits = limitsOf(options.limits);
    const { trusted = TRUST_NONE } = options;
    const connections = new Connections(this.#limits);
    const clients = new Clients(connections, trusted, options.clock);
    const { clock, observer, faultAnswer, transactionsAfter, gateway, recorder, tracing } = options;
    this.#host = {
      limits: this.#limits,
      clock,
      observer,
      faultAnswer,
      transactionsAfter,
      ...(recorder !== undefined && { recorder }),
      get tolerant() {
        return options.tolerant ?? true;
      },
      unreadable(kind, { stationId, protocol }, epoch, reason, text) {
        observer.unreadable(kind);
        const kept = { stationId, protocol, epoch, at: clock.now(), reason };
        gateway.events.keepUnreadable({ ...kept, text: text.slice(0, RAW_TEXT_KEPT) });
      },
      total: new SharedRate(),
      tracing,
      held: { bytes: 0 },
    };
    const { host, listeners, tls = NO_TLS, listenerLimits } = options;
    this.#served = new Map(
      listeners.map((listener) => [
        listener,
        new ServedListener(
          this.#limits,
          this.#host,
          (...closed) => this.#closed(...closed),
          listenerLimits && (() => listenerLimits(listener)),
        ),
      ]),
    );
    this.#certificates = new ConnectedCertificates((socket) => {
      socket.closeForAccess();
      tls.onClosed(socket.session);
    }, tls.isEnforcing);
    this.#listeners = new StationListeners({
      host,
      clock,
      tls: { ...tls, onTrustChanged: () => void this.#certificates.check() },
      listeners,
      limitsAt: (listener) => this.#at(listener).limits,
      connections,
      trusted,
      onUpgrade: (...upgrade) => void this.#upgrades.handle(...upgrade),
      onRequest: (request) => {
        if (isMeantAsHandshake(request)) observer.refused(NO_UPGRADE, clients.factsOf(request));
      },
      onRefused: (...refused) => observer.refused(...refused),
    });
    this.#upgrades = new Upgrades({
      options,
      limits: this.#limits,
      clients,
      sessions: () => this.sockets.size,
      at: (listener) => this.#at(listener),
      newSocket: (session, at) => new StationSocket(session, at.host, at.onClosed),
      securedBy: (listener) => this.#listeners.securedBy(listener),
      opened: (socket, at) => {
        this.sockets.add(socket);
        at.sockets += 1;
      },
      certified: (socket, ...certificate) => {
        if (this.sockets.has(socket)) this.#certificates.add(socket, ...certificate);
      },
      random: options.random ?? Math.random,
    });
  }

  /** Number of sessions, including handshakes in progress. */
  get size(): number {
    return this.sockets.size + this.#upgrades.opening;
  }

  /** Open sockets by listener, of those with a name. */
  get sessionsByListener(): readonly (readonly [listener: string, sessions: number])[] {
    return [...this.#served].flatMap(([{ name }, { sockets }]) =>
      name === undefined ? [] : [[name, sockets] as const],
    );
  }

  /** Bytes of frames that are read and not stored yet. */
  get heldBytes(): number {
    return this.#host.held.bytes;
  }

  /** Ports for stations, in the order of the listeners. */
  get ports(): readonly number[] {
    return this.#listeners.ports;
  }

  /** Of the listeners with certificates. */
  get tlsStates(): readonly TlsState[] {
    return this.#listeners.tlsStates;
  }

  /** Rejects when an address is not available, and with CertificateError for bad files of a listener. */
  async start(): Promise<void> {
    await this.#listeners.start();
    const interval = Math.min(SWEEP_INTERVAL, this.#limits.pingIntervalMs / 4);
    this.#sweeper = setInterval(() => this.#sweep(), interval);
  }

  /** Answers all further handshakes with 503, including those in progress. */
  refuseUpgrades(): void {
    this.#upgrades.refusing = true;
    this.#options.line?.clear();
  }

  /** Takes refuseUpgrades back. */
  acceptUpgrades(): void {
    this.#upgrades.refusing = false;
  }

  #at(listener: StationListener): ServedListener {
    const served = this.#served.get(listener);
    if (served === undefined) throw new Error(`no listener with port ${listener.port}`);
    return served;
  }

  #closed(socket: StationSocket, at: ServedListener): void {
    if (this.sockets.delete(socket)) at.sockets -= 1;
    this.#certificates.delete(socket);
  }

  /** Closes the remaining sockets and the listeners. */
  async stop(): Promise<void> {
    this.refuseUpgrades();
    for (const socket of this.sockets) socket.closeForRestart('stop');
    await this.#listeners.close();
    clearInterval(this.#sweeper);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #sweep(): void {
    const now = this.#options.clock.now();
    for (const socket of this.sockets) socket.sweep(now);
    this.#certificates.sweep();
  }
}

function ignore(): void {}
