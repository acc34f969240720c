/** Workers take keys from the queue and reconcile each; failed keys are retried with back-off. */
import { StoreError } from '../kube/object-store.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';
import type { ControllerMetrics } from './metrics.ts';
import type { WorkQueue } from './work-queue.ts';

/**
 * Reconciles one object. It is called again after `requeueAfterMs`, or with back-off when it throws. `key` is
 * `namespace/name`; the object may be gone.
 */
export type Reconcile = (key: string) => Promise<{ readonly requeueAfterMs?: number }>;

export interface WorkersOptions {
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  readonly metrics: ControllerMetrics;
  readonly log: Log;
}

export class Workers {
  readonly #options: WorkersOptions;
  /** Key → start of its reconcile. */
  readonly #since = new Map<string, number>();
  #running: Promise<void>[] = [];

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  start(count: number): void {
    this.#running = Array.from({ length: count }, () => this.#run());
  }

  /** Resolves when the queue is closed and the last reconcile has ended. */
  async finished(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** A key whose reconcile runs for longer than `ms`. */
  stuck(ms: number): { readonly key: string; readonly ageMs: number } | undefined {
    for (const [key, since] of this.#since) {
      const ageMs = performance.now() - since;
      if (ageMs > ms) return { key, ageMs };
    }
    return undefined;
  }

  /** Number of running reconciles, and the age of the oldest (0 for none). */
  get working(): { readonly count: number; readonly longestMs: number } {
    const now = performance.now();
    return {
      count: this.#since.size,
      longestMs: Math.max(0, ...[...this.#since.values()].map((at) => now - at)),
    };
  }

  async #run(): Promise<void> {
    const { queue } = this.#options;
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      this.#since.set(key, performance.now());
      await this.#reconcile(key);
      this.#since.delete(key);
      queue.done(key);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const { queue, reconcile, metrics, log } = this.#options;
    const started = performance.now();
    try {
      const { requeueAfterMs } = await reconcile(key);
      queue.forget(key);
      if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
      metrics.reconciled('ok', performance.now() - started);
    } catch (error) {
      const atLeastMs = error instanceof StoreError ? error.retryAfterMs : undefined;
      const retryInMs = Math.round(queue.retry(key, atLeastMs));
      log.warn({ cluster: key, ...errorFields(error), retryInMs }, 'reconcile failed, retrying');
      metrics.reconciled('error', performance.now() - started);
    }
  }
}
