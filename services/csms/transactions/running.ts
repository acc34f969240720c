/**
 * What a processor knows of running transactions, so that the next reading of one needs no read of its record. Nothing here is
 * relied on: an outcome that rests on it says what the record must be like (`Expectation`).
 */
import { isOpen, type TransactionRecord } from './record.ts';

/** Transactions that are known at a time; about 400 bytes each. */
const MOST_KNOWN = 20_000;

/** What does not change while a transaction runs, and when this processor last noted that its station was heard. */
export interface RunningTransaction {
  readonly stationId: string;
  readonly meterStart: string | undefined;
  readonly startPhases: string | undefined;
  /** ms since 1970, as text */
  heardAt: string | undefined;
}

export class RunningTransactions {
  /** By key of the record; the one that was read first is forgotten first. */
  readonly #known = new Map<string, RunningTransaction>();

  get(key: string): RunningTransaction | undefined {
    return this.#known.get(key);
  }

  /** What was read now. One that does not run is forgotten. */
  learn(key: string, record: TransactionRecord | undefined): void {
    this.#known.delete(key);
    if (record?.stationId === undefined || record.stationId === '' || !isOpen(record)) return;
    const { stationId, meterStart, startPhases, heardAt } = record;
    this.#known.set(key, { stationId, meterStart, startPhases, heardAt });
    if (this.#known.size <= MOST_KNOWN) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}
