/** Waiting longer after each failure in a row, with jitter, so that many who failed together spread out. */
export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Doubles from `minMs` to `maxMs` with `failures` (from 0); ±20 % by `random` (0 to 1), never above `maxMs`. */
export function backoffMs(failures: number, { minMs, maxMs }: BackoffLimits, random: () => number): number {
  const grown = Math.min(maxMs, minMs * 2 ** Math.min(failures, 30));
  return Math.min(maxMs, grown * (0.8 + 0.4 * random()));
}
