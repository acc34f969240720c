/** The decision in words and figures, for the status, Events and metrics. Pure. */
import type { AutoscalingStatus, Condition } from '../api/ocpp-cluster.ts';
import { CAPACITY_PRIOR } from './capacity.ts';
import type { Load, LoadSignals, Signals } from './demand.ts';
import type { Recommendation, ScalingPolicy } from './decision.ts';
import { isLimiting } from './growth.ts';
import type { Step } from './steps.ts';
import { sinceMs } from './window.ts';

type ScalingCondition = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Reasons of AutoscalingActive: the load is unknown; more processors complete no more. */
export const SIGNALS_MISSING = 'SignalsMissing';
export const NO_GAIN = 'NoGain';

/** A load near maxReplicas is above it and below it in turn; the reason stays; ms. */
const LIMITED_MS = 120_000;

export function held(why: string, replicas: number, { problem }: LoadSignals): ScalingCondition {
  // A source that says what is wrong says what to do.
  const remedy =
    problem === undefined ? '. Check that the Pods are ready and serve metrics on their admin port' : '';
  return { status: 'False', reason: SIGNALS_MISSING, message: `holding ${replicas}: ${why}${remedy}` };
}

export function followed(
  load: Load,
  { capacity, demand, kept }: Recommendation,
  now: number,
): ScalingCondition {
  const { depth, oldestSeconds, inFlight } = load.queue;
  const age = depth > 0 ? ` (the oldest for ${round(oldestSeconds)} s)` : '';
  const arrivals = `${round(load.arrivalRate)} frames/s arrive, ${depth} wait${age}, ${inFlight} in flight`;
  const handles =
    capacity === undefined
      ? `one processor is taken to handle ${CAPACITY_PRIOR}/s until that is measured`
      : `one processor handles ${round(capacity)}/s`;
  const throttled = kept.inputs?.throttledShare ?? 0;
  const stopped =
    throttled > 0.1
      ? `; the CPU limit stops the processors for ${Math.round(throttled * 100)} % of the time`
      : '';
  const message = `${arrivals}, ${handles}${stopped}: ${demand?.replicas ?? 0} recommended`;
  const reason = isLimiting(kept.ceiling, demand?.replicas ?? 0) ? NO_GAIN : reasonOf(kept, now);
  return { status: 'True', reason, message };
}

function reasonOf({ lastLimitedTime }: AutoscalingStatus, now: number): string {
  return sinceMs(lastLimitedTime, now) < LIMITED_MS ? 'Limited' : 'FollowingQueue';
}

export const SCALE_IN_PAUSED = 'no scale-in while the annotation ocpp.dev/pause-scale-in is "true"';

export interface Limits {
  readonly spec: ScalingPolicy;
  readonly recommendation: Recommendation;
  /** The arrival rate lacks a ws-proxy, and a scale-in would follow. */
  readonly isIncomplete: boolean;
  readonly step: Step;
  readonly isPaused: boolean;
}

/** Every clamp shows in the status. */
export function limitsOf({ spec, recommendation, isIncomplete, step, isPaused }: Limits): string[] {
  const { replicas, limits } = recommendation;
  const texts = [
    ...limits,
    bound(spec, replicas),
    isIncomplete ? 'no scale-in while the metrics of a ws-proxy Pod are missing' : undefined,
    step.limit,
    isPaused ? SCALE_IN_PAUSED : undefined,
  ];
  return texts.filter((text) => text !== undefined);
}

function bound(
  { minReplicas, maxReplicas }: ScalingPolicy,
  replicas: number | undefined,
): string | undefined {
  if (replicas === undefined) return undefined;
  if (replicas > maxReplicas) return `at most maxReplicas (${maxReplicas})`;
  return replicas < minReplicas ? `at least minReplicas (${minReplicas})` : undefined;
}

/** The figures behind a decision. */
export function inputsOf(signals: Signals, load: Load | undefined): NonNullable<AutoscalingStatus['inputs']> {
  const { activity, storeSeconds, source = 'Pods' } = signals;
  const figures = {
    ageSeconds: load && load.queue.ageMs / 1000,
    arrivalsPerSecond: load?.arrivalRate,
    recentArrivalsPerSecond: load?.recentArrivalRate,
    stations: load?.sessions,
    waiting: load?.queue.depth,
    oldestSeconds: load?.queue.oldestSeconds,
    inFlight: load?.queue.inFlight,
    completedPerSecond: activity?.completedPerSecond,
    busyShare: activity?.busyShare,
    throttledShare: activity?.throttledShare,
    handlerSeconds: activity?.handlerSeconds,
    storeSeconds,
  };
  const known = Object.entries(figures).filter(([, value]) => value !== undefined);
  return { source, ...Object.fromEntries(known.map(([name, value]) => [name, round(value ?? 0)])) };
}

const round = (value: number) => Number(value.toPrecision(3));
