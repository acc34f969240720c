/**
 * Stops requests to a service that fails: after some failures in a row it is not asked for a while, and then by one request
 * at a time until one succeeds. Callers fail at once instead of waiting for time-outs.
 */
import type { Clock } from './clock.ts';

export interface BreakerLimits {
  /** Failures in a row that open the breaker. */
  readonly failures: number;
  /** How long it stays open; ms. */
  readonly pauseMs: number;
}

/** `half-open`: the pause is over, and the next request decides. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export class CircuitBreaker {
  readonly #limits: BreakerLimits;
  readonly #clock: Clock;
  #failures = 0;
  #openUntil: number | undefined;
  #trying = false;

  constructor(limits: BreakerLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get state(): BreakerState {
    if (this.#openUntil === undefined) return 'closed';
    return this.remainingMs > 0 ? 'open' : 'half-open';
  }

  /** How long no request is sent; ms. A clock that was set back does not lengthen the pause. */
  get remainingMs(): number {
    if (this.#openUntil === undefined) return 0;
    return Math.min(this.#limits.pauseMs, Math.max(0, this.#openUntil - this.#clock.now()));
  }

  /** Whether a request may be sent now. After `true` the caller must report how it ended, once. */
  enter(): boolean {
    if (this.#openUntil === undefined) return true;
    if (this.remainingMs > 0 || this.#trying) return false;
    this.#trying = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntil = undefined;
    this.#trying = false;
  }

  failed(): void {
    this.#trying = false;
    this.#failures++;
    if (this.#failures >= this.#limits.failures) {
      this.#openUntil = this.#clock.now() + this.#limits.pauseMs;
    }
  }
}
