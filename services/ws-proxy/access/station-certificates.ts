/**
 * The client certificates of connected stations that expire soon: their number for metrics, and one log line a day with the identities
 * of some. An open socket outlives its certificate, and the next handshake of the station is refused.
 */
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { StationSocket } from '../../station-server/station-socket.ts';

export interface StationCertificatesOptions {
  readonly sockets: () => Iterable<Pick<StationSocket, 'session' | 'certificateExpires'>>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

/** ms */
const CHECK_INTERVAL = 300_000;
const DAY = 86_400_000;
/** Days before the end of a certificate from which on the log names its station. */
const REPORTED_DAYS = 7;
/** Stations that a log line names, those whose certificates expire first. */
const NAMED = 20;

export class StationCertificates implements Disposable {
  readonly #options: StationCertificatesOptions;
  /** ms since 1970 */
  #reportedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StationCertificatesOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.report(), CHECK_INTERVAL).unref();
  }

  /** Connected stations whose certificate expires within this time, or has expired. */
  count(days: number): number {
    return this.#expiring(days).length;
  }

  /** Logs the certificates that expire soon, unless it did so within the last day. */
  report(): void {
    const { clock, log } = this.#options;
    if (clock.now() - this.#reportedAt < DAY) return;
    const expiring = this.#expiring(REPORTED_DAYS).sort((a, b) => a.expires - b.expires);
    if (expiring.length === 0) return;
    this.#reportedAt = clock.now();
    const first = expiring.slice(0, NAMED).map(({ stationId, expires }) => {
      return { stationId, expires: new Date(expires).toISOString() };
    });
    log.warn(
      { stations: expiring.length, withinDays: REPORTED_DAYS, first },
      'certificates of connected stations expire soon; replace them, or the next handshakes are refused',
    );
  }

  #expiring(days: number): { readonly stationId: string; readonly expires: number }[] {
    const { sockets, clock } = this.#options;
    const end = clock.now() + days * DAY;
    return [...sockets()].flatMap(({ session, certificateExpires: expires }) =>
      expires === undefined || expires > end ? [] : [{ stationId: session.stationId, expires }],
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
