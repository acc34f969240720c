/** Turns at a rate, first come, first served, where nobody waits longer than a bound. Its owner keeps the time. */
import { TokenBucket } from '../station-server/token-bucket.ts';

export interface Turn {
  /** Resolves to whether it has come; false: it was given up. */
  readonly come: Promise<boolean>;
  /** Leaves the queue. */
  giveUp(): void;
}

interface Waiting {
  /** ms */
  readonly since: number;
  readonly settle: (come: boolean) => void;
}

export class Turns {
  readonly #rate: TokenBucket;
  readonly #maxWaitMs: number;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();

  /** @param now ms */
  constructor(perSecond: number, maxWaitMs: number, now: number) {
    this.#rate = new TokenBucket(perSecond, now);
    this.#maxWaitMs = maxWaitMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Undefined: it is one's turn at once. @param now ms */
  ask(now: number): Turn | undefined {
    if (this.#waiting.size === 0 && this.#rate.take(now)) return undefined;
    let settle: Waiting['settle'] = () => undefined;
    const come = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const waiting = { since: now, settle };
    this.#waiting.add(waiting);
    const giveUp = () => {
      if (this.#waiting.delete(waiting)) settle(false);
    };
    return { come, giveUp };
  }

  /** Lets those go whose turn has come, and those that have waited long enough. @param now ms */
  grant(now: number): void {
    for (const waiting of this.#waiting) {
      if (!this.#rate.take(now) && now - waiting.since < this.#maxWaitMs) return;
      this.#waiting.delete(waiting);
      waiting.settle(true);
    }
  }
}
