/**
 * How many unreadable texts are kept of each station: a few within a time, so that one station's garbage pushes out no
 * other's. What is remembered is bounded; a station that is forgotten has its whole quota again here.
 */
import { UNREADABLE_QUOTA, UNREADABLE_QUOTA_SECONDS } from './transport.ts';

/** Stations remembered. */
const REMEMBERED = 20_000;

interface Used {
  count: number;
  /** ms since 1970 */
  readonly until: number;
}

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
