/** Numbers this far behind the highest count as applied, as in redis/queue/acknowledge.lua. */
const SEND_WINDOW = 64;

/** Recognises repeated SENDs of one connection by their numbers. */
export class SendWindow {
  readonly #applied = new Set<number>();
  #highest = 0;

  /** Notes a SEND as applied. @returns false if it counted as applied before */
  add(sequence: number): boolean {
    if (this.#applied.has(sequence) || sequence <= this.#highest - SEND_WINDOW) return false;
    this.#applied.add(sequence);
    if (sequence <= this.#highest) return true;
    this.#highest = sequence;
    for (const one of this.#applied) if (one <= sequence - SEND_WINDOW) this.#applied.delete(one);
    return true;
  }
}
