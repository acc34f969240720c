/** A first-come, first-served queue that releases entries at a rate and holds none longer than a bound. Its owner passes the time. */
import { PacedRate } from './rates.ts';

/** Why an entry has ended: the rate released it, it waited for the bound, or it left. */
export type Ended = 'released' | 'late' | 'left';

export interface QueuedEntry {
  readonly ended: Promise<Ended>;
  leave(): void;
}

interface Waiting {
  /** ms */
  readonly since: number;
  readonly settle: (ended: Ended) => void;
}

export class RateQueue {
  readonly #rate: PacedRate;
  readonly #maxWaitMs: number;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();

  /** @param perSecond is read each time: it may change. @param now ms */
  constructor(perSecond: () => number, maxWaitMs: number, now: number) {
    this.#rate = new PacedRate(perSecond, now);
    this.#maxWaitMs = maxWaitMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** How long an entry that joined now would wait at the current rate; ms. @param now ms */
  expectedWait(now: number): number {
    if (this.#waiting.size === 0 && this.#rate.permits(now)) return 0;
    return ((this.#waiting.size + 1) * 1000) / this.#rate.perSecond;
  }

  /** Undefined: there is no need to wait. @param now ms */
  join(now: number): QueuedEntry | undefined {
    if (this.#waiting.size === 0 && this.#rate.take(now)) return undefined;
    let settle: Waiting['settle'] = () => undefined;
    const ended = new Promise<Ended>((resolve) => {
      settle = resolve;
    });
    const waiting = { since: now, settle };
    this.#waiting.add(waiting);
    const leave = () => {
      if (this.#waiting.delete(waiting)) settle('left');
    };
    return { ended, leave };
  }

  /** Releases the entries that the rate permits, and ends those that have waited for the bound. @param now ms */
  release(now: number): void {
    for (const waiting of this.#waiting) {
      const isReleased = this.#rate.take(now);
      if (!isReleased && now - waiting.since < this.#maxWaitMs) return;
      this.#waiting.delete(waiting);
      waiting.settle(isReleased ? 'released' : 'late');
    }
  }

  /** All entries leave. */
  clear(): void {
    for (const waiting of this.#waiting) waiting.settle('left');
    this.#waiting.clear();
  }
}
