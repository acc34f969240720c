/**
 * More processors are not always better: if they wait for a slow Redis or a slow service, or share a CPU that is used up, more
 * of them complete no more messages. While they are saturated, the completions at each number of ready processors are
 * measured. If a larger number completes hardly more than the one before, it becomes a ceiling. The ceiling ends when the load
 * has asked for no more for a while, when the processors complete more than when it was found, or when a probe does: now and then some
 * processors more are tried, and taken back if they do not help.
 */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';
import { type Activity, isWaiting, type Load, type LoadSignals } from './demand.ts';
import { sinceMs } from './window.ts';

type Ceiling = NonNullable<AutoscalingStatus['ceiling']>;
type Measured = NonNullable<AutoscalingStatus['growth']>;

export interface Growth {
  readonly growth?: Measured;
  readonly ceiling?: Ceiling;
}

/** Processors that just became ready fill their caches first; ms. */
const SETTLE_MS = 5000;
/** Fewer messages show little but chance, unless it takes too long. */
const ENOUGH_MESSAGES = 100;
const LONGEST_MEASUREMENT_MS = 45_000;
/** Later, other messages may be to blame for the difference; ms. */
const COMPARABLE_MS = 120_000;
/** Added processors are to bring at least this share of what they would bring if all worked alike. */
const LEAST_GAIN = 0.25;
/** So many times the completions end a ceiling: what was slow is fast again. */
const RECOVERED = 1.2;
/** Of a new measurement in the mean at one number of processors. */
const WEIGHT = 0.3;
const PROBE = {
  everyMs: 900_000,
  /** Time for its Pods to start and to be measured. */
  lastsMs: 120_000,
  judgedAfterMs: 30_000,
  share: 0.25,
  leastGain: 0.5,
};

export interface Moment {
  /** Processors that are ready now. */
  readonly ready: number;
  /** What the load asks for. */
  readonly wanted: number;
  /** Pods of two templates run: another number may be for that. */
  readonly rolling: boolean;
  /** The stabilization window, ms. */
  readonly windowMs: number;
  /** ms since 1970 */
  readonly now: number;
}

/** @param load undefined: unknown, so nothing is concluded */
export function growthOf(
  previous: AutoscalingStatus,
  load: Load | undefined,
  signals: LoadSignals,
  moment: Moment,
): Growth {
  const { growth: before, ceiling } = previous;
  const { activity } = signals;
  const { ready, now, rolling } = moment;
  if (load === undefined || ready === 0) return present(before, ceiling);
  const known = ceiling && kept(ceiling, moment);
  const saturated = areSaturated(load, activity, ready);
  if (saturated === undefined) return present(before, known);
  if (!saturated) return present(undefined, known);
  const completed = activity?.completedPerSecond;
  const growth = measured(before, previous.capacityPerReplica, completed, moment);
  if (known === undefined) {
    if (rolling) return present(judged(growth), undefined);
    if (!isMeasured(growth, now)) return present(growth, undefined);
    // Compared once: the messages may change afterwards.
    return present(judged(growth), ceilingOf(growth, signals, now));
  }
  if (completed !== undefined && completed > RECOVERED * known.completedPerSecond) return {};
  if (hasHelped(growth, known, now)) return present(growth, undefined);
  if (!isLimiting(known, moment.wanted)) return present(growth, known);
  const isDue = isWaiting(load.queue, ready) && sinceMs(known.probeTime ?? known.since, now) >= PROBE.everyMs;
  return present(growth, isDue ? { ...known, probeTime: timeOf(now) } : known);
}

/** A load that comes in waves needs the ceiling again with the next one. */
const KEPT_MS = 600_000;

function kept(ceiling: Ceiling, { wanted, windowMs, now }: Moment): Ceiling | undefined {
  if (isLimiting(ceiling, wanted)) return { ...ceiling, neededTime: timeOf(now) };
  const sinceNeeded = sinceMs(ceiling.neededTime ?? ceiling.since, now);
  return sinceNeeded < Math.max(KEPT_MS, windowMs) ? ceiling : undefined;
}

/** Whether the load asks for more processors than help. */
export const isLimiting = (ceiling: Ceiling | undefined, wanted: number): boolean =>
  ceiling !== undefined && wanted > ceiling.replicas;

const present = (growth: Measured | undefined, ceiling: Ceiling | undefined): Growth => ({
  ...(growth && { growth }),
  ...(ceiling && { ceiling }),
});

const timeOf = (ms: number) => new Date(ms).toISOString();

/** The number of processors that helps at most, with those of a probe. */
export function mostUseful({ ceiling }: Growth, now: number): number | undefined {
  if (ceiling?.probeTime === undefined || sinceMs(ceiling.probeTime, now) >= PROBE.lastsMs)
    return ceiling?.replicas;
  return ceiling.replicas + Math.max(1, Math.ceil(PROBE.share * ceiling.replicas));
}

const SATURATED_SHARE = 0.98;
const PILING_UP = 0.95;

/** Whether the completions show what the processors can do, and not what arrives. Undefined: unknown. */
function areSaturated(load: Load, activity: Activity | undefined, ready: number): boolean | undefined {
  if (isWaiting(load.queue, ready)) return true;
  if (activity === undefined) return undefined;
  if (activity.busyShare >= SATURATED_SHARE) return true;
  // With a high concurrency they claim everything that arrives, and finish less.
  const isPilingUp = activity.completedPerSecond < PILING_UP * load.arrivalRate;
  return isPilingUp && load.queue.inFlight >= Math.max(1, ready);
}

