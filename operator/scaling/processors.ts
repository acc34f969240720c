/**
 * The number of processors. Pure: the state between two decisions (AutoscalingStatus) is an input and an output, and is
 * kept in the status of the cluster.
 *
 * Scale-out is immediate, but in steps. Scale-in is slow and needs signals: never below the highest recommendation
 * within the stabilization window, never during a rollout. While Pods are not ready it removes surplus unready Pods
 * only. Missing data holds the number.
 */
import type { AutoscalingStatus, Condition, DefaultedProcessorAutoscaling } from '../api/ocpp-cluster.ts';
import { type Load, loadOf, type Signals, smoothCapacity, recommendation } from './demand.ts';
import { highest, type Recommendations, recent, recommend, sinceMs } from './window.ts';

/** spec.processor.autoscaling, as far as it concerns the number. */
export type ScalingPolicy = Pick<
  DefaultedProcessorAutoscaling,
  'mode' | 'minReplicas' | 'maxReplicas' | 'targetDrainSeconds' | 'scaleDownStabilizationSeconds'
>;

export interface ProcessorScaleInput {
  readonly spec: ScalingPolicy;
  /** spec.processor.replicas: applies in mode Off. */
  readonly fixedReplicas?: number;
  /** The current Deployment; absent before it exists. */
  readonly deployment?: {
    readonly replicas: number;
    readonly readyReplicas: number;
    /** Pods of the old and of the new template run at the same time. */
    readonly rolling: boolean;
  };
  readonly signals: Signals;
  readonly previous: AutoscalingStatus;
  /** Scale-in is paused by annotation. */
  readonly holdScaleIn?: boolean;
  /** ms since 1970 */
  readonly now: number;
  /** Older readings count as missing, ms. */
  readonly staleMs?: number;
}

export interface ProcessorScaleDecision {
  readonly replicas: number;
  /** Written to spec.processor.replicas through the scale subresource, before an autoscaler reads it. */
  readonly seedReplicas?: number;
  readonly autoscaling: AutoscalingStatus;
  /** AutoscalingActive. */
  readonly condition: Pick<Condition, 'status' | 'reason' | 'message'>;
}

const STALE_MS = 15_000;
const UP_INTERVAL_MS = 15_000;
const DOWN_INTERVAL_MS = 60_000;

export function decideProcessors(input: ProcessorScaleInput): ProcessorScaleDecision {
  const { spec, deployment, previous, now } = input;
  const current = previous.desiredReplicas ?? deployment?.replicas ?? spec.minReplicas;
  const least = input.holdScaleIn === true ? (deployment?.replicas ?? 0) : 0;
  if (spec.mode === 'Off') return off(Math.max(least, input.fixedReplicas ?? current), least);
  const capacityPerReplica = smoothCapacity(previous.capacityPerReplica, input.signals.work);
  const load = loadOf(input.signals, input.staleMs ?? STALE_MS);
  const within = (replicas: number) => Math.min(spec.maxReplicas, Math.max(spec.minReplicas, replicas));

  const ready = deployment?.readyReplicas ?? 0;
  const raw =
    typeof load === 'string'
      ? current
      : recommendation(load, capacityPerReplica, ready, spec.targetDrainSeconds);
  const incomplete = input.signals.arrivalsIncomplete === true && raw < current;
  const target = within(incomplete ? current : raw);
  const recommendations = recommend(earlier(input, current), target, now, windowMs(spec));
  const step = nextStep(input, current, target, highest(recommendations) ?? target);
  // Bounds override the recommendation, and a paused scale-in overrides the bounds.
  const bounded = within(step.replicas);
  const replicas = Math.max(least, bounded);
  const paused = replicas > bounded ? SCALE_IN_PAUSED : undefined;
  const condition =
    typeof load === 'string' ? held(load, replicas) : followed(load, capacityPerReplica, raw, replicas);
  const partial = incomplete ? 'no scale-in while the metrics of a ws-proxy Pod are missing' : undefined;
  const limits = [bound(spec, raw), partial, step.limit, paused].filter((limit) => limit !== undefined);
  const reason = [condition.message, ...limits].join('; ');
  return {
    replicas,
    autoscaling: {
      ...scaled(previous, current, replicas, now),
      desiredReplicas: replicas,
      reason,
      capacityPerReplica,
      recommendations,
    },
    condition: { ...condition, message: reason + ignored(input.fixedReplicas) },
  };
}

const windowMs = (spec: ScalingPolicy) => spec.scaleDownStabilizationSeconds * 1000;

