/** Answers that count for a while, in the memory of one process: bounded, the least recently used one goes first. */
import type { Clock } from '../../runtime/clock.ts';

export class AnswerCache<T> {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #answers = new Map<
    string,
    { readonly answer: T; readonly from: number; readonly until: number }
  >();

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
  }

  get(key: string): T | undefined {
    const found = this.#answers.get(key);
    if (found === undefined) return undefined;
    this.#answers.delete(key);
    const now = this.#clock.now();
    // A clock that was set back makes no answer count for longer.
    if (now < found.from || now >= found.until) return undefined;
    this.#answers.set(key, found);
    return found.answer;
  }

  set(key: string, answer: T, seconds: number): void {
    const from = this.#clock.now();
    this.#answers.delete(key);
    if (seconds <= 0) return;
    this.#answers.set(key, { answer, from, until: from + seconds * 1000 });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#most) break;
      this.#answers.delete(oldest);
    }
  }
}
