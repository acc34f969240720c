/** Texts of stations that could not be understood: what is kept of them, and how many. */
import type { Protocol } from '../ocpp/frame.ts';

/** Characters of a station's own text that are kept beside its repaired form, or as unreadable text. */
export const RAW_TEXT_KEPT = 4096;

/** A text that could not be understood, kept for a person in the bounded stream `unreadable`, with a quota per station. */
export interface UnreadableText {
  readonly stationId: string;
  readonly protocol: Protocol;
  /** Epoch of the connection; 0 where it is not known. */
  readonly epoch: number;
  /** ms since 1970 */
  readonly at: number;
  /** One line. */
  readonly reason: string;
  /** Messages about transactions have a quota of their own: garbage must not use it up. */
  readonly quota?: 'transactions';
  /** Cut at `RAW_TEXT_KEPT` characters. */
  readonly text: string;
}

/** Unreadable texts that are kept of one station within `UNREADABLE_QUOTA_SECONDS`, and of all stations. */
export const UNREADABLE_QUOTA = 20;
export const UNREADABLE_QUOTA_SECONDS = 3600;
export const UNREADABLE_KEPT = 10_000;

/** Stations remembered. */
const REMEMBERED = 20_000;

interface Used {
  count: number;
  /** ms since 1970 */
  readonly until: number;
}

/**
 * The quota of each station, so that one station's garbage pushes out no other's. A station that is forgotten has its
 * whole quota again here.
 */
export class UnreadableQuota {
  /** The one whose time began first comes first. */
  readonly #used = new Map<string, Used>();

  get size(): number {
    return this.#used.size;
  }

  /** @returns whether one more text of the station is kept. @param now ms since 1970 */
  take(stationId: string, now: number): boolean {
    const used = this.#used.get(stationId);
    if (used !== undefined && now < used.until) return ++used.count <= UNREADABLE_QUOTA;
    this.#used.delete(stationId);
    this.#used.set(stationId, { count: 1, until: now + UNREADABLE_QUOTA_SECONDS * 1000 });
    if (this.#used.size > REMEMBERED) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    for (const oldest of this.#used.keys()) {
      this.#used.delete(oldest);
      return;
    }
  }
}
