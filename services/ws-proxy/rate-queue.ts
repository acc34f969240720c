/** A first-come, first-served queue that releases entries at a rate and holds none longer than a bound. Its owner passes the time. */
import { TokenBucket } from '../station-server/rates.ts';

export interface QueuedEntry {
  /** Resolves to true when the entry is released, to false when it has left the queue. */
  readonly released: Promise<boolean>;
  leave(): void;
}

interface Waiting {
  /** ms */
  readonly since: number;
  readonly settle: (released: boolean) => void;
}

export class RateQueue {
  readonly #rate: TokenBucket;
  readonly #maxWaitMs: number;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();

  /** @param now ms */
  constructor(perSecond: number, maxWaitMs: number, now: number) {
    this.#rate = new TokenBucket(perSecond, now);
    this.#maxWaitMs = maxWaitMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Undefined: there is no need to wait. @param now ms */
  join(now: number): QueuedEntry | undefined {
    if (this.#waiting.size === 0 && this.#rate.take(now)) return undefined;
    let settle: Waiting['settle'] = () => undefined;
    const released = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const waiting = { since: now, settle };
    this.#waiting.add(waiting);
    const leave = () => {
      if (this.#waiting.delete(waiting)) settle(false);
    };
    return { released, leave };
  }

  /** Releases the entries that the rate permits, and those that have waited for the bound. @param now ms */
  release(now: number): void {
    for (const waiting of this.#waiting) {
      if (!this.#rate.take(now) && now - waiting.since < this.#maxWaitMs) return;
      this.#waiting.delete(waiting);
      waiting.settle(true);
    }
  }
}
