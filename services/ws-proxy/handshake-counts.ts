/**
 * How many handshakes were accepted and how many failed, for the comparison of a new version with the one before it.
 */
import { ACCESS_FAULTS } from '../access/decide.ts';
import type { DrainReport } from '../contract.ts';
import type { RefusalCode } from '../station-server/handshake.ts';
import type { StationObserver } from '../station-server/socket-host.ts';

/**
 * Refusals of stations that another version might accept. The others pace stations, are probes and scanners, or say that the
 * store is away.
 */
const FAILURES: ReadonlySet<RefusalCode> = new Set([
  'sessions',
  'listener-sessions',
  'connections',
  'proxy-protocol',
  'untrusted',
  'insecure',
  'path',
  'source-away',
  ...ACCESS_FAULTS,
  'identity',
  'no-subprotocol',
  'unknown-subprotocol',
]);

export class HandshakeCounts {
  #accepted = 0;
  #failed = 0;

  get report(): DrainReport['handshakes'] {
    return { accepted: this.#accepted, failed: this.#failed };
  }

  /** The same observer; its events are counted too. */
  counting(observer: StationObserver): StationObserver {
    return {
      ...observer,
      opened: (session) => {
        this.#accepted += 1;
        observer.opened(session);
      },
      refused: (refusal, handshake) => {
        if (FAILURES.has(refusal.code)) this.#failed += 1;
        observer.refused(refusal, handshake);
      },
    };
  }
}
