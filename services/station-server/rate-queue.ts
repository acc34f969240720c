/** A first-come, first-served queue that releases entries at a rate and holds none longer than a bound. Its owner passes the time. */
import { PacedRate } from './rates.ts';

/** Why an entry has ended: the rate released it, it waited for the bound, or it left. */
export type Ended = 'released' | 'late' | 'left';

export interface QueuedEntry {
  readonly ended: Promise<Ended>;
  leave(): void;
  /** Passes the others, once: after those that did the same before. */
  hurry(): void;
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
  /** Those that pass the others. */
  readonly #hurried = new Set<Waiting>();

  /** @param perSecond is read each time: it may change. @param now ms */
  constructor(perSecond: () => number, maxWaitMs: number, now: number) {
    this.#rate = new PacedRate(perSecond, now);
    this.#maxWaitMs = maxWaitMs;
  }

  get size(): number {
    return this.#waiting.size + this.#hurried.size;
  }

  /** Whether an entry that joined now would have to wait. @param now ms */
  mustWait(now: number): boolean {
    return this.size > 0 || !this.#rate.permits(now);
  }

  /** Undefined: there is no need to wait. @param now ms */
  join(now: number): QueuedEntry | undefined {
    if (this.size === 0 && this.#rate.take(now)) return undefined;
    let settle: Waiting['settle'] = () => undefined;
    const ended = new Promise<Ended>((resolve) => {
      settle = resolve;
    });
    const waiting = { since: now, settle };
    this.#waiting.add(waiting);
    const leave = () => {
      if (this.#hurried.delete(waiting) || this.#waiting.delete(waiting)) settle('left');
    };
    const hurry = () => {
      if (this.#waiting.delete(waiting)) this.#hurried.add(waiting);
    };
    return { ended, leave, hurry };
  }

  /** Releases the entries that the rate permits, and ends those that have waited for the bound. @param now ms */
  release(now: number): void {
    for (const some of [this.#hurried, this.#waiting]) {
      for (const waiting of some) {
        const isReleased = this.#rate.take(now);
        if (!isReleased && now - waiting.since < this.#maxWaitMs) return;
        some.delete(waiting);
        waiting.settle(isReleased ? 'released' : 'late');
      }
    }
  }

  /** All entries leave. */
  clear(): void {
    for (const some of [this.#hurried, this.#waiting]) {
      for (const waiting of some) waiting.settle('left');
      some.clear();
    }
  }
}
