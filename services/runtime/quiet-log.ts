/** Warnings that a fleet can cause by the thousand: one line per kind and pause, with the number left out. */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/** ms */
const PAUSE = 10_000;
/** Kinds remembered; a flood of new ones starts the memory anew. */
const MAX_KINDS = 100;

export class QuietLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { until: number; suppressed: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param kind what makes two warnings the same, such as an error code */
  warn(kind: string, fields: object, message: string): void {
    const now = this.#clock.now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now < known.until) {
      known.suppressed += 1;
      return;
    }
    if (this.#kinds.size >= MAX_KINDS) this.#kinds.clear();
    this.#kinds.set(kind, { until: now + PAUSE, suppressed: 0 });
    const suppressed = known?.suppressed ?? 0;
    this.#log.warn(suppressed > 0 ? { ...fields, suppressed } : fields, message);
  }
}
