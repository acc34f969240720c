/**
 * A HorizontalPodAutoscaler with default behaviour, as https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
 * publishes its algorithm for autoscaling/v2 ("Algorithm details", "Default Behavior"; stable since Kubernetes 1.23, read at
 * commit 01650250 of kubernetes/website): every 15 s
 * desiredReplicas = ceil(currentReplicas * currentMetricValue / desiredMetricValue); nothing within 10 % of the target; at most
 * 4 Pods or 100 % more per 15 s; never below the highest recommendation of the last 300 s; without the metric no change. For
 * an external metric with an average value this is ceil(total / target).
 *
 * The metric is the number of messages that wait or are in flight, the usual one for workers on a queue. Here it is never older
 * than 5 s and passes through no adapter, which favours the HorizontalPodAutoscaler.
 */
import type { Scaler } from './world.ts';

export interface HpaPolicy {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** averageValue: messages per processor. */
  readonly target: number;
}

const SYNC_MS = 15_000;
const TOLERANCE = 0.1;
const DOWN_WINDOW_MS = 300_000;
const UP_PODS = 4;
const UP_FACTOR = 2;

interface Recommendation {
  readonly at: number;
  readonly replicas: number;
}

export function hpa(policy: HpaPolicy): Scaler {
  let recommendations: Recommendation[] = [];
  return {
    name: `HPA, ${policy.target} per processor`,
    decide({ now, replicas: current, signals: { queue } }) {
      if (now % SYNC_MS !== 0) return { replicas: current, why: '' };
      if (queue === undefined || queue.ageMs > SYNC_MS) return { replicas: current, why: 'no metric' };
      // What is there when it starts is its first recommendation.
      if (recommendations.length === 0) recommendations.push({ at: now, replicas: current });
      const total = queue.depth + queue.inFlight;
      const desired = desiredReplicas(current, total, policy.target);
      recommendations = recommendations.filter(({ at }) => now - at < DOWN_WINDOW_MS);
      recommendations.push({ at: now, replicas: desired });
      const least = Math.max(...recommendations.map(({ replicas }) => replicas));
      const replicas = within(policy, limited(current, desired, least));
      return { replicas, why: `${total} messages, ${policy.target} per processor: ${desired} recommended` };
    },
  };
}

function desiredReplicas(current: number, total: number, target: number): number {
  const ratio = total / (target * current);
  return Math.abs(1 - ratio) <= TOLERANCE ? current : Math.ceil(total / target);
}

/** @param least the highest recommendation of the window, which limits a scale-in */
function limited(current: number, desired: number, least: number): number {
  if (desired > current) return Math.min(desired, Math.max(current + UP_PODS, current * UP_FACTOR));
  return Math.min(current, least);
}

const within = ({ minReplicas, maxReplicas }: HpaPolicy, replicas: number) =>
  Math.min(maxReplicas, Math.max(minReplicas, replicas));
