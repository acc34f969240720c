/**
 * How fast one station sends what waits for nothing: SENDs, answers, pings, texts that are no frame. A CALL waits for the
 * answer to the one before it. A station that sends more of the rest than any needs is not read for a while:
 * nothing is lost, nothing is answered, and the others have room.
 */

/** What a station may send ahead of its rate; ms. */
const BURST_MS = 2000;

export class UnheldRate {
  /** Whether the station must not be read. */
  flooding = false;
  /** When all that was counted would have come at the rate; ms since 1970. */
  #freeAt = 0;

  /** @returns whether it floods from now on */
  count(now: number, perSecond: number): boolean {
    this.#freeAt = Math.max(this.#freeAt, now) + 1000 / perSecond;
    if (this.flooding || this.#freeAt - now <= BURST_MS) return false;
    this.flooding = true;
    return true;
  }

  /** @returns whether the flood is over from now on */
  sweep(now: number): boolean {
    if (!this.flooding || now < this.#freeAt) return false;
    this.flooding = false;
    return true;
  }
}
