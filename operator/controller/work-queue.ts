/**
 * Keys that wait for a worker. A key is in the queue at most once and with at most one worker at a time; a key added while a
 * worker has it is enqueued again afterwards, so no change is missed.
 */
import { backoffMs } from './waiting.ts';

export interface WorkQueueOptions {
  /** Maximum number of waiting keys. More are refused: the next list enqueues them again. */
  readonly limit?: number;
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
  readonly random?: () => number;
  /** A worker received a key this long after it was due (ms). */
  readonly onTaken?: (waitedMs: number) => void;
}

export class WorkQueue {
  readonly #limit: number;
  readonly #retry: { readonly minMs: number; readonly maxMs: number };
  readonly #random: () => number;
  readonly #onTaken: (waitedMs: number) => void;
  /** Key → time since when it waits. */
  readonly #waiting = new Map<string, number>();
  readonly #working = new Set<string>();
  /** Added while a worker has them. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly at: number; readonly timer: NodeJS.Timeout }>();
  readonly #failures = new Map<string, number>();
  /** Earliest next attempt, as the server requested. */
  readonly #notBefore = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#limit = options.limit ?? 10_000;
    this.#retry = options.retry ?? { minMs: 500, maxMs: 60_000 };
    this.#random = options.random ?? Math.random;
    this.#onTaken = options.onTaken ?? (() => {});
  }

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#waiting.size;
  }

  /**
   * Enqueues the key for the next free worker, ending a delay or back-off, but not earlier than the server requested.
   * False: closed or full.
   */
  add(key: string): boolean {
    if (this.#closed) return false;
    const waitMs = (this.#notBefore.get(key) ?? 0) - performance.now();
    if (waitMs > 0) {
      this.addAfter(key, waitMs);
      return this.#delayed.has(key);
    }
    this.#notBefore.delete(key);
    this.#forgetDelay(key);
    if (this.#working.has(key)) {
      this.#again.add(key);
      return true;
    }
    if (this.#waiting.has(key)) return true;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      this.#working.add(key);
      this.#onTaken(0);
      taker(key);
      return true;
    }
    if (this.#waiting.size >= this.#limit) return false;
    this.#waiting.set(key, performance.now());
    return true;
  }

  /** Enqueues the key after `ms`; of two delays of one key the earlier one counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed || this.#waiting.has(key) || this.#again.has(key)) return;
    const at = performance.now() + ms;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined && earlier.at <= at) return;
    if (earlier === undefined && this.#delayed.size >= this.#limit) return;
    this.#forgetDelay(key);
    const timer = setTimeout(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, ms);
    this.#delayed.set(key, { at, timer });
  }

  /** After a failure: with a back-off that grows with each failure in a row, and not before `atLeastMs`. Returns the delay in ms. */
  retry(key: string, atLeastMs = 0): number {
    if (atLeastMs > 0 && !this.#closed) this.#notBefore.set(key, performance.now() + atLeastMs);
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const ms = Math.max(atLeastMs, backoffMs(failures, this.#retry, this.#random));
    this.addAfter(key, ms);
    return ms;
  }

  /** After a success: resets the back-off. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#notBefore.delete(key);
  }

  /** The next key, reserved for this worker until `done`; undefined once the queue is closed. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const [next] = this.#waiting;
    if (next === undefined) return new Promise((resolve) => this.#takers.push(resolve));
    const [key, since] = next;
    this.#waiting.delete(key);
    this.#onTaken(performance.now() - since);
    this.#working.add(key);
    return Promise.resolve(key);
  }

  done(key: string): void {
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Drops all waiting keys and ends the workers. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#waiting.clear();
    this.#again.clear();
    this.#notBefore.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #forgetDelay(key: string): void {
    clearTimeout(this.#delayed.get(key)?.timer);
    this.#delayed.delete(key);
  }
}
