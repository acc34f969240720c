/**
 * What the person at the terminal sees: lines that stay, and below them one line of state, rewritten in
 * place on a terminal. Elsewhere (a pipe, a CI log) the state is a line of its own when it changed, at most
 * every few seconds.
 */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const PLAIN_EVERY_MS = 3000;
const CLEAR = '\r\u001B[2K';

export class Terminal {
  readonly #out: Output;
  readonly #now: () => number;
  #state = '';
  #shown = '';
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(out: Output, now: () => number) {
    this.#out = out;
    this.#now = now;
  }

  /** Lines that stay. */
  say(text: string): void {
    if (this.#out.isTTY === true) this.#out.write(`${CLEAR}${text}\n${this.#fitting()}`);
    else this.#out.write(`${text}\n`);
  }

  /** Something that happened, with the time of day. */
  note(text: string): void {
    this.say(`${new Date(this.#now()).toTimeString().slice(0, 8)} ${text}`);
  }

  /** The line of state. */
  state(text: string): void {
    this.#state = text;
    if (this.#out.isTTY === true) {
      if (text !== this.#shown) this.#out.write(`${CLEAR}${this.#fitting()}`);
    } else {
      if (text === this.#shown || this.#now() - this.#shownAt < PLAIN_EVERY_MS) return;
      this.#out.write(`${text}\n`);
    }
    this.#shown = text;
    this.#shownAt = this.#now();
  }

  /** Takes the line of state away. */
  clear(): void {
    this.#state = '';
    if (this.#out.isTTY === true) this.#out.write(CLEAR);
  }

  /** A line that wraps could not be rewritten. */
  #fitting(): string {
    return this.#state.slice(0, Math.max(0, (this.#out.columns ?? 80) - 1));
  }
}
