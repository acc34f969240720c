/**
 * What a processor knows of running transactions, so that the next reading of one needs no read of its record. Nothing here is
 * relied on: an outcome that rests on it says what the record must be like (`Expectation`).
 */
import { HEARD_EVERY_MS, isHeardDue, isOpen, type TransactionRecord } from './record.ts';

/** Transactions that are known at a time; about 400 bytes each. */
const MOST_KNOWN = 50_000;
/**
 * A transaction whose record was read so often although it was known is read each time. Its station repeats times, or writes them in a
 * form that only the processor can compare.
 */
const MOST_MISSES = 5;

/** What does not change while a transaction runs, and when its station was heard, as it was when its record was read. */
export interface RunningTransaction {
  readonly stationId: string;
  readonly meterStart: string | undefined;
  readonly startPhases: string | undefined;
  /** ms since 1970, as text */
  readonly heardAt: string | undefined;
}

interface Known extends RunningTransaction {
  /** How often it was read although it was known. */
  readonly misses: number;
}

export class RunningTransactions {
  /** By key of the record; the one that was read first is forgotten first. */
  readonly #known = new Map<string, Known>();

  get(key: string): RunningTransaction | undefined {
    const found = this.#known.get(key);
    return found !== undefined && found.misses < MOST_MISSES ? found : undefined;
  }

  /** What was read now. One that does not run is forgotten. @param now ms since 1970 */
  learn(key: string, record: TransactionRecord | undefined, now: number): void {
    const before = this.#known.get(key);
    this.#known.delete(key);
    if (record?.stationId === undefined || record.stationId === '' || !isOpen(record)) return;
    const { stationId, meterStart, startPhases, heardAt } = record;
    // Where notes are more frequent, their reads count as well.
    const misses =
      before === undefined ? 0 : before.misses + (isHeardDue(before, now, HEARD_EVERY_MS) ? 0 : 1);
    this.#known.set(key, { stationId, meterStart, startPhases, heardAt, misses });
    if (this.#known.size <= MOST_KNOWN) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}
