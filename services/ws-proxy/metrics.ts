/**
 * The metrics of a proxy. Labels are words of small sets, never a station's identity: each of a million identities would be
 * a time series.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { METRIC } from '../contract.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import { createRegistry } from '../runtime/default-metrics.ts';
import { createQueueGauges } from '../runtime/gauges/queue-gauges.ts';
import { RATE_NAMES, type RateName } from '../transport/rates.ts';
import { type AppliedSettings, createSettingsGauges } from '../runtime/gauges/settings-gauges.ts';
import { createStoreGauges, type StoreFigures } from '../runtime/gauges/store-gauges.ts';
import type { SocketObserver } from '../station-server/socket-host.ts';
import type { TlsState } from '../station-server/tls/tls-listener.ts';
import type { TransportLoad } from '../transport/transport.ts';
import { createTlsMetrics } from './access/tls-metrics.ts';

export interface ProxyMetricsSources {
  readonly sessions: () => number;
  readonly sessionsByListener?: () => readonly (readonly [listener: string, sessions: number])[];
  /** Of the listeners with certificates. */
  readonly tls?: () => readonly TlsState[];
  /** Bytes */
  readonly held: () => number;
  /** Connected stations that mode Enforce would refuse. */
  readonly unproven: () => number;
  readonly sourceFailing: () => boolean;
  /** Connected stations whose certificate expires within so many days. */
  readonly certificatesExpiring?: (days: number) => number;
  readonly bootsWaiting: () => number;
  readonly handshakesWaiting: () => number;
  readonly recordedStations?: () => number;
  /** Sockets whose session is lost. */
  readonly lost: () => number;
  /** What this process may use of a rate of the cluster, per second. */
  readonly share: (name: RateName) => number;
  readonly load: () => Promise<TransportLoad>;
  readonly store?: () => StoreFigures | undefined;
  readonly applied?: AppliedSettings | undefined;
  readonly clock: Clock;
}

/** Values of the label `within`. */
const EXPIRY_DAYS = [7, 30] as const;
/** Values of the label `why`. */
const PAUSES: readonly Parameters<SocketObserver['paused']>[0][] = ['held', 'flood', 'total'];
const LOSSES = ['buffer', 'store', 'memory'] as const;
/** Why recorded frames were lost: too many waited, Redis did not take them, or it is nearly full. */
export type Lost = (typeof LOSSES)[number];

export type ProxyMetrics = ReturnType<typeof createProxyMetrics>;

