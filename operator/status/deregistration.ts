/** Whether the load balancer leaves a rollout enough time. Pure. */
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import type { Problem } from './conditions.ts';

/** @param sessions connected stations; undefined while unknown */
export function deregistrationProblems({ proxy }: DefaultedSpec, sessions: number | undefined): Problem[] {
  const { deregistrationSeconds } = proxy.service;
  const { ratePerSecond } = proxy.drain;
  if (deregistrationSeconds === undefined || sessions === undefined) return [];
  const needed = Math.ceil(sessions / ratePerSecond);
  if (needed <= deregistrationSeconds) return [];
  const message =
    `moving ${Math.round(sessions)} stations takes ${needed} s at spec.proxy.drain.ratePerSecond ${ratePerSecond}, but the load balancer cuts ` +
    `connections to Pods that it no longer selects after ${deregistrationSeconds} s (spec.proxy.service.deregistrationSeconds): a rollout would cut ` +
    'the rest at once. Raise the deregistration delay of the load balancer, or the rate';
  return [{ reason: 'DeregistrationTooShort', message }];
}
