/**
 * The number of processors. Pure: the state between two decisions (AutoscalingStatus) is an input and an output, and is
 * kept in the status of the cluster.
 *
 * Scale-out is immediate, but in steps, and ends where more processors complete no more. Scale-in is slow and needs signals:
 * never below the highest recommendation within the stabilization window, never during a rollout. While Pods are not ready it
 * removes surplus unready Pods only. Missing data holds the number.
 */
import type {
  ProcessorScaleDecision,
  ProcessorScaleInput,
  Recommendation,
  ScalingPolicy,
} from './decision.ts';
import { followed, held, limitsOf } from './explain.ts';
import { externalNumber } from './external.ts';
import { isLimiting } from './growth.ts';
import { recommendationOf } from './recommendation.ts';
import { scaled, type Step, stepIn, stepOut } from './steps.ts';
import { highest, type Recommendations, recent, recommend, sinceMs } from './window.ts';

export function decideProcessors(input: ProcessorScaleInput): ProcessorScaleDecision {
  const recommended = recommendationOf(input);
  const { mode } = input.spec;
  return mode === 'Internal' ? internalNumber(input, recommended) : externalNumber(input, recommended, mode);
}

function internalNumber(input: ProcessorScaleInput, recommended: Recommendation): ProcessorScaleDecision {
  const { spec, deployment, now, fixedReplicas } = input;
  const { current, demand, load } = recommended;
  const least = input.holdScaleIn === true ? (deployment?.replicas ?? 0) : 0;
  const within = (replicas: number) => Math.min(spec.maxReplicas, Math.max(spec.minReplicas, replicas));

  const wanted = recommended.replicas ?? current;
  const isIncomplete = input.signals.arrivalsIncomplete === true && wanted < current;
  const target = within(isIncomplete ? current : wanted);
  const isLimited = isLimiting(recommended.kept.ceiling, demand?.replicas ?? 0);
  const useful = isLimited ? 0 : (demand?.least ?? 0);
  const stay = demand === undefined || isIncomplete ? current : Math.max(wanted, useful);
  const recommendations = recommend(earlier(input, current), within(stay), now, windowMs(spec));
  const step = nextStep(input, current, target, highest(recommendations) ?? within(stay));
  // Bounds override the recommendation, and a paused scale-in overrides the bounds.
  const bounded = within(step.replicas);
  const replicas = Math.max(least, bounded);
  const isPaused = replicas > bounded;
  const limits = limitsOf({ spec, recommendation: recommended, isIncomplete, step, isPaused });
  const condition =
    typeof load === 'string' ? held(load, replicas, input.signals) : followed(load, recommended, now);
  const reason = [condition.message, ...limits].join('; ');
  return {
    replicas,
    autoscaling: {
      ...recommended.kept,
      ...scaled(current, replicas, now),
      ...(step.scaleOut !== undefined && { scaleOut: step.scaleOut }),
      desiredReplicas: replicas,
      reason,
      recommendations,
      ...(fixedReplicas !== undefined && { ignoredReplicas: fixedReplicas }),
    },
    condition: { ...condition, message: reason + ignored(fixedReplicas) },
  };
}

const windowMs = (spec: ScalingPolicy) => spec.scaleDownStabilizationSeconds * 1000;

/** Two decisions are closer to each other, ms. */
const BETWEEN_MS = 60_000;

/** Without recommendations in the window (first decision, long outage) the current number counts as recommended. */
function earlier({ spec, previous, now }: ProcessorScaleInput, current: number): Recommendations {
  const all = previous.recommendations ?? [];
  const known = recent(all, now, windowMs(spec));
  // The window may be shorter than the time between two decisions.
  const isFollowed = sinceMs(all.at(-1)?.at, now) <= windowMs(spec) + BETWEEN_MS;
  if (known.length > 0 || (isFollowed && previous.recommendedReplicas !== undefined)) return known;
  return recommend([], current, now, windowMs(spec));
}

function nextStep(input: ProcessorScaleInput, current: number, target: number, windowed: number): Step {
  const { spec, deployment, previous, now } = input;
  if (target > current) return stepOut(previous, current, target, now);
  if (windowed < current) return stepIn(deployment, previous, spec, { current, target: windowed, now });
  if (target < current) {
    const limit = `held by the ${spec.scaleDownStabilizationSeconds} s stabilization window`;
    return { replicas: current, limit };
  }
  return { replicas: current };
}

const ignored = (fixedReplicas: number | undefined) =>
  fixedReplicas === undefined ? '' : '; spec.processor.replicas is ignored in mode Internal';
