/** Rate-limits warnings and errors that a fleet can cause by the thousand: one line per kind and interval, with the number suppressed. */
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
    const counts = this.#admit(kind);
    if (counts !== undefined) this.#log.warn({ ...fields, ...counts }, message);
  }

  /** @param kind as of warnings */
  error(kind: string, fields: object, message: string): void {
    const counts = this.#admit(kind);
    if (counts !== undefined) this.#log.error({ ...fields, ...counts }, message);
  }

  /** @returns what was suppressed before this line; undefined: it is suppressed as well */
  #admit(kind: string): object | undefined {
    const now = this.#clock.now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now < known.until) {
      known.suppressed += 1;
      return undefined;
    }
    if (known === undefined && this.#kinds.size >= MAX_KINDS && !this.#makeRoom(now)) {
      this.#others += 1;
      return undefined;
    }
    this.#kinds.set(kind, { until: now + INTERVAL, suppressed: 0 });
    const suppressed = known?.suppressed ?? 0;
    const ofOthers = this.#others;
    this.#others = 0;
    return {
      ...(suppressed > 0 && { suppressed }),
      ...(ofOthers > 0 && { suppressedOthers: ofOthers }),
    };
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

interface HandlerFields {
  readonly stationId?: string;
  readonly action?: string;
}

/**
 * The log of message handlers. A warning is about a station: each station causes one line of a message per interval. An error is a
 * mistake in a handler, which every station meets: one line per action.
 */
export function handlerLog(log: Log, clock: Clock): Log {
  const quiet = new QuietLog(log, clock);
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn(fields: HandlerFields, message) {
      quiet.warn(`${message} ${fields.stationId}`, fields, message);
    },
    error(fields: HandlerFields, message) {
      quiet.error(`${message} ${fields.action}`, fields, message);
    },
  };
}
