/**
 * More processors are not always better: if they wait for a slow Redis or a slow service, or share a CPU that is used up, more
 * of them complete no more messages. While all of them are busy or frames wait, the completions at each number of ready
 * processors are measured. If a larger number completes hardly more than the one before, it becomes a ceiling. The ceiling ends
 * when the load asks for no more, or when the processors complete more than when it was found.
 */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';
import { isWaiting, type Load, type LoadSignals } from './demand.ts';
import { sinceMs } from './window.ts';

type Ceiling = NonNullable<AutoscalingStatus['ceiling']>;
type Measured = NonNullable<AutoscalingStatus['growth']>;

export interface Growth {
  readonly growth?: Measured;
  readonly ceiling?: Ceiling;
}

/** Processors that just became ready fill their caches first; ms. */
const SETTLE_MS = 5000;
/** Added processors are to bring at least this share of what they would bring if all worked alike. */
const LEAST_GAIN = 0.25;
/** So many times the completions end a ceiling: what was slow is fast again. */
const RECOVERED = 1.2;

export interface Moment {
  /** Processors that are ready now. */
  readonly ready: number;
  /** What the load asks for. */
  readonly wanted: number;
  /** ms since 1970 */
  readonly now: number;
}

/** @param load undefined: unknown, so nothing is concluded */
export function growthOf(
  previous: AutoscalingStatus,
  load: Load | undefined,
  signals: LoadSignals,
  { ready, wanted, now }: Moment,
): Growth {
  const { growth: before, ceiling: known, capacityPerReplica } = previous;
  if (load === undefined || ready === 0)
    return { ...(before && { growth: before }), ...(known && { ceiling: known }) };
  const completed = signals.work?.completedPerSecond;
  const isLasting =
    known !== undefined &&
    wanted > known.replicas &&
    !(completed !== undefined && completed > RECOVERED * known.completedPerSecond);
  const kept = isLasting ? { ceiling: known } : {};
  if (!areSaturated(load, signals, ready)) return kept;
  const growth = measured(before, { ready, completed, capacityPerReplica, now });
  const ceiling = isLasting ? known : ceilingOf(growth, signals, now);
  return { growth, ...(ceiling && { ceiling }) };
}

const SATURATED = 0.9;

/** Whether the completions show what the processors can do, and not what arrives. */
function areSaturated(load: Load, { work }: LoadSignals, ready: number): boolean {
  if (isWaiting(load.queue, ready)) return true;
  if (work === undefined) return false;
  if ((shareOf(work, 'busySeconds') ?? 0) >= SATURATED) return true;
  // With many hands they take everything that arrives, and finish less.
  const isPilingUp = work.completedPerSecond < SATURATED * load.arrivalRate;
  return isPilingUp && load.queue.inFlight >= Math.max(1, ready);
}

interface Present {
  readonly ready: number;
  readonly completed: number | undefined;
  readonly capacityPerReplica: number | undefined;
  readonly now: number;
}

function measured(
  before: Measured | undefined,
  { ready, completed, capacityPerReplica, now }: Present,
): Measured {
  const at = (ms: number) => new Date(ms).toISOString();
  const figure = completed === undefined ? {} : { completedPerSecond: completed };
  const calm = capacityPerReplica === undefined ? {} : { calmCapacity: capacityPerReplica };
  // The processors have long been ready. The measurement may cover some time before, and then is low.
  if (before === undefined) return { replicas: ready, since: at(now - SETTLE_MS), ...calm, ...figure };
  if (before.replicas === ready)
    return sinceMs(before.since, now) < SETTLE_MS ? before : { ...before, ...figure };
  const { calmCapacity } = before;
  const kept = calmCapacity === undefined ? {} : { calmCapacity };
  return { replicas: ready, since: at(now), ...kept, ...fewer(before, ready) };
}

/** The last number below `ready` that was measured. */
function fewer(before: Measured, ready: number): Pick<Measured, 'beforeReplicas' | 'beforePerSecond'> {
  const { replicas, completedPerSecond, beforeReplicas, beforePerSecond } = before;
  if (completedPerSecond !== undefined && replicas < ready)
    return { beforeReplicas: replicas, beforePerSecond: completedPerSecond };
  // Another one became ready before the last one was measured.
  if (beforeReplicas === undefined || beforePerSecond === undefined || beforeReplicas >= ready) return {};
  return { beforeReplicas, beforePerSecond };
}

function ceilingOf(growth: Measured, signals: LoadSignals, now: number): Ceiling | undefined {
  const { replicas, completedPerSecond, beforeReplicas, beforePerSecond } = growth;
  if (completedPerSecond === undefined || beforeReplicas === undefined || !beforePerSecond) return undefined;
  const expected = replicas / beforeReplicas - 1;
  const gain = completedPerSecond / beforePerSecond - 1;
  if (gain >= LEAST_GAIN * expected) return undefined;
  const figures = `${replicas} processors complete ${rounded(completedPerSecond)}/s, ${beforeReplicas} completed ${rounded(beforePerSecond)}/s`;
  const evidence = `${figures}: ${slowest(signals)}`;
  return { replicas, since: new Date(now).toISOString(), completedPerSecond, evidence };
}

/** A share of time from which a CPU limit counts as the cause. */
const THROTTLED = 0.1;
const SLOW_STORE_SECONDS = 0.05;
const SLOW_HANDLER_SECONDS = 0.1;
const BUSY = 0.8;

/** For longer a missing measurement hinders no scale-out, ms. */
const LONGEST_MEASUREMENT_MS = 60_000;

/** The effect of the last processors is not measured yet, and there is something to compare it with. */
export const isMeasuring = ({ growth }: Growth, now: number): boolean =>
  growth?.beforePerSecond !== undefined &&
  growth.completedPerSecond === undefined &&
  sinceMs(growth.since, now) < LONGEST_MEASUREMENT_MS;

/** What the figures say of the cause, and what to look at. */
function slowest({ work, storeSeconds }: LoadSignals): string {
  const throttled = shareOf(work, 'throttledSeconds');
  const busy = shareOf(work, 'busySeconds');
  if (throttled !== undefined && throttled > THROTTLED)
    return `their CPU limit stops them for ${percent(throttled)} of the time; raise resources.limits.cpu in spec.processor.podTemplate, or remove it`;
  if (storeSeconds !== undefined && storeSeconds > SLOW_STORE_SECONDS)
    return `Redis takes ${inMs(storeSeconds)} for an answer; look at its CPU, its memory and the network to it`;
  const { handlerSeconds } = work ?? {};
  if (handlerSeconds !== undefined && handlerSeconds > SLOW_HANDLER_SECONDS)
    return `a message takes ${inMs(handlerSeconds)} in its handler; look at the services that the handlers call`;
  if (busy !== undefined && busy > BUSY)
    return `they are busy for ${percent(busy)} of the time; look whether the CPUs of the nodes are used up`;
  return 'they wait for something that no metric shows; look at their logs and at the network to Redis';
}

/** Of the time that the work covers, from 0 to 1. */
export function shareOf(
  work: LoadSignals['work'],
  figure: 'busySeconds' | 'throttledSeconds',
): number | undefined {
  const value = work?.[figure];
  return work === undefined || value === undefined || !(work.seconds > 0)
    ? undefined
    : Math.min(1, value / work.seconds);
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
const inMs = (seconds: number) => `${Math.round(seconds * 1000)} ms`;
const rounded = (value: number) => Number(value.toPrecision(3));
