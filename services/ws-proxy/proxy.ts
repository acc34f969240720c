/**
 * A ws-proxy over any Gateway: the station server with its rules, the admin port, and the drain. The ws-proxy program
 * runs it over Redis, the monolith over memory.
 */
import { CertificateError } from '../certificates/certificate-error.ts';
import { ENV } from '../contract.ts';
import { faultAnswer } from '../ocpp/errors.ts';
import { type AdminServer, startAdminServer } from '../runtime/admin-server.ts';
import { systemClock } from '../runtime/clock.ts';
import { ConfigError, readAll } from '../runtime/config.ts';
import type { AppliedSettings } from '../runtime/gauges/settings-gauges.ts';
import { readAdminAccess } from '../runtime/program-settings.ts';
import type { Running } from '../runtime/lifecycle.ts';
import type { Log } from '../runtime/log.ts';
import type { CallTracing } from '../runtime/tracing/tracing.ts';
import type { Gateway } from '../transport/gateway.ts';
import type { DomainEvent } from '../transport/stored-state.ts';
import { StationServer } from '../station-server/station-server.ts';
import type { StationServerOptions } from '../station-server/station-server-options.ts';
import { createAdmission, readDefaultProtocol, readProtocols } from '../station-server/admission.ts';
import { TrustedNetworks } from '../station-server/forwarded/trusted-networks.ts';
import type { Registry } from 'prom-client';
import type { StationSocket } from '../station-server/station-socket.ts';
import { type ProxyAccess, createAccess } from './access/access.ts';
import { createAccessObserver } from './access/access-observer.ts';
import { ConnectedAccess } from './access/connected-access.ts';
import { StationCertificates } from './access/station-certificates.ts';
import { adminRoutes } from './admin.ts';
import type { ProxySettings } from './config.ts';
import type { Drain } from './drain/drain.ts';
import { HandshakeCounts } from './handshake-counts.ts';
import { readLimits } from './limit-settings.ts';
import { limitsOfListener } from './listener-limits.ts';
import { readListeners } from './listeners.ts';
import { createProxyMetrics, type ProxyMetrics } from './metrics.ts';
import { createObserver } from './observer.ts';
import { Pacing } from './pacing/pacing.ts';
import { createDrain } from './drain/proxy-drain.ts';
import { RefusedHandshakes } from './refused-handshakes.ts';
import { createRecorder, type Recorder } from './recorder/recorder.ts';
import { SelfTest } from './self-test.ts';
import { createTlsObserver } from './access/tls-observer.ts';
import { SelfTestSecret } from '../station-server/self-test.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import { transactionsAfter } from '../station-server/running-transactions.ts';

const PLAIN =
  'stations do not have to prove who they are here: a client that reaches these ports can be any station (docs/security.md)';

export class Proxy implements Running {
  readonly #settings: ProxySettings;
  readonly #gateway: Gateway;
  readonly #pacing: Pacing;
  readonly #log: Log;
  readonly #metrics: ProxyMetrics;
  readonly #server: StationServer;
  readonly #drain: Drain<StationSocket>;
  readonly #handshakes: HandshakeCounts;
  readonly #refused: RefusedHandshakes;
  readonly #selfTest: SelfTest;
  readonly #recorder: Recorder;
  readonly #access: ProxyAccess | undefined;
  /** Places of the listeners of security profile 0. */
  readonly #plainListeners: ReadonlySet<number>;
  readonly #connectedAccess: ConnectedAccess | undefined;
  readonly #certificates: StationCertificates;
  #admin: AdminServer | undefined;
  #wasConnected = false;
  #listening = false;

