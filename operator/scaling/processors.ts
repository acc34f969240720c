/**
 * How many processors there shall be now. Pure: what is remembered between two decisions
 * (AutoscalingStatus) goes in and comes out, and lives in the status of the cluster.
 *
 * Up at once, but in steps. Down slowly, never blind: only to the highest number wanted in the
 * stabilisation window, never during a rollout; of Pods that are not ready those that are too many go, of
 * those that are ready none. What is missing holds.
 */
import type { AutoscalingStatus, Condition, DefaultedProcessorAutoscaling } from '../api/ocpp-cluster.ts';
import { type Load, loadOf, type Signals, smoothCapacity, wanted } from './demand.ts';
import { highest, type Recommendations, recent, recommend, sinceMs } from './window.ts';

export interface ScaleInput {
  readonly spec: DefaultedProcessorAutoscaling;
  /** spec.processor.replicas, which counts in mode Off. */
  readonly fixedReplicas?: number;
  /** The Deployment as it is; left out where there is none yet. */
  readonly deployment?: {
    readonly replicas: number;
    readonly readyReplicas: number;
    /** New and old Pods side by side. */
    readonly rolling: boolean;
  };
  readonly signals: Signals;
  readonly memory: AutoscalingStatus;
  /** A person forbade to go down. */
  readonly holdScaleIn?: boolean;
  /** ms since 1970 */
  readonly now: number;
  /** Readings older than this hold, ms. */
  readonly staleMs?: number;
}

export interface ScaleDecision {
  readonly replicas: number;
  readonly memory: AutoscalingStatus;
  /** Of AutoscalingActive. */
  readonly condition: Pick<Condition, 'status' | 'reason' | 'message'>;
}

const STALE_MS = 15_000;
const UP_INTERVAL_MS = 15_000;
const DOWN_INTERVAL_MS = 60_000;

export function decide(input: ScaleInput): ScaleDecision {
  const { spec, deployment, memory, now } = input;
  const current = memory.desiredReplicas ?? deployment?.replicas ?? spec.minReplicas;
  const least = input.holdScaleIn === true ? (deployment?.replicas ?? 0) : 0;
  if (spec.mode === 'Off') return off(Math.max(least, input.fixedReplicas ?? current), least);
  const capacityPerReplica = smoothCapacity(memory.capacityPerReplica, input.signals.work);
  const load = loadOf(input.signals, input.staleMs ?? STALE_MS);
  const within = (replicas: number) => Math.min(spec.maxReplicas, Math.max(spec.minReplicas, replicas));

  const ready = deployment?.readyReplicas ?? 0;
  const raw =
    typeof load === 'string' ? current : wanted(load, capacityPerReplica, ready, spec.targetDrainSeconds);
  const incomplete = input.signals.arrivalsIncomplete === true && raw < current;
  const target = within(incomplete ? current : raw);
  const recommendations = recommend(past(input, current), target, now, windowMs(spec));
  const step = nextStep(input, current, target, highest(recommendations) ?? target);
  // The bounds come last: a change of them is an order, not a wish of the load. So is the word not to go down.
  const bounded = within(step.replicas);
  const replicas = Math.max(least, bounded);
  const kept = replicas > bounded ? NOT_DOWN : undefined;
  const told =
    typeof load === 'string' ? held(load, replicas) : followed(load, capacityPerReplica, raw, replicas);
  const unread = incomplete ? 'not down while a ws-proxy Pod is not read' : undefined;
  const limits = [bound(spec, raw), unread, step.limit, kept].filter((limit) => limit !== undefined);
  const reason = [told.message, ...limits].join('; ');
  return {
    replicas,
    memory: {
      ...scaled(memory, current, replicas, now),
      desiredReplicas: replicas,
      reason,
      capacityPerReplica,
      recommendations,
    },
    condition: { ...told, message: reason + ignored(input.fixedReplicas) },
  };
}

const windowMs = (spec: DefaultedProcessorAutoscaling) => spec.scaleDownStabilizationSeconds * 1000;

/** Every clamp is told. */
function bound(
  { minReplicas, maxReplicas }: DefaultedProcessorAutoscaling,
  replicas: number,
): string | undefined {
  if (replicas > maxReplicas) return `at most maxReplicas (${maxReplicas})`;
  return replicas < minReplicas ? `at least minReplicas (${minReplicas})` : undefined;
}

