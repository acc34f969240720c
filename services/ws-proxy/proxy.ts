/**
 * A ws-proxy over any Gateway: the station server with its rules, the admin port, and the drain. The ws-proxy program
 * runs it over Redis, the monolith over memory.
 */
import { faultAnswer } from '../ocpp/errors.ts';
import { type AdminServer, startAdminServer } from '../runtime/admin-server.ts';
import { sleep, systemClock } from '../runtime/clock.ts';
import { readAll } from '../runtime/config.ts';
import type { Running } from '../runtime/lifecycle.ts';
import type { Log } from '../runtime/log.ts';
import type { Gateway, StationSessions } from '../transport/gateway.ts';
import type { StationObserver } from '../station-server/socket-host.ts';
import { StationServer } from '../station-server/station-server.ts';
import { createAdmission, readDefaultProtocol, readProtocols } from '../station-server/admission.ts';
import { BootPacing } from './boot-pacing.ts';
import { type ProxySettings, readLimits } from './config.ts';
import { type DrainProgress, drain } from './drain.ts';
import { readListeners } from './listeners.ts';
import { createProxyMetrics, type ProxyMetrics } from './metrics.ts';
import { createObserver } from './observer.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import { transactionsAfter } from '../station-server/running-transactions.ts';

export class Proxy implements Running {
  readonly #settings: ProxySettings;
  readonly #gateway: Gateway;
  readonly #paced: BootPacing | undefined;
  readonly #log: Log;
  readonly #metrics: ProxyMetrics;
  readonly #server: StationServer;
  #admin: AdminServer | undefined;
  #draining = false;
  #wasConnected = false;

  /** @throws ConfigError for contradictory settings */
  constructor(settings: ProxySettings, gateway: Gateway, log: Log) {
    const paced = pacedBoots(settings, gateway);
    this.#settings = settings;
    this.#gateway = gateway;
    this.#paced = paced;
    this.#log = log;
    this.#metrics = createProxyMetrics({
      clock: systemClock,
      sessions: () => this.#server.sockets.size,
      held: () => this.#server.heldBytes,
      bootsWaiting: () => paced?.waiting ?? 0,
      load: () => gateway.load(),
      store: () => gateway.store?.(),
    });
    const observer = createObserver(this.#metrics, log, new QuietLog(log, systemClock), (event) =>
      gateway.events.emit(event),
    );
    gateway.onError((error) => observer.error(error));
    this.#server = createStationServer(settings, gateway, paced ?? gateway, observer);
  }

  /**
   * Starts serving. The admin port answers first, so that readiness can report a store that is not connected yet.
   * @throws Error when a port is in use
   */
  async start(): Promise<void> {
    const { host, adminPort } = this.#settings;
    this.#admin = await startAdminServer({
      host,
      port: adminPort,
      registry: this.#metrics.registry,
      live: () => undefined,
      ready: () => this.#unready(),
    });
    await this.#gateway.start();
    await this.#server.start();
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
    const { drainPropagation, drainRate, drainDeadline, drainTransactions } = this.#settings;
    this.#draining = true;
    this.#metrics.draining.set(1);
    this.#gateway.leave?.();
    this.#log.info({ signal, sessions: this.#server.size }, 'stopping');
    await drain(
      this.#server,
      {
        propagationMs: drainPropagation,
        socketsPerSecond: drainRate,
        deadlineMs: drainDeadline,
        transactions: drainTransactions,
      },
      this.#drainProgress(),
      { clock: systemClock, random: Math.random, sleep },
    );
    await this.#server.stop();
    await this.#gateway.stop();
    this.#paced?.[Symbol.dispose]();
    await this.#admin?.[Symbol.asyncDispose]();
    this.#log.info({}, 'stopped');
  }

  #drainProgress(): DrainProgress {
    return {
      phase: (phase, sessions) => this.#log.info({ phase, sessions }, 'drain'),
      forced: (sessions) => {
        this.#metrics.drainForced.inc(sessions);
        this.#log.warn({ sessions }, 'the drain deadline has passed: closing the remaining sockets');
      },
    };
  }

  #unready(): string | undefined {
    if (this.#draining) return 'draining: stations reconnect to other proxies';
    // The store counts only until the first connection. Later its failure would remove all proxies from the Service at
    // once, although their sockets can wait for it.
    this.#wasConnected ||= this.#gateway.isHealthy();
    if (this.#wasConnected) return undefined;
    return this.#gateway.store?.().problem?.message ?? 'not connected to the message store yet';
  }
}

/** Undefined without a boot rate. */
function pacedBoots({ bootRate, callTimeout }: ProxySettings, gateway: Gateway): BootPacing | undefined {
  if (bootRate === 0) return undefined;
  return new BootPacing(gateway, {
    bootsPerSecond: bootRate,
    maxWaitMs: callTimeout / 2,
    clock: systemClock,
  });
}

function createStationServer(
  settings: ProxySettings,
  gateway: Gateway,
  sessions: StationSessions,
  observer: StationObserver,
): StationServer {
  const { protocols, defaultProtocol, listeners } = readAll({
    protocols: () => readProtocols(settings.protocols),
    defaultProtocol: () => readDefaultProtocol(settings.defaultProtocol, settings.protocols),
    listeners: () => readListeners(settings),
  });
  const admission = {
    protocols,
    ...(defaultProtocol && { defaultProtocol }),
    maxSessions: settings.maxSessions,
    connectsPerSecond: settings.connectRate,
  };
  return new StationServer({
    host: settings.host,
    listeners,
    gateway,
    sessions,
    observer,
    clock: systemClock,
    admit: createAdmission(admission, systemClock),
    faultAnswer,
    transactionsAfter,
    tolerant: settings.validation === 'Tolerant',
    limits: readLimits(settings),
  });
}
