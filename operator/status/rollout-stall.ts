/** Whether a rollout waits for longer than any of its steps should take. Pure. */

import type { RolloutStatus } from '../api/ocpp-cluster.ts';
import { isRunning } from '../rollout/step.ts';

/** Longer than the start of a set of Pods, and than a pause between two stations; ms. */
const STALLED_MS = 900_000;

/** @param now ms since 1970 */
export function isStalled(rollout: RolloutStatus | undefined, now: number): boolean {
  if (!isRunning(rollout)) return false;
  const times = [rollout.phaseTime, rollout.progressTime].map((time) => Date.parse(time ?? ''));
  const last = Math.max(...times.filter((time) => !Number.isNaN(time)));
  return now - last >= STALLED_MS && Number.isFinite(last);
}
