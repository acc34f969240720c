/**
 * A queue that releases entries at a rate and holds none longer than a bound. Entries are served in their order, in two classes:
 * those of the second class wait for the first, except that every tenth entry is one of theirs. Its owner passes the time.
 */
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

/** One of so many entries is of the second class, if one waits. */
const SECOND_CLASS = 10;

export class RateQueue {
  readonly #rate: PacedRate;
  readonly #maxWaitMs: number;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();
  /** Those that pass the others. */
  readonly #hurried = new Set<Waiting>();
  /** The second class; oldest first. */
  readonly #second = new Set<Waiting>();
  /** Entries of the first class that were released while others waited, since the last of those. */
  #ahead = 0;

  /** @param perSecond is read each time: it may change. @param now ms */
  constructor(perSecond: () => number, maxWaitMs: number, now: number) {
    this.#rate = new PacedRate(perSecond, now);
    this.#maxWaitMs = maxWaitMs;
  }

  get size(): number {
    return this.firstClass + this.secondClass;
  }

  get firstClass(): number {
    return this.#waiting.size + this.#hurried.size;
  }

  get secondClass(): number {
    return this.#second.size;
  }

  /** Whether an entry that joined now would have to wait. @param now ms */
  mustWait(now: number): boolean {
    return this.size > 0 || !this.#rate.permits(now);
  }

  /** Undefined: there is no need to wait. @param now ms */
  join(now: number, isSecondClass = false): QueuedEntry | undefined {
    if (this.size === 0 && this.#rate.take(now)) return undefined;
    let settle: Waiting['settle'] = () => undefined;
    const ended = new Promise<Ended>((resolve) => {
      settle = resolve;
    });
    const waiting = { since: now, settle };
    (isSecondClass ? this.#second : this.#waiting).add(waiting);
    const leave = () => {
      if (this.#all.some((some) => some.delete(waiting))) settle('left');
    };
    const hurry = () => {
      if (this.#waiting.delete(waiting) || this.#second.delete(waiting)) this.#hurried.add(waiting);
    };
    return { ended, leave, hurry };
  }

  /** Releases the entries that the rate permits, and ends those that have waited for the bound. @param now ms */
  release(now: number): void {
    while (this.size > 0 && this.#rate.take(now)) {
      const some = this.#next();
      for (const waiting of some) {
        some.delete(waiting);
        waiting.settle('released');
        break;
      }
    }
    for (const some of this.#all) {
      for (const waiting of some) {
        if (now - waiting.since < this.#maxWaitMs) break;
        some.delete(waiting);
        waiting.settle('late');
      }
    }
  }

  /** Ends the newest entries above so many as late, those of the second class before others. */
  trim(most: number): void {
    if (this.size <= most) return;
    for (const some of [this.#second, this.#waiting]) {
      const excess = [...some].slice(-Math.min(some.size, this.size - most));
      for (const waiting of excess) {
        some.delete(waiting);
        waiting.settle('late');
      }
      if (this.size <= most) return;
    }
  }

  /** All entries leave. */
  clear(): void {
    for (const some of this.#all) {
      for (const waiting of some) waiting.settle('left');
      some.clear();
    }
  }

  get #all(): readonly Set<Waiting>[] {
    return [this.#hurried, this.#waiting, this.#second];
  }

  /** Where the entry is that the rate releases next. */
  #next(): Set<Waiting> {
    const first = this.#hurried.size > 0 ? this.#hurried : this.#waiting;
    if (this.#second.size === 0) return first;
    this.#ahead += 1;
    if (first.size > 0 && this.#ahead < SECOND_CLASS) return first;
    this.#ahead = 0;
    return this.#second;
  }
}
