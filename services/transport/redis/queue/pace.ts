/**
 * Keeps turns apart, so that everything that arrives between two makes one batch. The first turn after a pause comes at once:
 * a rare caller never waits.
 */
export class Pace {
  readonly #ms: number;
  #last = -Infinity;

  /** @param ms between two turns */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Resolves when the turn has come. One at a time. */
  async turn(): Promise<void> {
    const left = this.#last + this.#ms - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    this.#last = performance.now();
  }
}
