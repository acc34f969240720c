/** The input of a rollout's plan, and what one phase decides. */
import type { DefaultedProxy, RolloutStatus } from '../api/ocpp-cluster.ts';
import type { DrainOrder, RolloutReport } from '../../services/contract.ts';
import type { ProxySet } from './proxy-set.ts';

export interface RolloutInput {
  readonly settings: DefaultedProxy['rollout'];
  readonly transactions: DefaultedProxy['drain']['transactions'];
  /** Name prefix of the Deployments: `<cluster>-ws-proxy`. */
  readonly baseName: string;
  /** Hash of the template that the spec asks for. */
  readonly template: string;
  /** Number of Pods that the serving set is to have. */
  readonly replicas: number;
  readonly sets: readonly ProxySet[];
  /** Name of the set that the Service selects; absent: there is no Service yet. */
  readonly serving?: string | undefined;
  readonly state?: RolloutStatus | undefined;
  /** Counts of the running rollout; absent while unknown. */
  readonly counts?: RolloutReport | undefined;
  /** Value of the annotation ocpp.dev/retry-rollout. */
  readonly retry?: string | undefined;
  /** No rollout begins, and a running one moves no station. */
  readonly hold: boolean;
  /** ms since 1970 */
  readonly now: number;
}

/** What a phase decides; the sets follow from it. */
export interface Step {
  readonly state: RolloutStatus;
  readonly serving: string;
  readonly orders?: readonly (readonly [string, DrainOrder])[];
  readonly selfTests?: readonly string[];
  /** Replicas of sets other than the new one and the serving one; the others keep theirs. */
  readonly replicas?: ReadonlyMap<string, number>;
  /** The new set is given up, and Kubernetes replaces the Pods of the serving set one by one. */
  readonly inPlace?: boolean;
}

export const isRunning = (state: RolloutStatus | undefined): state is RolloutStatus =>
  state !== undefined && state.phase !== 'Completed' && state.phase !== 'Aborted';

/** metav1.Time has whole seconds. */
export const timeOf = (now: number): string => `${new Date(now).toISOString().slice(0, 19)}Z`;

export function ended(
  state: RolloutStatus,
  phase: 'Completed' | 'Aborted',
  message: string,
  now: number,
): RolloutStatus {
  const { eta: _, ...rest } = state;
  return { ...rest, phase, message, phaseTime: timeOf(now), finishedTime: timeOf(now) };
}
