/**
 * Turns at what is slow: so many at a time, the others wait. Turns rotate among keys, such as addresses: a flood of one key waits behind
 * itself, and delays the others by one turn each round. The wait is bounded, and with it the number of those that wait.
 */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

export interface TurnLimits {
  readonly atOnce: number;
  readonly maxWaitMs: number;
}

export class Turns {
  readonly #limits: TurnLimits;
  #running = 0;
  /** Those that wait, by key; the first key has the next turn. No set is empty. */
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Rejects with BusyError when there was no turn in time; then the work has not begun. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limits.atOnce) this.#running += 1;
    else await this.#wait(key);
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #wait(key: string): Promise<void> {
    const line = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, line);
    return new Promise((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        line.delete(enter);
        if (line.size === 0) this.#waiting.delete(key);
        reject(new BusyError(`no turn within ${this.#limits.maxWaitMs / 1000} s`));
      }, this.#limits.maxWaitMs);
      line.add(enter);
    });
  }

  #next(): void {
    for (const [key, line] of this.#waiting) {
      this.#waiting.delete(key);
      for (const enter of line) {
        line.delete(enter);
        if (line.size > 0) this.#waiting.set(key, line);
        return enter();
      }
    }
    this.#running -= 1;
  }
}