function measured(
  before: Measured | undefined,
  capacity: number | undefined,
  completed: number | undefined,
  { ready, now }: Moment,
): Measured {
  const calm = capacity === undefined ? {} : { calmCapacity: capacity };
  // The present figure is partly of the time before, with other messages.
  if (before === undefined) return { replicas: ready, since: timeOf(now), ...calm };
  if (before.replicas === ready) return measuredAgain(before, completed, now);
  const { calmCapacity } = before;
  const kept = calmCapacity === undefined ? {} : { calmCapacity };
  return { replicas: ready, since: timeOf(now), ...kept, ...fewer(before, ready, now) };
}

function measuredAgain(before: Measured, completed: number | undefined, now: number): Measured {
  const { completedPerSecond: mean, beforeReplicas, beforePerSecond, beforeTime, ...rest } = before;
  const isComparable = beforeTime !== undefined && sinceMs(beforeTime, now) < COMPARABLE_MS;
  const compared = isComparable ? { beforeReplicas, beforePerSecond, beforeTime } : {};
  const isSettled = completed !== undefined && sinceMs(before.since, now) >= SETTLE_MS;
  const next = isSettled ? (mean === undefined ? completed : mean + WEIGHT * (completed - mean)) : mean;
  return { ...rest, ...compared, ...(next !== undefined && { completedPerSecond: next }) } as Measured;
}

function isMeasured({ since, completedPerSecond }: Measured, now: number): boolean {
  if (completedPerSecond === undefined) return false;
  const ms = sinceMs(since, now);
  return ms >= LONGEST_MEASUREMENT_MS || (ms / 1000) * completedPerSecond >= ENOUGH_MESSAGES;
}

function judged(growth: Measured): Measured {
  const { beforeReplicas: _, beforePerSecond: __, beforeTime: ___, ...rest } = growth;
  return rest;
}

/** The last number below `ready` that was measured. */
function fewer(
  before: Measured,
  ready: number,
  now: number,
): Pick<Measured, 'beforeReplicas' | 'beforePerSecond' | 'beforeTime'> {
  const { replicas, completedPerSecond, beforeReplicas, beforePerSecond, beforeTime } = before;
  if (completedPerSecond !== undefined && replicas < ready)
    return { beforeReplicas: replicas, beforePerSecond: completedPerSecond, beforeTime: timeOf(now) };
  // Another one became ready before the last one was measured.
  if (beforeReplicas === undefined || beforePerSecond === undefined || beforeTime === undefined) return {};
  return beforeReplicas < ready ? { beforeReplicas, beforePerSecond, beforeTime } : {};
}

/** What the added processors brought, of what they would bring if all worked alike. Undefined: not measured. */
function gainOf({ replicas, completedPerSecond, beforeReplicas, beforePerSecond }: Measured) {
  if (completedPerSecond === undefined || beforeReplicas === undefined || !beforePerSecond) return undefined;
  return (completedPerSecond / beforePerSecond - 1) / (replicas / beforeReplicas - 1);
}

function ceilingOf(growth: Measured, signals: LoadSignals, now: number): Ceiling | undefined {
  const { replicas, completedPerSecond = 0, beforeReplicas, beforePerSecond = 0 } = growth;
  const gain = gainOf(growth);
  if (gain === undefined || gain >= LEAST_GAIN) return undefined;
  const figures = `${replicas} processors complete ${rounded(completedPerSecond)}/s, ${beforeReplicas} completed ${rounded(beforePerSecond)}/s`;
  return { replicas, since: timeOf(now), completedPerSecond, evidence: `${figures}: ${slowest(signals)}` };
}

/** The processors of a probe were measured for a while, as few of them bring little more than chance. */
function hasHelped(growth: Measured, { replicas }: Ceiling, now: number): boolean {
  const isEarly = sinceMs(growth.since, now) < PROBE.judgedAfterMs || !isMeasured(growth, now);
  if (growth.replicas <= replicas || isEarly) return false;
  return (gainOf(growth) ?? 0) >= PROBE.leastGain;
}

/** What the ready processors complete is not measured yet; without any measurement there is nothing to wait for. */
export const isMeasuring = ({ growth }: Growth, now: number): boolean =>
  growth !== undefined &&
  (growth.beforePerSecond !== undefined || growth.calmCapacity !== undefined) &&
  !isMeasured(growth, now) &&
  sinceMs(growth.since, now) < LONGEST_MEASUREMENT_MS + SETTLE_MS;

/** A share of time from which a CPU limit counts as the cause. */
const THROTTLED = 0.1;
const SLOW_STORE_SECONDS = 0.05;
const SLOW_HANDLER_SECONDS = 0.1;
const BUSY = 0.8;

/** What the figures say of the cause, and what to look at. */
function slowest({ activity, storeSeconds }: LoadSignals): string {
  const { throttledShare: throttled = 0, handlerSeconds, busyShare = 0 } = activity ?? {};
  if (throttled > THROTTLED)
    return `their CPU limit stops them for ${percent(throttled)} of the time; raise resources.limits.cpu in spec.processor.podTemplate, or remove it`;
  if (storeSeconds !== undefined && storeSeconds > SLOW_STORE_SECONDS)
    return `Redis takes ${inMs(storeSeconds)} for an answer; look at its CPU, its memory and the network to it`;
  if (handlerSeconds !== undefined && handlerSeconds > SLOW_HANDLER_SECONDS)
    return `a message takes ${inMs(handlerSeconds)} in its handler; look at the services that the handlers call`;
  if (busyShare > BUSY)
    return `they are busy for ${percent(busyShare)} of the time; look whether the CPUs of the nodes are used up`;
  return 'they wait for something that no metric shows; look at their logs and at the network to Redis';
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
const inMs = (seconds: number) => `${Math.round(seconds * 1000)} ms`;
const rounded = (value: number) => Number(value.toPrecision(3));
