/** Which stations have an open transaction, from the register, read from time to time while a drain runs. */
import type { Clock } from '../../runtime/clock.ts';

/** Rejects soon while the store is unavailable. */
export type AskWhoCharges = (stationIds: readonly string[]) => Promise<ReadonlySet<string>>;

/** How often the register of open transactions is read; ms. */
const INTERVAL = 5000;

export class ChargingStations {
  readonly #clock: Clock;
  readonly #ask: AskWhoCharges | undefined;
  #found: ReadonlySet<string> = new Set();
  #isKnown = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  /** @param ask absent: there is no register */
  constructor(clock: Clock, ask: AskWhoCharges | undefined) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** Whether the register answered last time. */
  get isKnown(): boolean {
    return this.#isKnown || this.#ask === undefined;
  }

  /** Without an answer the estimate of each socket counts alone. */
  has(stationId: string): boolean {
    return this.#found.has(stationId);
  }

  /** Waits for the answer only the first time. */
  async refresh(stationIds: readonly string[]): Promise<void> {
    if (this.#ask === undefined || this.#clock.now() - this.#askedAt < INTERVAL) return;
    const isFirst = this.#askedAt === Number.NEGATIVE_INFINITY;
    this.#askedAt = this.#clock.now();
    const asked = this.#ask(stationIds).then(
      (stations) => this.#set(stations),
      () => this.#set(undefined),
    );
    if (isFirst) await asked;
  }

  /** The next drain asks again. */
  forget(): void {
    this.#set(undefined);
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  #set(stations: ReadonlySet<string> | undefined): void {
    this.#found = stations ?? new Set();
    this.#isKnown = stations !== undefined;
  }
}
