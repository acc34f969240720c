/** Whether a rollout waits for longer than any of its steps should take. Pure. */

/** The parts of `status.rollout` that tell. */
export interface RolloutTimes {
  readonly phase?: string;
  /** When the phase began. */
  readonly phaseTime?: string;
  /** When a station last moved or returned. */
  readonly progressTime?: string;
}

/** Longer than the start of a set of Pods, and than a pause between two stations; ms. */
const STALLED_MS = 900_000;
const ENDED = new Set(['Completed', 'Aborted']);

/** @param now ms since 1970 */
export function isStalled(rollout: RolloutTimes | undefined, now: number): boolean {
  if (rollout?.phase === undefined || ENDED.has(rollout.phase)) return false;
  const times = [rollout.phaseTime, rollout.progressTime].map((time) => Date.parse(time ?? ''));
  const last = Math.max(...times.filter((time) => !Number.isNaN(time)));
  return now - last >= STALLED_MS && Number.isFinite(last);
}
