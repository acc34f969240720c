/**
 * The number of ws-proxies, from the stations that are connected. Pure: the state between two decisions is an input and an
 * output, and is kept in the status of the cluster.
 *
 * Stations keep their Pod when Pods are added, and reconnect when theirs is removed. So scale-out is immediate and
 * unlimited. Scale-in removes one Pod at a time, within what the whole stabilization window allows, with some headroom,
 * and never while Pods start, drain or are replaced. Missing data holds the number.
 */
import type { DefaultedProxy, ProxyAutoscalingStatus } from '../api/ocpp-cluster.ts';
import { highest, type Recommendations, recent, recommend, sinceMs } from './window.ts';

export interface ProxyScaleInput {
  readonly spec: Pick<DefaultedProxy, 'replicas' | 'maxSessionsPerPod' | 'autoscaling'>;
  /** The current Deployment; absent before it exists. */
  readonly deployment?: {
    readonly replicas: number;
    readonly readyReplicas: number;
    /** Pods of two templates run at the same time, or its controller has not observed the last change. */
    readonly rolling: boolean;
  };
  /** Terminating ws-proxy Pods. */
  readonly draining: number;
  /** Open station sockets of all Pods; absent when the reading of one Pod is missing. */
  readonly sessions?: number;
  /** Absent: autoscaling was off until now. */
  readonly previous?: ProxyAutoscalingStatus;
  /** Scale-in is paused by annotation. */
  readonly holdScaleIn?: boolean;
  /** ms since 1970 */
  readonly now: number;
}

export interface ProxyScaleDecision {
  readonly replicas: number;
  /** Absent when the spec sets the number. */
  readonly autoscaling?: ProxyAutoscalingStatus;
}

type Autoscaling = NonNullable<DefaultedProxy['autoscaling']>;

/** No Pod is filled beyond this share of maxSessionsPerPod: headroom for the stations of a lost Pod. */
const FULLEST = 0.8;
/** After a scale-in Pods are filled to this share of the target at most, or the next station would undo it. */
const HEADROOM = 0.9;
/** By then the stations of the removed Pod have reconnected and are counted on their new Pods. */
const DOWN_INTERVAL_MS = 300_000;

export function decideProxies(input: ProxyScaleInput): ProxyScaleDecision {
  const { spec, deployment } = input;
  const least = input.holdScaleIn === true ? (deployment?.replicas ?? 0) : 0;
  if (spec.autoscaling === undefined) return { replicas: Math.max(least, spec.replicas) };
  return follow(input, spec.autoscaling, least);
}

function follow(input: ProxyScaleInput, spec: Autoscaling, least: number): ProxyScaleDecision {
  const { deployment, previous = {}, sessions, now } = input;
  const current = previous.desiredReplicas ?? deployment?.replicas ?? spec.minReplicas;
  const within = (replicas: number) => Math.min(spec.maxReplicas, Math.max(spec.minReplicas, replicas));
  const fill = Math.min(spec.targetSessionsPerPod, Math.max(1, input.spec.maxSessionsPerPod * FULLEST));
  const known = sessions !== undefined && Number.isFinite(sessions) && sessions >= 0;
  const recommended = known ? Math.ceil(sessions / fill) : current;
  const recommendedForScaleIn = known ? Math.ceil(sessions / (fill * HEADROOM)) : current;
  const recommendations = recommend(
    earlier(input, spec, current),
    within(recommendedForScaleIn),
    now,
    windowMs(spec),
  );

  const step = nextStep(input, spec, {
    current,
    recommended: within(recommended),
    recommendedForScaleIn: within(recommendedForScaleIn),
    highestInWindow: Math.min(spec.maxReplicas, highest(recommendations) ?? current),
    known,
  });
  const replicas = Math.max(step.replicas, spec.minReplicas, least);
  const reason = [
    known
      ? `${Math.round(sessions)} stations, ${Math.round(fill)} per Pod: ${recommended} recommended`
      : holding(replicas),
    bound(spec, recommended),
    step.limit,
  ]
    .filter((part) => part !== undefined)
    .join('; ');
  return {
    replicas,
    autoscaling: autoscalingStatus(previous, current, replicas, reason, recommendations, now),
  };
}

const windowMs = (spec: Autoscaling) => spec.scaleDownStabilizationSeconds * 1000;

const holding = (replicas: number) =>
  `holding ${replicas}: the metrics of a ws-proxy Pod are missing. Check that the Pods are ready and serve metrics on their admin port`;

/** Every clamp shows in the status. */
function bound({ minReplicas, maxReplicas }: Autoscaling, replicas: number): string | undefined {
  if (replicas > maxReplicas) return `at most maxReplicas (${maxReplicas})`;
  return replicas < minReplicas ? `at least minReplicas (${minReplicas})` : undefined;
}

/** Without recommendations in the window (first decision, long outage) the current number counts as recommended. */
function earlier({ previous, now }: ProxyScaleInput, spec: Autoscaling, current: number): Recommendations {
  const known = recent(previous?.recommendations ?? [], now, windowMs(spec));
  return known.length > 0 ? known : recommend([], current, now, windowMs(spec));
}

interface Recommended {
  readonly current: number;
  readonly recommended: number;
  /** With headroom. */
  readonly recommendedForScaleIn: number;
  /** The highest of those within the window. */
  readonly highestInWindow: number;
  readonly known: boolean;
}

interface Step {
  readonly replicas: number;
  /** Why it differs from the recommendation. */
  readonly limit?: string;
}

function nextStep(input: ProxyScaleInput, spec: Autoscaling, numbers: Recommended): Step {
  const { current, recommended, recommendedForScaleIn, highestInWindow, known } = numbers;
  if (recommended > current) return { replicas: recommended };
  if (known && highestInWindow < current) return stepDown(input, spec, current, highestInWindow);
  if (recommendedForScaleIn < current) {
    return {
      replicas: current,
      limit: `held by the ${spec.scaleDownStabilizationSeconds} s stabilization window`,
    };
  }
  return { replicas: current };
}

function stepDown(input: ProxyScaleInput, spec: Autoscaling, current: number, target: number): Step {
  const hold = (limit: string) => ({ replicas: current, limit });
  const noScaleIn = (why: string) => hold(`no scale-in to ${target} ${why}`);
  const { deployment, draining, previous = {}, now } = input;
  if (input.holdScaleIn === true) return noScaleIn('while the annotation ocpp.dev/pause-scale-in is "true"');
  if (deployment === undefined || deployment.rolling) return noScaleIn('during a rollout');
  // An unready Pod may hold stations that are not counted.
  if (deployment.readyReplicas < current) return noScaleIn('while Pods are not ready');
  if (draining > 0) return noScaleIn(`while Pods drain (${draining})`);
  // A short window asks for a quick scale-in.
  const paceMs = Math.min(DOWN_INTERVAL_MS, windowMs(spec));
  if (sinceMs(previous.lastScaleTime, now) < paceMs)
    return hold(`scale-in to ${target}: next step within ${paceMs / 1000} s`);
  return { replicas: current - 1 };
}

function autoscalingStatus(
  previous: ProxyAutoscalingStatus,
  from: number,
  to: number,
  reason: string,
  recommendations: Recommendations,
  now: number,
): ProxyAutoscalingStatus {
  const { lastScaleTime } = previous;
  const scaledAt = from === to ? lastScaleTime : new Date(now).toISOString();
  return {
    desiredReplicas: to,
    reason,
    ...(scaledAt !== undefined && { lastScaleTime: scaledAt }),
    recommendations,
  };
}
