/**
 * How many different Events an object may get: a burst, then a few per hour, as in the spam filter of client-go. Events
 * beyond it are counted in one Event of their reason, so that a flapping cluster fills no etcd.
 */

/** Different Events of one object at once. */
const BURST = 25;
/** Time after which one more is allowed, ms. */
const REFILL_MS = 300_000;
/** Objects remembered; the one that took least recently is forgotten first. */
const OBJECTS = 500;

interface Bucket {
  readonly left: number;
  readonly at: number;
}

export class EventBudget {
  readonly #buckets = new Map<string, Bucket>();

  /**
   * Whether the object may get another Event; it takes one from the budget.
   * @param now ms since 1970
   */
  take(uid: string, now: number): boolean {
    const { left, at } = this.#buckets.get(uid) ?? { left: BURST, at: now };
    const filled = Math.min(BURST, left + Math.max(0, now - at) / REFILL_MS);
    this.#buckets.delete(uid);
    this.#buckets.set(uid, { left: filled >= 1 ? filled - 1 : filled, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > OBJECTS && oldest !== undefined) this.#buckets.delete(oldest);
    return filled >= 1;
  }
}
