/**
 * A station that connects again and again, ten times a second in the field, costs a session, two events and a
 * takeover each time. After a burst it is let in at a slow pace only. What is remembered is bounded: of the identities that
 * connected last, each with its tokens; who is forgotten has a full burst again.
 *
 * Whoever knows an identity can use up its tokens: only credentials keep that out.
 */

/** Connects of one identity at once, and what it earns back; per second. */
const BURST = 10;
const PER_SECOND = 0.5;
const REMEMBERED = 20_000;

interface Tokens {
  left: number;
  at: number;
}

export class Flapping {
  /** Oldest first. */
  readonly #identities = new Map<string, Tokens>();

  get size(): number {
    return this.#identities.size;
  }

  /** Takes a connect; resolves to 0, or to the seconds after which the identity may try again. @param now ms */
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
