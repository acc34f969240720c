/** Token buckets by key: so many at once, and so many per second after that. Memory is bounded: the keys used last are kept. */
import type { Clock } from '../../runtime/clock.ts';

interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Keys that are remembered. */
const REMEMBERED = 10_000;

export class Rates {
  readonly #rate: Rate;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #buckets = new Map<string, { readonly left: number; readonly at: number }>();

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Takes one. @returns seconds until there is one again, and then nothing was taken; 0: it was taken */
  take(key: string): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#clock.now();
    const { left, at } = this.#buckets.get(key) ?? { left: burst, at: now };
    // A clock that was set back gives nothing and takes nothing.
    const current = Math.min(burst, left + (Math.max(0, now - at) / 1000) * perSecond);
    const taken = current >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: taken ? current - 1 : current, at: now });
    if (this.#buckets.size > REMEMBERED) this.#forgetOldest();
    return taken ? 0 : Math.ceil((1 - current) / perSecond);
  }

  #forgetOldest(): void {
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}
