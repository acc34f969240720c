/** Rate-limits warnings that a fleet can cause by the thousand: one line per kind and interval, with the number suppressed. */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

/** ms */
const INTERVAL = 10_000;
/** Kinds remembered, and so lines per interval; of further kinds only the number is logged. */
const MAX_KINDS = 100;

export class QuietLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { until: number; suppressed: number }>();
  /** Suppressed warnings of further kinds. */
  #others = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param kind warnings of one kind share a line, such as an error code */
  warn(kind: string, fields: object, message: string): void {
    const now = this.#clock.now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now < known.until) {
      known.suppressed += 1;
      return;
    }
    if (known === undefined && this.#kinds.size >= MAX_KINDS && !this.#makeRoom(now)) {
      this.#others += 1;
      return;
    }
    this.#kinds.set(kind, { until: now + INTERVAL, suppressed: 0 });
    const suppressed = known?.suppressed ?? 0;
    const ofOthers = this.#others;
    this.#others = 0;
    this.#log.warn(
      {
        ...fields,
        ...(suppressed > 0 && { suppressed }),
        ...(ofOthers > 0 && { suppressedOthers: ofOthers }),
      },
      message,
    );
  }

  /** Forgets the kinds whose interval is over. @returns whether there is room now */
  #makeRoom(now: number): boolean {
    for (const [kind, { until, suppressed }] of this.#kinds) {
      if (now < until) continue;
      this.#kinds.delete(kind);
      this.#others += suppressed;
    }
    return this.#kinds.size < MAX_KINDS;
  }
}
