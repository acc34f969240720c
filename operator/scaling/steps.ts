/**
 * From the recommended number to the next one: scale-out at once, but in steps; scale-in slowly, and never during a rollout.
 */
import type { AutoscalingStatus } from '../api/ocpp-cluster.ts';
import type { ProcessorDeployment, ScalingPolicy } from './decision.ts';
import { sinceMs } from './window.ts';

/** Within this time the number grows by four, or to twice as many; ms. */
export const OUT_PERIOD_MS = 15_000;
const OUT_LEAST = 4;
const IN_INTERVAL_MS = 60_000;
const IN_SHARE = 0.25;

/** How many processors a step of scale-in removes at most. */
export const mostRemoved = (current: number): number => Math.max(1, Math.floor(current * IN_SHARE));

export interface Step {
  readonly replicas: number;
  /** Why it differs from the recommendation. */
  readonly limit?: string;
  /** The scale-outs of the period. */
  readonly scaleOut?: AutoscalingStatus['scaleOut'];
}

export function stepOut(
  { scaleOut: period }: AutoscalingStatus,
  current: number,
  target: number,
  now: number,
): Step {
  const isRunning = period !== undefined && sinceMs(period.since, now) < OUT_PERIOD_MS;
  const scaleOut = isRunning ? period : { since: new Date(now).toISOString(), from: current };
  const most = Math.max(scaleOut.from + OUT_LEAST, scaleOut.from * 2);
  if (target <= most) return { replicas: target, scaleOut };
  if (most <= current)
    return {
      replicas: current,
      scaleOut,
      limit: `scale-out to ${target}: next step within ${OUT_PERIOD_MS / 1000} s`,
    };
  return { replicas: most, scaleOut, limit: `scale-out to ${target} in steps` };
}

export function stepIn(
  deployment: ProcessorDeployment | undefined,
  { lastScaleTime }: AutoscalingStatus,
  { scaleDownStabilizationSeconds }: ScalingPolicy,
  { current, target, now }: { readonly current: number; readonly target: number; readonly now: number },
): Step {
  const hold = (limit: string) => ({ replicas: current, limit });
  const noScaleIn = (why: string) => hold(`no scale-in to ${target} ${why}`);
  if (deployment === undefined || deployment.rolling) return noScaleIn('during a rollout');
  const { readyReplicas } = deployment;
  // Pods that never became ready (no node fits) must not block scale-in: they are removed, ready ones stay.
  const least = readyReplicas < current ? Math.max(target, readyReplicas) : target;
  if (readyReplicas < target || least >= current) return noScaleIn('while Pods are not ready');
  // A short window asks for a quick scale-in.
  const paceMs = Math.min(IN_INTERVAL_MS, scaleDownStabilizationSeconds * 1000);
  if (sinceMs(lastScaleTime, now) < paceMs)
    return hold(`scale-in to ${target}: next step within ${paceMs / 1000} s`);
  return { replicas: Math.max(least, current - mostRemoved(current)) };
}

/** The time of a change. */
export function scaled(from: number, to: number, now: number): AutoscalingStatus {
  if (from === to) return {};
  return { lastScaleTime: new Date(now).toISOString(), lastScaleDirection: to > from ? 'Up' : 'Down' };
}
