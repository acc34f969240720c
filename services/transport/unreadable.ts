/** Texts of stations that could not be understood: what is kept, and how many. */
import type { Protocol } from '../ocpp/frame.ts';

/** Characters kept of an original text, beside its repaired form or as unreadable text. */
export const RAW_TEXT_KEPT = 4096;

/** An entry of the bounded stream `unreadable`, which operators read; each station has a quota. */
export interface UnreadableText {
  readonly stationId: string;
  readonly protocol: Protocol;
  /** Session epoch of the connection; 0 if unknown. */
  readonly epoch: number;
  /** ms since 1970 */
  readonly at: number;
  /** One line. */
  readonly reason: string;
  /** Messages about transactions have a separate quota, which garbage cannot use up. */
  readonly quota?: 'transactions';
  /** Cut at `RAW_TEXT_KEPT` characters. */
  readonly text: string;
}

/** Unreadable texts kept per station within `UNREADABLE_QUOTA_SECONDS`, and in total. */
export const UNREADABLE_QUOTA = 20;
export const UNREADABLE_QUOTA_SECONDS = 3600;
export const UNREADABLE_KEPT = 10_000;

/** Stations whose use of the quota is remembered. */
const REMEMBERED = 20_000;

interface Used {
  count: number;
  /** ms since 1970 */
  readonly until: number;
}

/**
 * A quota per station, so that the garbage of one station does not push out the texts of others. A station that is forgotten
 * regains its whole quota here.
 */
export class UnreadableQuota {
  /** Ordered by the begin of the quota period, oldest first. */
  readonly #used = new Map<string, Used>();

  get size(): number {
    return this.#used.size;
  }

  /** Uses one text of the quota. @returns whether there was one left @param now ms since 1970 */
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