  /**
   * @param applied absent: the settings do not change
   * @param tracing absent: no CALL is traced
   * @throws ConfigError for contradictory settings
   */
  constructor(
    settings: ProxySettings,
    gateway: Gateway,
    log: Log,
    applied?: AppliedSettings,
    tracing?: CallTracing,
  ) {
    let drain: Drain<StationSocket> | undefined;
    const pacing = new Pacing(settings, gateway, systemClock, {
      draining: () => (drain?.mode === 'draining' ? this.#server.size : undefined),
      shedding: () => drain?.toShed ?? 0,
    });
    this.#settings = settings;
    this.#gateway = gateway;
    this.#pacing = pacing;
    this.#log = log;
    const sockets = () => this.#server.sockets;
    this.#certificates = new StationCertificates({ sockets, clock: systemClock, log });
    this.#metrics = createProxyMetrics({
      clock: systemClock,
      sessions: () => this.#server.sockets.size,
      sessionsByListener: () => this.#server.sessionsByListener,
      tls: () => this.#server.tlsStates,
      held: () => this.#server.heldBytes,
      unproven: () => [...this.#server.sockets].filter(({ grant }) => grant?.unproven !== undefined).length,
      sourceFailing: () => this.#access?.sourceFailing() === true,
      certificatesExpiring: (days) => this.#certificates.count(days),
      ...pacing.figures,
      recordedStations: () => this.#recorder.stations,
      load: () => gateway.load(),
      store: () => gateway.store?.(),
      applied,
    });
    const quiet = new QuietLog(log, systemClock);
    this.#refused = new RefusedHandshakes((refusals) => gateway.events.noteRefused(refusals));
    const emit = (event: DomainEvent) => gateway.events.emit(event);
    const observer = createObserver(this.#metrics, log, quiet, emit, this.#refused);
    const accessObserver = createAccessObserver(this.#metrics, quiet, emit);
    const onError = (error: Error) => observer.error(error);
    gateway.onError(onError);
    const metrics = this.#metrics;
    this.#recorder = createRecorder({ settings, gateway, clock: systemClock, metrics, onError });
    this.#handshakes = new HandshakeCounts();
    const rules = readRules(settings);
    const { listeners } = rules;
    this.#plainListeners = new Set(
      listeners.flatMap(({ securityProfile = 0 }, index) => (securityProfile === 0 ? [index] : [])),
    );
    this.#access = createAccess(settings, { listeners, state: gateway.state, observer: accessObserver, log });
    const { server, selfTest } = createStationServer(settings, rules, {
      gateway,
      sessions: pacing.sessions,
      line: pacing.line,
      observer: this.#handshakes.counting(observer),
      recorder: this.#recorder,
      tracing,
      ...(this.#access !== undefined && { access: this.#access.control }),
      tls: {
        observer: createTlsObserver(this.#metrics.tls, log),
        isEnforcing: () => settings.authenticationMode === 'Enforce',
        onClosed: (session) => accessObserver.closed(session, 'certificate'),
      },
    });
    this.#server = server;
    this.#selfTest = selfTest;
    this.#connectedAccess =
      this.#access &&
      new ConnectedAccess({
        control: this.#access.control,
        sockets: () => server.sockets,
        onClosed: ({ session }, fault) => accessObserver.closed(session, fault),
        onError: (error) => accessObserver.error(error),
        closesPerSecond: () => settings.drainRate,
      });
    drain = createDrain({ settings, server, gateway, pacing, metrics: this.#metrics, log });
    this.#drain = drain;
  }

  /**
   * Starts serving. The admin port answers first, so that readiness can report a store that is not connected yet.
   * @throws Error when a port is in use
   */
  /** Of the admin port. */
  get registry(): Registry {
    return this.#metrics.registry;
  }

  async start(): Promise<void> {
    const { host, adminPort } = this.#settings;
    this.#admin = await startAdminServer({
      host,
      port: adminPort,
      ...readAdminAccess(this.#settings),
      registry: this.#metrics.registry,
      live: () => undefined,
      ready: () => this.#unready(),
      routes: adminRoutes({
        drain: this.#drain,
        handshakes: this.#handshakes,
        rollouts: this.#gateway.rollouts,
        selfTest: this.#selfTest,
      }),
    });
    await this.#gateway.start();
    await this.#pacing.start();
    await this.#access?.start();
    this.#recorder.start();
    await this.#startServer();
    this.#connectedAccess?.start();
    this.#certificates.start();
    this.#listening = true;
    const plain = this.#server.ports.filter((_, index) => this.#plainListeners.has(index));
    if (plain.length > 0) this.#log.warn({ ports: plain }, PLAIN);
    this.#log.info({ gateway: this.#gateway.id, ports: this.#server.ports, host }, 'serving stations');
  }

  /** Ports for stations, in the order of the listeners. */
  get stationPorts(): readonly number[] {
    return this.#server.ports;
  }

  get adminPort(): number | undefined {
    return this.#admin?.port;
  }

  /** Drains (see drain.ts), then disconnects from the store. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#gateway.leave?.();
    this.#log.info({ signal, sessions: this.#server.size }, 'stopping');
    await this.#drain.stop();
    await this.#server.stop();
    this.#connectedAccess?.[Symbol.dispose]();
    this.#certificates[Symbol.dispose]();
    this.#access?.stop();
    this.#pacing.stop();
    this.#refused[Symbol.dispose]();
    await this.#recorder.stop();
    await this.#gateway.stop();
    this.#pacing[Symbol.dispose]();
    await this.#admin?.[Symbol.asyncDispose]();
    this.#log.info({}, 'stopped');
  }

  async #startServer(): Promise<void> {
    try {
      await this.#server.start();
    } catch (error) {
      throw asConfigError(error);
    }
  }

  #unready(): string | undefined {
    if (this.#drain.stopping) return 'draining: stations reconnect to other proxies';
    if (this.#drain.leaving) return 'leaving: ordered to give its stations to other proxies';
    // The store counts only until the first connection. Later its failure would remove all proxies from the Service at
    // once, although their sockets can wait for it.
    this.#wasConnected ||= this.#gateway.isHealthy();
    if (!this.#wasConnected) {
      return this.#gateway.store?.().problem?.message ?? 'not connected to the message store yet';
    }
    // A Service sends stations to every ready Pod, and one that does not listen yet refuses their connections.
    return this.#listening ? undefined : 'not listening for stations yet';
  }
}

/** The certificates of a listener are configuration: the program says what is wrong with them, and no more. */
const asConfigError = (error: unknown) =>
  error instanceof CertificateError ? new ConfigError(`${ENV.listeners}: ${error.message}`) : error;

/** @throws ConfigError for TLS suites that do not exist */
function createServer(options: StationServerOptions): StationServer {
  try {
    return new StationServer(options);
  } catch (error) {
    throw asConfigError(error);
  }
}

/** @throws ConfigError */
const readRules = (settings: ProxySettings) =>
  readAll({
    protocols: () => readProtocols(settings.protocols),
    defaultProtocol: () => readDefaultProtocol(settings.defaultProtocol, settings.protocols),
    listeners: () => readListeners(settings),
  });

function createStationServer(
  settings: ProxySettings,
  { protocols, defaultProtocol, listeners }: ReturnType<typeof readRules>,
  parts: Pick<
    StationServerOptions,
    'gateway' | 'sessions' | 'line' | 'observer' | 'recorder' | 'access' | 'tls' | 'tracing'
  >,
): { readonly server: StationServer; readonly selfTest: SelfTest } {
  const admission = {
    protocols,
    ...(defaultProtocol && { defaultProtocol }),
    get maxSessions() {
      return settings.maxSessions;
    },
    get reconnects() {
      return { burst: settings.reconnectBurst, perMinute: settings.reconnectsPerMinute };
    },
  };
  const { host } = settings;
  const secret = new SelfTestSecret();
  const options: StationServerOptions = {
    host,
    ...parts,
    listeners,
    clock: systemClock,
    admit: createAdmission(admission, systemClock),
    faultAnswer,
    transactionsAfter,
    get tolerant() {
      return settings.validation === 'Tolerant';
    },
    trusted: new TrustedNetworks(() => settings.trustedNetworks),
    limits: readLimits(settings),
    listenerLimits: ({ name = '' }) => limitsOfListener(settings.listenerLimits, name),
    selfTest: secret,
  };
  const server = createServer(options);
  const selfTest = new SelfTest({
    host,
    listeners: () => listeners.map((listener, i) => ({ ...listener, port: server.ports[i] ?? 0 })),
    protocol: protocols[0] ?? 'ocpp1.6',
    secret,
    exchange: (timeoutMs) => parts.gateway.selfTest(timeoutMs),
  });
  return { server, selfTest };
}
