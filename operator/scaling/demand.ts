/**
 * The number of processors recommended for the load: max( ceil((λ + Q/T) / μ), by the age of the oldest message ).
 * λ = arrivals/s, Q = waiting + in flight, T = time in which a backlog should be processed, μ = capacity of one
 * processor. μ is completions per BUSY second: while nothing waits, completions equal arrivals whatever the number of
 * processors, and would never allow a scale-in.
 */
export interface QueueReading {
  /** Frames waiting. */
  readonly depth: number;
  /** Age of the oldest of them, s. */
  readonly oldestSeconds: number;
  /** Frames claimed and not acknowledged. */
  readonly inFlight: number;
  /** Time since the reading was taken, ms. */
  readonly ageMs: number;
}

/**
 * What the processors did since the last decision: sums over all of them. Passed to one decision only.
 */
export interface Work {
  /** Deliveries completed. */
  readonly completed: number;
  /** Time that the processors were busy, or stopped by their CPU limit. */
  readonly busySeconds: number;
  /** Time that the sums cover: two processors over 5 s are 10 s. */
  readonly seconds: number;
  /** Deliveries completed per second, by all processors together. */
  readonly completedPerSecond: number;
  /** Time that the CPU limit stopped the processors; absent where it cannot be read. */
  readonly throttledSeconds?: number;
  /** Mean time to handle a delivery. */
  readonly handlerSeconds?: number;
}

/** The load of the processors and what they do. An unknown figure is absent, never 0. */
export interface LoadSignals {
  /** Frames that the ws-proxies enqueue, per second, as a mean over the last readings. */
  readonly arrivalRate?: number;
  /** The same between the last two readings: it sees a step at once, but also each short burst. */
  readonly recentArrivalRate?: number;
  /** The rate lacks a ready ws-proxy (just started, not answering): the true rate may be higher, so no scale-in. */
  readonly arrivalsIncomplete?: boolean;
  readonly queue?: QueueReading;
  readonly work?: Work;
  /** Time in which Redis answered the processors; the longest of them. */
  readonly storeSeconds?: number;
  /** Why the source has no figures; absent: it has, or it does not know why. */
  readonly problem?: string;
}

/** The measurements of one cluster. */
export interface Signals extends LoadSignals {
  /** Where the load was read; absent: from the Pods. */
  readonly source?: 'Pods' | 'Prometheus';
  /** Open station sockets. */
  readonly sessions?: number;
  /** The same by uid of the ws-proxy Pod; only Pods with a recent reading. */
  readonly sessionsOf?: ReadonlyMap<string, number>;
  readonly store?: StoreReading;
}

/** What the Pods say of their Redis. */
export interface StoreReading {
  /** Random number of the data; only if all Pods that know it agree. */
  readonly identity?: number;
  /** Uids of Pods whose login Redis refuses, and of those that found the keys of another cluster. */
  readonly loginRefused: readonly string[];
  readonly prefixTaken: readonly string[];
}

/** μ before the first measurement, 1/s: low, as too many processors for a moment do no harm. */
export const CAPACITY_PRIOR = 500;
/** After this much busy time a new measurement has a weight of 63 %, s. */
const SMOOTHING_BUSY_SECONDS = 5;

/** Exponential smoothing, weighted by the busy time behind the measurement. */
export function smoothCapacity(
  known: number | undefined,
  work: Pick<Work, 'completed' | 'busySeconds'> | undefined,
): number {
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

/** @param ready processors that are ready now @param targetDrainSeconds T */
export function recommendation(
  load: Load,
  capacity: number,
  ready: number,
  targetDrainSeconds: number,
): number {
  const { arrivalRate, queue } = load;
  const backlog = queue.depth + queue.inFlight;
  const byRate = Math.ceil((arrivalRate + backlog / targetDrainSeconds) / capacity);
  // A single stuck message is old but no load: age counts only when at least as many messages wait as processors are ready.
  const late = queue.oldestSeconds > targetDrainSeconds && queue.depth >= ready;
  const byAge = late
    ? Math.ceil(Math.max(1, ready) * Math.min(2, queue.oldestSeconds / targetDrainSeconds))
    : 0;
  return Math.max(byRate, byAge);
}

/** The load, or why it is unknown. */
export function loadOf({ arrivalRate, queue }: Signals, staleMs: number): Load | string {
  if (queue === undefined) return 'no Pod reports the queue';
  const { depth, oldestSeconds, inFlight, ageMs } = queue;
  if (![depth, oldestSeconds, inFlight].every(isReading)) return 'the reported queue figures are not numbers';
  if (!(ageMs <= staleMs)) return `the last reading of the queue is ${Math.round(ageMs / 1000)} s old`;
  if (arrivalRate === undefined) return 'no ws-proxy Pod has an arrival rate yet';
  if (!isReading(arrivalRate)) return 'the arrival rate is not a number';
  return { arrivalRate, queue };
}

const isReading = (value: number) => Number.isFinite(value) && value >= 0;
