/** Waiting: a back-off between retries, and waits that end as soon as the operator stops. */

export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** With jitter, so that clients that failed together spread out. Doubles from `minMs` to `maxMs` with `failures` (from 0); ±20 % by `random` (0 to 1), never above `maxMs`. */
export function backoffMs(failures: number, { minMs, maxMs }: BackoffLimits, random: () => number): number {
  const grown = Math.min(maxMs, minMs * 2 ** Math.min(failures, 30));
  return Math.min(maxMs, grown * (0.8 + 0.4 * random()));
}

/**
 * As `promise`, but rejects as soon as the signal aborts. For requests that cannot be aborted: a server that hangs must
 * not delay the shutdown.
 */
export function unlessStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new Error('stopped'));
    if (signal.aborted) stopped();
    signal.addEventListener('abort', stopped, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped));
  });
}
