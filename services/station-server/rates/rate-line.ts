/** A RateQueue with its timer, and a count of arrivals. */
import type { Clock } from '../../runtime/clock.ts';
import { type QueuedEntry, RateQueue } from './rate-queue.ts';

export interface RateLineOptions {
  /** Entries released per second; read each time, as it may change. */
  readonly perSecond: () => number;
  /** No entry waits longer; ms. */
  readonly maxWaitMs: number;
  readonly clock: Clock;
  /** While more wait than this, the newest end as late at once; read each time. By default only maxWaitMs ends entries. */
  readonly most?: () => number;
}

/** How often the queue is checked while an entry waits; ms. */
const CHECK_INTERVAL = 10;
/** Arrivals are counted for so long at least, before they are a rate; ms. */
const LEAST_COUNTED = 200;

export class RateLine implements Disposable {
  readonly #clock: Clock;
  readonly #most: () => number;
  readonly #queue: RateQueue;
  #arrived = 0;
  /** ms */
  #countedFrom: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ perSecond, maxWaitMs, clock, most = () => Infinity }: RateLineOptions) {
    this.#clock = clock;
    this.#most = most;
    this.#countedFrom = clock.now();
    this.#queue = new RateQueue(perSecond, maxWaitMs, this.#countedFrom);
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Those of the first class, and of the second: see rate-queue.ts. */
  get classes(): { readonly first: number; readonly second: number } {
    return { first: this.#queue.firstClass, second: this.#queue.secondClass };
  }

  /** Whether an entry that joined now would have to wait. */
  get mustWait(): boolean {
    return this.#queue.mustWait(this.#clock.now());
  }

  /** Undefined: there is no need to wait. */
  join(isSecondClass = false): QueuedEntry | undefined {
    this.#arrived += 1;
    const entry = this.#queue.join(this.#clock.now(), isSecondClass);
    if (entry !== undefined) this.#timer ??= setInterval(() => this.#release(), CHECK_INTERVAL);
    return entry;
  }

  /** One that did not join, and counts as an arrival. */
  missed(): void {
    this.#arrived += 1;
  }

  /** Arrivals per second since the last takeDemand(), and those that wait. */
  get demand(): number {
    const seconds = Math.max(LEAST_COUNTED, this.#clock.now() - this.#countedFrom) / 1000;
    return this.#arrived / seconds + this.#queue.size;
  }

  /** The same; begins the count of arrivals again. */
  takeDemand(): number {
    const { demand } = this;
    this.#arrived = 0;
    this.#countedFrom = this.#clock.now();
    return demand;
  }

  /** All entries leave. */
  clear(): void {
    this.#queue.clear();
  }

  #release(): void {
    this.#queue.release(this.#clock.now());
    this.#queue.trim(this.#most());
    if (this.#queue.size > 0) return;
    this[Symbol.dispose]();
  }

  /** Stops the timer; entries that wait stay. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