/** Who knows nothing of the window (the first decision, a long outage) takes it to have wanted what there is. */
function past({ spec, memory, now }: ScaleInput, current: number): Recommendations {
  const known = recent(memory.recommendations ?? [], now, windowMs(spec));
  return known.length > 0 ? known : recommend([], current, now, windowMs(spec));
}

interface Step {
  readonly replicas: number;
  /** Why it is not what the load wants. */
  readonly limit?: string;
}

function nextStep(input: ScaleInput, current: number, target: number, windowed: number): Step {
  if (target > current) return stepUp(input, current, target);
  if (windowed < current) return stepDown(input, current, windowed);
  if (target < current) {
    return { replicas: current, limit: `held by the ${input.spec.scaleDownStabilizationSeconds} s window` };
  }
  return { replicas: current };
}

function stepUp({ memory, now }: ScaleInput, current: number, target: number): Step {
  if (memory.lastScaleDirection === 'Up' && sinceMs(memory.lastScaleTime, now) < UP_INTERVAL_MS) {
    return { replicas: current, limit: `${target} wanted, next step up within 15 s` };
  }
  const most = Math.max(current + 4, current * 2);
  return target <= most ? { replicas: target } : { replicas: most, limit: `${target} wanted, in steps` };
}

function stepDown({ spec, deployment, memory, now }: ScaleInput, current: number, target: number): Step {
  const hold = (limit: string) => ({ replicas: current, limit: `${target} would do, ${limit}` });
  if (deployment === undefined || deployment.rolling) return hold('not during a rollout');
  const { readyReplicas } = deployment;
  // What never got ready (no node fits) would hold up the descent for ever. It goes, what is ready stays.
  const least = readyReplicas < current ? Math.max(target, readyReplicas) : target;
  if (readyReplicas < target || least >= current) return hold('not while Pods are not ready');
  // A short window is a wish for a quick descent.
  const paceMs = Math.min(DOWN_INTERVAL_MS, windowMs(spec));
  if (sinceMs(memory.lastScaleTime, now) < paceMs) return hold(`next step down within ${paceMs / 1000} s`);
  return { replicas: Math.max(least, current - Math.max(1, Math.floor(current / 10))) };
}

function scaled(memory: AutoscalingStatus, from: number, to: number, now: number): AutoscalingStatus {
  if (from === to) return memory;
  const lastScaleTime = new Date(now).toISOString();
  return { ...memory, lastScaleTime, lastScaleDirection: to > from ? 'Up' : 'Down' };
}

type Told = ScaleDecision['condition'];

/** Reason of AutoscalingActive where the load is not known. */
export const SIGNALS_MISSING = 'SignalsMissing';

const NOT_DOWN = 'not down while the annotation ocpp.dev/pause-scale-in is "true"';

function off(replicas: number, least: number): ScaleDecision {
  const held = least > 0 && replicas === least ? `; ${NOT_DOWN}` : '';
  const message = `autoscaling.mode is Off: spec.processor.replicas counts (${replicas})${held}`;
  const memory = { desiredReplicas: replicas, reason: message };
  return { replicas, memory, condition: { status: 'False', reason: 'Off', message } };
}

function held(why: string, replicas: number): Told {
  const message = `holding ${replicas}: ${why}. See whether Pods are ready and answer on their admin port`;
  return { status: 'False', reason: SIGNALS_MISSING, message };
}

function followed({ arrivalRate, queue }: Load, capacity: number, raw: number, replicas: number): Told {
  const arrivals = `${round(arrivalRate)} frames/s arrive, ${queue.depth} wait, ${queue.inFlight} in flight`;
  const message = `${arrivals}, one processor does ${round(capacity)}/s: ${raw} wanted`;
  if (raw > replicas) return { status: 'True', reason: 'Limited', message };
  return { status: 'True', reason: 'FollowingQueue', message };
}

const round = (value: number) => Number(value.toPrecision(3));

const ignored = (fixedReplicas: number | undefined) =>
  fixedReplicas === undefined ? '' : '; spec.processor.replicas is ignored in mode Internal';
