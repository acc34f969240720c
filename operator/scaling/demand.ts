/**
 * How many processors the load wants: max( ceil((λ + Q/T) / μ), from the age of the oldest message ).
 * λ = arrivals/s, Q = waiting + in flight, T = time in which a backlog should be gone, μ = what one
 * processor can do. μ is completions per BUSY second: completions alone equal the arrivals whenever
 * nothing waits, whatever the number of processors, and would never let it come down.
 */
export interface QueueReading {
  /** Frames waiting. */
  readonly depth: number;
  /** Age of the oldest of them, s. */
  readonly oldestSeconds: number;
  /** Frames taken and not finished. */
  readonly inFlight: number;
  /** Time since the reading was taken, ms. */
  readonly ageMs: number;
}

/** What was measured. A figure that is not known is left out, never 0. */
export interface Signals {
  /** Frames that proxies put into the queue, per second. */
  readonly arrivalRate?: number;
  /** A ready proxy is missing in it (just started, not answering): there may be more, so never go down. */
  readonly arrivalsIncomplete?: boolean;
  readonly queue?: QueueReading;
  /** What processors did since the last decision. Given to one decision only. */
  readonly work?: { readonly completed: number; readonly busySeconds: number };
  /** Open station sockets. */
  readonly sessions?: number;
  /** The same by the uid of the ws-proxy Pod, of those that were read lately. */
  readonly sessionsOf?: ReadonlyMap<string, number>;
}

/** μ before anything was measured, 1/s: low, as too many processors for a moment harm nobody. */
export const CAPACITY_PRIOR = 500;
/** After so much busy time a new measurement weighs 63 %, s. */
const SMOOTHING_BUSY_SECONDS = 5;

/** Blends what was measured into what was known, by the busy time behind it. */
export function smoothCapacity(known: number | undefined, work: Signals['work']): number {
  const before = known !== undefined && Number.isFinite(known) && known > 0 ? known : CAPACITY_PRIOR;
  if (work === undefined || !(work.busySeconds > 0) || !(work.completed > 0)) return before;
  const measured = work.completed / work.busySeconds;
  if (!Number.isFinite(measured)) return before;
  const weight = 1 - Math.exp(-work.busySeconds / SMOOTHING_BUSY_SECONDS);
  return before + (measured - before) * weight;
}

export interface Load {
  readonly arrivalRate: number;
  readonly queue: QueueReading;
}

/** @param ready processors that work now @param targetDrainSeconds T */
export function wanted(load: Load, capacity: number, ready: number, targetDrainSeconds: number): number {
  const { arrivalRate, queue } = load;
  const backlog = queue.depth + queue.inFlight;
  const byRate = Math.ceil((arrivalRate + backlog / targetDrainSeconds) / capacity);
  // One stuck message is old and no load: age counts where more waits than there are processors.
  const late = queue.oldestSeconds > targetDrainSeconds && queue.depth >= ready;
  const byAge = late
    ? Math.ceil(Math.max(1, ready) * Math.min(2, queue.oldestSeconds / targetDrainSeconds))
    : 0;
  return Math.max(byRate, byAge);
}

/** The load, or why it is not known. */
export function loadOf({ arrivalRate, queue }: Signals, staleMs: number): Load | string {
  if (queue === undefined) return 'no Pod reports the queue';
  const { depth, oldestSeconds, inFlight, ageMs } = queue;
  if (![depth, oldestSeconds, inFlight].every(isReading)) return 'the queue is reported as not a number';
  if (!(ageMs <= staleMs)) return `the last reading of the queue is ${Math.round(ageMs / 1000)} s old`;
  if (arrivalRate === undefined) return 'the arrival rate is not known from any ws-proxy Pod';
  if (!isReading(arrivalRate)) return 'the arrival rate is not a number';
  return { arrivalRate, queue };
}

const isReading = (value: number) => Number.isFinite(value) && value >= 0;