/** Every clamp shows in the status. */
function bound({ minReplicas, maxReplicas }: ScalingPolicy, replicas: number): string | undefined {
  if (replicas > maxReplicas) return `at most maxReplicas (${maxReplicas})`;
  return replicas < minReplicas ? `at least minReplicas (${minReplicas})` : undefined;
}

/** Without recommendations in the window (first decision, long outage) the current number counts as recommended. */
function earlier({ spec, previous, now }: ProcessorScaleInput, current: number): Recommendations {
  const known = recent(previous.recommendations ?? [], now, windowMs(spec));
  return known.length > 0 ? known : recommend([], current, now, windowMs(spec));
}

interface Step {
  readonly replicas: number;
  /** Why it differs from the recommendation. */
  readonly limit?: string;
}

function nextStep(input: ProcessorScaleInput, current: number, target: number, windowed: number): Step {
  if (target > current) return stepUp(input, current, target);
  if (windowed < current) return stepDown(input, current, windowed);
  if (target < current) {
    return {
      replicas: current,
      limit: `held by the ${input.spec.scaleDownStabilizationSeconds} s stabilization window`,
    };
  }
  return { replicas: current };
}

function stepUp({ previous, now }: ProcessorScaleInput, current: number, target: number): Step {
  if (previous.lastScaleDirection === 'Up' && sinceMs(previous.lastScaleTime, now) < UP_INTERVAL_MS) {
    return { replicas: current, limit: `scale-out to ${target}: next step within 15 s` };
  }
  const most = Math.max(current + 4, current * 2);
  return target <= most ? { replicas: target } : { replicas: most, limit: `scale-out to ${target} in steps` };
}

function stepDown(
  { spec, deployment, previous, now }: ProcessorScaleInput,
  current: number,
  target: number,
): Step {
  const hold = (limit: string) => ({ replicas: current, limit });
  const noScaleIn = (why: string) => hold(`no scale-in to ${target} ${why}`);
  if (deployment === undefined || deployment.rolling) return noScaleIn('during a rollout');
  const { readyReplicas } = deployment;
  // Pods that never became ready (no node fits) must not block scale-in: they are removed, ready ones stay.
  const least = readyReplicas < current ? Math.max(target, readyReplicas) : target;
  if (readyReplicas < target || least >= current) return noScaleIn('while Pods are not ready');
  // A short window asks for a quick scale-in.
  const paceMs = Math.min(DOWN_INTERVAL_MS, windowMs(spec));
  if (sinceMs(previous.lastScaleTime, now) < paceMs)
    return hold(`scale-in to ${target}: next step within ${paceMs / 1000} s`);
  return { replicas: Math.max(least, current - Math.max(1, Math.floor(current / 10))) };
}

function scaled(previous: AutoscalingStatus, from: number, to: number, now: number): AutoscalingStatus {
  if (from === to) return previous;
  const lastScaleTime = new Date(now).toISOString();
  return { ...previous, lastScaleTime, lastScaleDirection: to > from ? 'Up' : 'Down' };
}

type ScalingCondition = ProcessorScaleDecision['condition'];

/** Reason of AutoscalingActive while the load is unknown. */
export const SIGNALS_MISSING = 'SignalsMissing';

const SCALE_IN_PAUSED = 'no scale-in while the annotation ocpp.dev/pause-scale-in is "true"';

function off(replicas: number, least: number): ProcessorScaleDecision {
  const held = least > 0 && replicas === least ? `; ${SCALE_IN_PAUSED}` : '';
  const message = `autoscaling.mode is Off: spec.processor.replicas applies (${replicas})${held}`;
  const autoscaling = { desiredReplicas: replicas, reason: message };
  return { replicas, autoscaling, condition: { status: 'False', reason: 'Off', message } };
}

function held(why: string, replicas: number): ScalingCondition {
  const message = `holding ${replicas}: ${why}. Check that the Pods are ready and serve metrics on their admin port`;
  return { status: 'False', reason: SIGNALS_MISSING, message };
}

function followed(
  { arrivalRate, queue }: Load,
  capacity: number,
  raw: number,
  replicas: number,
): ScalingCondition {
  const arrivals = `${round(arrivalRate)} frames/s arrive, ${queue.depth} wait, ${queue.inFlight} in flight`;
  const message = `${arrivals}, one processor handles ${round(capacity)}/s: ${raw} recommended`;
  if (raw > replicas) return { status: 'True', reason: 'Limited', message };
  return { status: 'True', reason: 'FollowingQueue', message };
}

const round = (value: number) => Number(value.toPrecision(3));

const ignored = (fixedReplicas: number | undefined) =>
  fixedReplicas === undefined ? '' : '; spec.processor.replicas is ignored in mode Internal';
