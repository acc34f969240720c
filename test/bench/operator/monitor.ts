/**
 * Loaded into the operator's process before its own code (`node --import`): tells the bench on request how long its event
 * loop stood still, and ends the process when the bench is gone.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Reading {
  /** Longest time in which nothing else could run since the last reading; ms. */
  readonly lagMs: number;
  /** Bytes of JavaScript objects, garbage included. */
  readonly heapUsed: number;
}

const RESOLUTION_MS = 10;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on('message', () => {
  const lagMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  delay.reset();
  process.send?.({ lagMs, heapUsed: process.memoryUsage().heapUsed } satisfies Reading);
});
process.on('disconnect', () => process.exit(1));
// The operator must end as it does without this monitor.
process.channel?.unref();
