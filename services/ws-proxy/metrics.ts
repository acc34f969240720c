/**
 * What a proxy tells Prometheus. Labels are words of small sets: never a station's identity, of which there are
 * a million and each would be a time series.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { METRIC } from '../contract.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { TransportLoad } from '../transport/transport.ts';

export interface ProxyMetricsSources {
  readonly sessions: () => number;
  /** Bytes */
  readonly held: () => number;
  readonly bootsWaiting: () => number;
  readonly load: () => Promise<TransportLoad>;
  readonly clock: Clock;
}

export type ProxyMetrics = ReturnType<typeof createProxyMetrics>;

export function createProxyMetrics(sources: ProxyMetricsSources) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers });
  registerQueueFigures(registers, sources);
  return {
    registry,
    sessions: new Gauge({
      name: METRIC.proxySessions,
      help: 'Open station sockets',
      registers,
      collect() {
        this.set(sources.sessions());
      },
    }),
    held: new Gauge({
      name: 'ocpp_proxy_held_bytes',
      help: 'Bytes of frames that are read and not stored yet',
      registers,
      collect() {
        this.set(sources.held());
      },
    }),
    bootsWaiting: new Gauge({
      name: 'ocpp_proxy_boots_waiting',
      help: 'BootNotifications that are held back, as too many came at once',
      registers,
      collect() {
        this.set(sources.bootsWaiting());
      },
    }),
    opened: counter('ocpp_proxy_sessions_opened_total', 'Stations that connected', 'protocol'),
    closed: counter('ocpp_proxy_sessions_closed_total', 'Station sockets closed', 'why'),
    duplicates: counter(
      'ocpp_proxy_duplicate_identities_total',
      'Connections replaced by another of the same identity while they were alive',
    ),
    refused: counter(METRIC.proxyRefused, 'Handshakes refused', 'status', 'reason'),
    received: counter('ocpp_proxy_frames_received_total', 'Messages of stations by what they are', 'type'),
    forwarded: counter(METRIC.proxyForwarded, 'Frames of stations stored in the queue'),
    repaired: counter(
      'ocpp_proxy_texts_repaired_total',
      'Texts of stations that were no valid frame and were repaired, by kind of repair',
      'kind',
    ),
    unreadable: counter(
      'ocpp_proxy_unreadable_total',
      'Texts of stations that say nothing, by the reason; each station’s first ones are kept',
      'reason',
    ),
    paused: counter(
      'ocpp_proxy_sockets_paused_total',
      'Sockets not read for a while: too much is held, or the station sends too fast',
      'why',
    ),
    dropped: counter('ocpp_proxy_frames_dropped_total', 'Frames that went no further', 'why'),
    draining: new Gauge({
      name: METRIC.proxyDraining,
      help: '1 from the order to stop until the end',
      registers,
    }),
    drainForced: counter(METRIC.proxyDrainForced, 'Sockets closed because the drain deadline passed'),
  };
}

/** The queue is asked for its figures at most this often, however many scrape; ms. */
const LOAD_PAUSE = 1000;
/** A scrape waits no longer than this for them; ms. */
const LOAD_PATIENCE = 2000;

/**
 * The queue's global figures. Until they could be read they are absent, and when they cannot be
 * read any more they stay with the time of their reading: never a zero that nobody measured.
 */
function registerQueueFigures(registers: Registry[], sources: ProxyMetricsSources): void {
  const { load, clock } = sources;
  let askedAt = Number.NEGATIVE_INFINITY;
  let sampling: Promise<void> = Promise.resolve();
  const sample = async () => {
    const at = clock.now();
    const figures = await load().catch(() => undefined);
    if (figures === undefined) return;
    depth.set(figures.depth);
    oldest.set(figures.oldestSeconds);
    inFlight.set(figures.inFlight);
    if (figures.memoryShare === undefined) memoryShare.remove();
    else memoryShare.set(figures.memoryShare);
    sampledAt.set(at / 1000);
  };
  const collect = () => {
    if (clock.now() - askedAt >= LOAD_PAUSE) {
      askedAt = clock.now();
      sampling = Promise.race([sample(), sleep(LOAD_PATIENCE)]);
    }
    return sampling;
  };
  const figure = (name: string, help: string) => {
    const gauge = new Gauge({ name, help, registers, collect });
    gauge.remove();
    return gauge;
  };
  const depth = figure(METRIC.queueDepth, 'Frames stored and not yet taken by any processor (global)');
  const oldest = figure(METRIC.queueOldestSeconds, 'Age in seconds of the oldest of them (global)');
  const inFlight = figure(METRIC.queueInFlight, 'Deliveries taken and not yet finished (global)');
  const memoryShare = figure(
    METRIC.storeMemoryShare,
    'Share of its maxmemory that Redis uses; from 0.85 on no further stations are let in (global)',
  );
  const sampledAt = figure(METRIC.queueSampledAt, 'When these figures were read, seconds since 1970');
}