export function createProxyMetrics(sources: ProxyMetricsSources) {
  const registry = createRegistry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers });
  /** Begins with 0 for each of its values: Prometheus sees no first increase of a series that was not there. */
  const counterOf = <L extends string>(name: string, help: string, label: L, values: readonly string[]) => {
    const of = counter(name, help, label);
    for (const value of values) of.labels(value).inc(0);
    return of;
  };
  registerQueueGauges(registry, sources);
  createStoreGauges(registry, () => sources.store?.());
  createSettingsGauges(registry, sources.applied);
  return {
    registry,
    tls: createTlsMetrics(registry, () => sources.tls?.() ?? []),
    sessions: new Gauge({
      name: METRIC.proxySessions,
      help: 'Open station sockets',
      registers,
      collect() {
        this.set(sources.sessions());
      },
    }),
    listenerSessions: new Gauge({
      name: 'ocpp_proxy_listener_sessions',
      help: 'Open station sockets by listener; absent where listeners are given without names',
      labelNames: ['listener'],
      registers,
      collect() {
        for (const [listener, count] of sources.sessionsByListener?.() ?? []) this.set({ listener }, count);
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
    unproven: new Gauge({
      name: METRIC.proxyUnproven,
      help: 'Connected stations that mode Enforce would refuse',
      registers,
      collect() {
        this.set(sources.unproven());
      },
    }),
    certificatesExpiring: new Gauge({
      name: METRIC.stationCertificatesExpiring,
      help: 'Connected stations whose certificate expires within this time, or has expired',
      labelNames: ['within'],
      registers,
      collect() {
        const { certificatesExpiring: count } = sources;
        if (count === undefined) return;
        for (const days of EXPIRY_DAYS) this.set({ within: `${days}d` }, count(days));
      },
    }),
    sourceFailing: new Gauge({
      name: METRIC.stationSourceFailing,
      help: '1 while the entries of stations cannot be read: new stations may be refused',
      registers,
      collect() {
        this.set(sources.sourceFailing() ? 1 : 0);
      },
    }),
    accepted: counter(
      'ocpp_proxy_handshakes_unproven_total',
      'Handshakes that mode Report accepted and Enforce would refuse',
      'reason',
    ),
    enrolled: counter('ocpp_proxy_stations_enrolled_total', 'Stations whose first password was stored'),
    bootsWaiting: new Gauge({
      name: 'ocpp_proxy_boots_waiting',
      help: 'BootNotifications that wait because of the boot rate',
      registers,
      collect() {
        this.set(sources.bootsWaiting());
      },
    }),
    handshakesWaiting: new Gauge({
      name: METRIC.proxyHandshakesWaiting,
      help: 'Handshakes that wait in line because of the connect rate',
      registers,
      collect() {
        this.set(sources.handshakesWaiting());
      },
    }),
    lost: new Gauge({
      name: 'ocpp_proxy_sessions_lost',
      help: 'Open sockets whose session is lost; they are closed at the drain rate',
      registers,
      collect() {
        this.set(sources.lost());
      },
    }),
    share: new Gauge({
      name: METRIC.proxyRateShare,
      help: 'Share of this proxy of a rate of the cluster, per second; +Inf without a limit',
      labelNames: ['rate'],
      registers,
      collect() {
        for (const rate of RATE_NAMES) this.set({ rate }, sources.share(rate));
      },
    }),
    opened: counter('ocpp_proxy_sessions_opened_total', 'Stations that connected', 'protocol'),
    closed: counter('ocpp_proxy_sessions_closed_total', 'Station sockets closed', 'why'),
    duplicates: counter(
      'ocpp_proxy_duplicate_identities_total',
      'Connections that were alive when another connection of the same identity replaced them',
    ),
    refused: counter(METRIC.proxyRefused, 'Handshakes refused', 'status', 'reason'),
    received: counter(
      'ocpp_proxy_frames_received_total',
      'Messages from stations, by message type or fault',
      'type',
    ),
    forwarded: counter(METRIC.proxyForwarded, 'Frames from stations stored in the queue'),
    repaired: counter(
      'ocpp_proxy_texts_repaired_total',
      'Invalid frames from stations that were repaired, by kind of repair',
      'kind',
    ),
    unreadable: counter(
      'ocpp_proxy_unreadable_total',
      'Unreadable texts from stations, by reason; the first ones of each station are kept',
      'reason',
    ),
    paused: counterOf(
      'ocpp_proxy_sockets_paused_total',
      'Pauses of sockets: too many held bytes, or the station sends too fast',
      'why',
      PAUSES,
    ),
    dropped: counter('ocpp_proxy_frames_dropped_total', 'Frames that were dropped', 'why'),
    recordedStations: new Gauge({
      name: 'ocpp_proxy_recorded_stations',
      help: 'Stations that this proxy records: those of recordings, connected here or not, and its part of the share',
      registers,
      collect() {
        this.set(sources.recordedStations?.() ?? 0);
      },
    }),
    recorded: counter(
      'ocpp_proxy_recorded_frames_total',
      'Frames and markers that the flight recorder stored',
    ),
    recordingLost: counterOf(
      'ocpp_proxy_recorded_frames_lost_total',
      'Frames and markers that the flight recorder could not store',
      'why',
      LOSSES,
    ),
    draining: new Gauge({
      name: METRIC.proxyDraining,
      help: '1 while the proxy drains',
      registers,
    }),
    mode: new Gauge({
      name: METRIC.proxyMode,
      help: '1 for the mode of the proxy, 0 for the others',
      labelNames: ['mode'],
      registers,
    }),
    moved: counter(
      'ocpp_proxy_stations_moved_total',
      'Sockets closed to move their stations to another proxy',
    ),
    drainForced: counter(METRIC.proxyDrainForced, 'Sockets closed because the drain deadline passed'),
  };
}

/** Minimum interval between two readings of the queue, whatever the number of scrapes; ms. */
const READ_INTERVAL = 1000;
/** How long a scrape waits for a reading; ms. */
const READ_TIMEOUT = 2000;

/** The global figures of the queue, read when Prometheus scrapes. */
function registerQueueGauges(registry: Registry, { load, clock }: ProxyMetricsSources): void {
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> = Promise.resolve();
  const read = async () => {
    const at = clock.now();
    const timeout = new AbortController();
    const late = sleep(READ_TIMEOUT, timeout.signal).then(() => undefined);
    const figures = await Promise.race([load().catch(() => undefined), late]);
    timeout.abort();
    setFigures(figures, at);
  };
  const setFigures = createQueueGauges(registry, ['memoryShare'], () => {
    if (clock.now() - readAt >= READ_INTERVAL) {
      readAt = clock.now();
      reading = read();
    }
    return reading;
  });
}
