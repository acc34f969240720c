/**
 * The measurements that the scaler works with, and the number of processors that the load asks for:
 *
 *     max( ⌈λ / 0.9 μ⌉, ⌈Q / T μ⌉, by the age of the oldest frame )
 *
 * λ = frames that arrive per second, Q = frames that wait, T = time in which a waiting frame is to be processed, μ = capacity
 * of one processor. Frames in flight are not waiting: by Little's law λ and μ account for them. μ is completions per BUSY
 * second (capacity.ts): while nothing waits, completions equal arrivals whatever the number of processors.
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

/** What the processors did since the last decision: sums over all of them. Passed to one decision only. */
export interface Work {
  /** Deliveries completed. */
  readonly completed: number;
  /** Time that the processors were busy, or stopped by their CPU limit. */
  readonly busySeconds: number;
  /** Time that the sums cover: two processors over 5 s are 10 s. */
  readonly seconds: number;
}

/** How the ready processors work now, each between its last two readings. Passed to every decision. */
export interface Activity {
  /** Deliveries completed per second, by all processors together. */
  readonly completedPerSecond: number;
  /** Share of their time that they are busy, 0 to 1. */
  readonly busyShare: number;
  /** Share of their time that the CPU limit stops them; absent where it cannot be read. */
  readonly throttledShare?: number;
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
  /** Absent until each ready processor was read twice; one that cannot be read counts as the mean of the others. */
  readonly activity?: Activity;
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
  /** Deliveries that each processor is handling, by uid of its Pod; only Pods with a recent reading. */
  readonly inFlightOf?: ReadonlyMap<string, number>;
  readonly store?: StoreReading;
  readonly security?: SecurityReading;
  /** Uids of Pods that do not apply their changed settings; only Pods with a recent reading. */
  readonly settingsRejected?: readonly string[];
}

/** What the ws-proxies say of who their stations are, and the processors of their authority. */
export interface SecurityReading {
  /** Connected stations that mode Enforce would refuse; absent while a ws-proxy has no recent reading. */
  readonly unproven?: number;
  readonly certificates: readonly CertificateReading[];
  /** Changed files of listeners that a ws-proxy refuses. */
  readonly rejected: readonly RefusedFiles[];
  /** Uids of ws-proxies that cannot read the entries of stations. */
  readonly sourceFailing: readonly string[];
  /** Connected stations whose certificate expires within 7 days; absent while a ws-proxy has no recent reading. */
  readonly stationsExpiring?: number;
  /** When the certificate of the internal authority expires, s since 1970; absent while no processor says so. */
  readonly authorityExpires?: number;
}

export interface RefusedFiles {
  readonly listener: string;
  /** Which file, and why. */
  readonly problem: string;
}

