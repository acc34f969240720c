/** Pauses between attempts: they double up to a limit, and are spread, so that programs that failed together do not retry together. */

/** ms */
const SHORTEST = 250;
const LONGEST = 15_000;

export class Backoff {
  #failures = 0;

  reset(): void {
    this.#failures = 0;
  }

  /** ms */
  next(): number {
    const pause = Math.min(LONGEST, SHORTEST * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return pause * (0.5 + Math.random() / 2);
  }
}
