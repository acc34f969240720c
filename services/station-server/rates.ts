/** The rate limits of a station server: paced ones of the cluster, of the connects of one identity, of the messages on one socket. */

/** Part of a second's worth that may be spent at once. */
const AT_ONCE = 0.1;
/** The least of that: one, and what a timer that is a little late has earned in excess. */
const LEAST_AT_ONCE = 1.1;

/**
 * A rate that is spent evenly and may change: at most a tenth of a second's worth at once, and then as much less, so that no
 * second has more than the rate. (A rate below ten still permits one at once.)
 */
export class PacedRate {
  readonly #rate: () => number;
  #tokens: number;
  #filledAt: number;

  /** @param rate per second; Infinity: no limit. @param now ms */
  constructor(rate: () => number, now: number) {
    this.#rate = rate;
    this.#tokens = atOnce(rate());
    this.#filledAt = now;
  }

  /** Whether take() would be true. @param now ms */
  permits(now: number): boolean {
    const rate = this.#rate();
    if (rate === Infinity) return true;
    const earned = (Math.max(0, now - this.#filledAt) / 1000) * spentOf(rate);
    this.#tokens = Math.min(atOnce(rate), this.#tokens + earned);
    this.#filledAt = now;
    return this.#tokens >= 1;
  }

  /** Takes one; false when the rate is used up. @param now ms */
  take(now: number): boolean {
    if (!this.permits(now)) return false;
    if (this.#rate() < Infinity) this.#tokens -= 1;
    return true;
  }
}

/** What is spent of a rate in a second in which there is always something to spend. */
export const spentOf = (rate: number): number => rate * (1 - AT_ONCE);

const atOnce = (rate: number): number => Math.max(LEAST_AT_ONCE, rate * AT_ONCE);

/** How often one identity may connect at once, and how many connects it regains per second. */
const BURST = 10;
const PER_SECOND = 0.5;
const REMEMBERED = 20_000;

interface Tokens {
  left: number;
  at: number;
}

/**
 * Limits the connects of each identity: a station that reconnects ten times a second costs a session, two events and a
 * takeover each time. Memory is bounded: the identities that connected last are remembered, and a forgotten one has a
 * full burst again. A client that knows an identity can use up its tokens; only credentials prevent that.
 */
export class ReconnectRate {
  /** Oldest first. */
  readonly #identities = new Map<string, Tokens>();

  get size(): number {
    return this.#identities.size;
  }

  /** Takes a connect; returns 0, or the seconds after which the identity may try again. @param now ms */
  connect(identity: string, now: number): number {
    const known = this.#identities.get(identity) ?? { left: BURST, at: now };
    const earned = (Math.max(0, now - known.at) / 1000) * PER_SECOND;
    const left = Math.min(BURST, known.left + earned);
    const tokens = { left: left < 1 ? left : left - 1, at: now };
    this.#identities.delete(identity);
    this.#identities.set(identity, tokens);
    if (this.#identities.size > REMEMBERED) {
      for (const oldest of this.#identities.keys()) {
        this.#identities.delete(oldest);
        break;
      }
    }
    return left < 1 ? Math.ceil((1 - left) / PER_SECOND) : 0;
  }
}

/** How far a station may be ahead of its message rate; ms. */
const BURST_MS = 2000;

/**
 * The rate of the messages on one socket that flow control does not hold back: SENDs, responses, pings and texts that
 * are no frame. (A CALL waits for the response to the previous one.) A socket above the rate is not read for a while:
 * nothing is lost or answered, and other stations keep their share.
 */
export class MessageRate {
  /** Whether the socket is not to be read. */
  flooding = false;
  /** When the counted messages would have arrived at the permitted rate; ms since 1970. */
  #freeAt = 0;

  /** @returns whether flooding has just begun */
  count(now: number, perSecond: number): boolean {
    this.#freeAt = Math.max(this.#freeAt, now) + 1000 / perSecond;
    if (this.flooding || this.#freeAt - now <= BURST_MS) return false;
    this.flooding = true;
    return true;
  }

  /** @returns whether flooding has just ended */
  sweep(now: number): boolean {
    if (!this.flooding || now < this.#freeAt) return false;
    this.flooding = false;
    return true;
  }
}