export interface CertificateReading {
  readonly listener: string;
  /** Which file of it. */
  readonly what: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

/** What the Pods say of their Redis. */
export interface StoreReading {
  /** Random number of the data; only if all Pods that know it agree. */
  readonly identity?: number;
  /** Uids of Pods whose login Redis refuses, and of those that found the keys of another cluster. */
  readonly loginRefused: readonly string[];
  readonly prefixTaken: readonly string[];
  /** When the certificate of Redis expires, s since 1970; absent without TLS, and while no processor says so. */
  readonly certificateExpires?: number;
}

export interface Load {
  /** Frames per second. */
  readonly arrivalRate: number;
  /** The same between the last two readings. */
  readonly recentArrivalRate: number;
  readonly queue: QueueReading;
  /** Stations that are connected, if that is known. */
  readonly sessions?: number;
}

/** Numbers of processors, before bounds, windows and steps. */
export interface Demand {
  /** What the load asks for. */
  readonly replicas: number;
  /** The fewest that a scale-in may leave. More than `replicas`, so that noise does not add and remove one in turn. */
  readonly least: number;
}

/** The highest share of its time that a processor is to be busy: a queue whose servers are always busy never drains. */
const BUSIEST = 0.9;
/** After a scale-in processors are busy for this share at most, or the next wave would undo it. */
const BUSIEST_AFTER_SCALE_IN = 0.75;
/** So many times the arrivals are completed: the number of waiting frames falls, and not by chance. */
const DRAINING = 1.1;

export interface Present {
  /** μ */
  readonly capacity: number;
  /** Processors that are ready now. */
  readonly ready: number;
  readonly activity?: Activity | undefined;
}

/** @param targetDrainSeconds T */
export function demandOf(load: Load, present: Present, targetDrainSeconds: number): Demand {
  const { queue, arrivalRate } = load;
  const { capacity, ready, activity } = present;
  const forBacklog = queue.depth / (targetDrainSeconds * capacity);
  const forArrivals = neededFor(load, present);
  // Old frames that become fewer need no more processors than their number asks for.
  const isDraining = activity !== undefined && activity.completedPerSecond > DRAINING * arrivalRate;
  const byAge = isDraining ? 0 : forAge(queue, ready, targetDrainSeconds);
  // A backlog drains within the spare time, and sooner with one processor more.
  const one = isWaiting(queue, ready) && rateOfStations(load, activity) <= arrivalRate ? 1 : 0;
  const forBoth = Math.min(forArrivals + one, Math.ceil(forArrivals * BUSIEST + forBacklog));
  const replicas = Math.max(forArrivals, Math.ceil(forBacklog), forBoth, byAge);
  return { replicas, least: Math.max(replicas, neededFor(load, present, BUSIEST_AFTER_SCALE_IN)) };
}

/** Processors that arrivals alone ask for: a backlog that grows while Pods start does not raise it. */
export function neededFor(load: Load, present: Present, busiest = BUSIEST): number {
  return Math.ceil(rateOf(load, present) / (busiest * present.capacity));
}

function rateOf(load: Load, { ready, activity }: Present): number {
  const { arrivalRate, recentArrivalRate, queue } = load;
  // A burst that the processors handle with ease needs no more of them.
  if (!isWaiting(queue, ready) && (activity?.busyShare ?? 0) < BUSIEST) return arrivalRate;
  const seen = Math.max(arrivalRate, recentArrivalRate);
  if (!isWaiting(queue, ready)) return seen;
  const queued = Math.max(seen, rateInQueue(queue));
  return Math.max(queued, Math.min(rateOfStations(load, activity), MOST_HIDDEN * queued));
}

/** Stations that have much to say send the next message this time after an answer, at the soonest; s. */
const LEAST_PAUSE_SECONDS = 2;
/** The difference of two figures that are alike is a guess: it counts for so many times what is seen at most. */
const MOST_HIDDEN = 4;
const ALIKE = 1.2;

/**
 * A station sends no CALL before the last one is answered, so what arrives depends on how fast it is answered. N stations that
 * send λ per second in all send one message per N / λ each, and W of that time it waits in the queue. Without the wait they would
 * send N / (N / λ − W). 0: nothing that the arrivals do not show.
 */
function rateOfStations(
  { recentArrivalRate, queue, sessions = 0 }: Load,
  activity: Activity | undefined,
): number {
  if (!(sessions > 0) || !(recentArrivalRate > 0) || queue.oldestSeconds < LEAST_PAUSE_SECONDS) return 0;
  // While more or fewer frames arrive than are answered, the stations do not wait for answers yet, or no longer.
  const answered = activity?.completedPerSecond ?? 0;
  if (Math.max(answered, recentArrivalRate) > ALIKE * Math.min(answered, recentArrivalRate)) return 0;
  const pauseSeconds = Math.max(LEAST_PAUSE_SECONDS, sessions / recentArrivalRate - queue.oldestSeconds);
  return sessions / pauseSeconds;
}

/** Below, the rate in the queue would be that of a burst; above, that of the past; s. */
const QUEUE_SECONDS = { least: 2, most: 6 };

/** The queue is first in, first out: it has what arrived since its oldest frame. The rate sees a step that began a moment ago. */
const rateInQueue = ({ depth, oldestSeconds }: QueueReading): number =>
  oldestSeconds < QUEUE_SECONDS.least || oldestSeconds > QUEUE_SECONDS.most ? 0 : depth / oldestSeconds;

/** A frame that waits for longer is not just passing through the queue, s. */
const PASSING_SECONDS = 1;

/** Whether the processors do not keep up: each of them has frames that wait for it. A single stuck frame is old but no load. */
export const isWaiting = ({ depth, oldestSeconds }: QueueReading, ready: number): boolean =>
  depth >= Math.max(1, ready) && oldestSeconds >= PASSING_SECONDS;

/** The rate and the capacity may be wrong; old frames are a fact. */
function forAge(queue: QueueReading, ready: number, targetDrainSeconds: number): number {
  if (queue.oldestSeconds <= targetDrainSeconds || !isWaiting(queue, ready)) return 0;
  return Math.ceil(Math.max(1, ready) * Math.min(2, queue.oldestSeconds / targetDrainSeconds));
}

/** The load, or why it is unknown. */
export function loadOf(signals: Signals, staleMs: number): Load | string {
  const { arrivalRate, recentArrivalRate = arrivalRate, queue, problem, sessions } = signals;
  if (problem !== undefined) return problem;
  if (queue === undefined) return 'no Pod reports the queue';
  const { depth, oldestSeconds, inFlight, ageMs } = queue;
  if (![depth, oldestSeconds, inFlight].every(isReading)) return 'the reported queue figures are not numbers';
  if (!(ageMs <= staleMs)) return `the last reading of the queue is ${Math.round(ageMs / 1000)} s old`;
  if (arrivalRate === undefined || recentArrivalRate === undefined)
    return 'no ws-proxy Pod has an arrival rate yet';
  if (!isReading(arrivalRate) || !isReading(recentArrivalRate)) return 'the arrival rate is not a number';
  return {
    arrivalRate,
    recentArrivalRate,
    queue,
    ...(sessions !== undefined && isReading(sessions) && { sessions }),
  };
}

const isReading = (value: number) => Number.isFinite(value) && value >= 0;
