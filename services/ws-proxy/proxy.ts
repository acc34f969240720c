/**
 * A ws-proxy over any Gateway: the station server with its rules, the admin port, and the drain. The
 * program of that name runs it over Redis, the monolith over memory.
 */
import { faultAnswer } from '../ocpp/errors.ts';
import { type AdminServer, startAdminServer } from '../runtime/admin-server.ts';
import { sleep, systemClock } from '../runtime/clock.ts';
import type { Running } from '../runtime/lifecycle.ts';
import type { Log } from '../runtime/log.ts';
import type { Gateway, StationSessions } from '../transport/gateway.ts';
import type { StationObserver } from '../station-server/socket-host.ts';
import { StationServer } from '../station-server/station-server.ts';
import { createAdmission, readDefaultProtocol, readProtocols } from '../station-server/admission-rules.ts';
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
  #hadContact = false;

  /** @throws Error when a setting makes no sense */
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
    });
    const observer = createObserver(this.#metrics, log, new QuietLog(log, systemClock), (event) =>
      gateway.events.emit(event),
    );
    gateway.onError((error) => observer.error(error));
    this.#server = createStationServer(settings, gateway, paced ?? gateway, observer);
  }

  /**
   * Starts serving. The admin port answers first, so that a proxy which has not found its store yet says so.
   * @throws Error when a port is taken
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

  /** Where stations connect, in the order of the listeners. */
  get stationPorts(): readonly number[] {
    return this.#server.ports;
  }

  get adminPort(): number | undefined {
    return this.#admin?.port;
  }

  /** Drains (see drain.ts), then lets go of the store. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const { drainPropagation, drainRate, drainDeadline, drainTransactions } = this.#settings;
    this.#draining = true;
    this.#metrics.draining.set(1);
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
        this.#log.warn({ sessions }, 'the drain deadline has passed: closing what is left');
      },
    };
  }

  #unready(): string | undefined {
    if (this.#draining) return 'draining: stations are sent to other proxies';
    // The store counts only until the first contact. Later it would take every proxy out of its Service at
    // once, and with them the sockets that can wait for it.
    this.#hadContact ||= this.#gateway.isHealthy();
    return this.#hadContact ? undefined : 'no contact with the message store yet';
  }
}

/** Undefined: boots are forwarded immediately. */
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
  const protocols = readProtocols(settings.protocols);
  const defaultProtocol = readDefaultProtocol(settings.defaultProtocol, protocols);
  const admission = {
    protocols,
    ...(defaultProtocol && { defaultProtocol }),
    maxSessions: settings.maxSessions,
    connectsPerSecond: settings.connectRate,
  };
  return new StationServer({
    host: settings.host,
    listeners: readListeners(settings),
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
