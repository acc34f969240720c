/** A RateQueue with its timer, and a count of arrivals. */
import type { Clock } from '../runtime/clock.ts';
import { type QueuedEntry, RateQueue } from './rate-queue.ts';

export interface RateLineOptions {
  /** Entries released per second; read each time, as it may change. */
  readonly perSecond: () => number;
  /** No entry waits longer; ms. */
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

/** How often the queue is checked while an entry waits; ms. */
const CHECK_INTERVAL = 10;

export class RateLine implements Disposable {
  readonly #clock: Clock;
  readonly #queue: RateQueue;
  #arrived = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ perSecond, maxWaitMs, clock }: RateLineOptions) {
    this.#clock = clock;
    this.#queue = new RateQueue(perSecond, maxWaitMs, clock.now());
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** How long an entry that joined now would wait; ms. */
  get expectedWait(): number {
    return this.#queue.expectedWait(this.#clock.now());
  }

  /** Undefined: there is no need to wait. */
  join(): QueuedEntry | undefined {
    this.#arrived += 1;
    const entry = this.#queue.join(this.#clock.now());
    if (entry !== undefined) this.#timer ??= setInterval(() => this.#release(), CHECK_INTERVAL);
    return entry;
  }

  /** One that did not join, and counts as an arrival. */
  missed(): void {
    this.#arrived += 1;
  }

  /** Arrivals since the last call, and those that wait. */
  takeDemand(): number {
    const demand = this.#arrived + this.#queue.size;
    this.#arrived = 0;
    return demand;
  }

  /** All entries leave. */
  clear(): void {
    this.#queue.clear();
  }

  #release(): void {
    this.#queue.release(this.#clock.now());
    if (this.#queue.size > 0) return;
    this[Symbol.dispose]();
  }

  /** Stops the timer; entries that wait stay. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
