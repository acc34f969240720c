/** A proxy set: one Deployment of ws-proxy Pods, and what its Pods report. Plain data: see docs/decisions/0016. */
import type { DrainReport, SelfTestReport } from '../../services/contract.ts';

/** A Pod of an earlier release has no such path on its admin port, or no token for it. */
export type Unsupported = 'unsupported';

export interface ProxyPod {
  /** Uid. */
  readonly id: string;
  readonly name: string;
  readonly ready: boolean;
  /** ms since 1970; absent while it is not ready. */
  readonly readySince?: number;
  /** Since when it is not ready; ms since 1970, absent while it is. */
  readonly unreadySince?: number;
  /** ms since 1970 */
  readonly createdAt: number;
  readonly terminating: boolean;
  readonly restarts: number;
  /** Why it does not run. */
  readonly failure?: string;
  /** Since when no node has room for it; ms since 1970. */
  readonly unschedulableSince?: number;
  /** Open station sockets by its metrics; absent while unknown. */
  readonly sessions?: number;
  /** Absent while unknown. */
  readonly report?: DrainReport | Unsupported;
  /** The last result of this process; absent before. */
  readonly selfTest?: SelfTestReport | Unsupported;
}

export interface ProxySet {
  /** Name of the Deployment. */
  readonly name: string;
  /** Hash of the Pod template. */
  readonly template: string;
  /** Number of Pods that the Deployment is to have. */
  readonly replicas: number;
  /** When it was created, or lost its Pods; ms since 1970. */
  readonly lastUsedAt: number;
  readonly pods: readonly ProxyPod[];
}

/** Stations of a Pod; undefined while unknown. */
export function sessionsOf({ report, sessions }: ProxyPod): number | undefined {
  return report === undefined || report === 'unsupported' ? sessions : report.sessions;
}

/** Whether no station is connected to it. A Pod that never got ready has none. */
export function isEmpty(pod: ProxyPod): boolean {
  const sessions = sessionsOf(pod);
  return sessions === undefined ? !pod.ready : sessions === 0;
}

export const isEmptySet = ({ pods }: ProxySet): boolean => pods.every(isEmpty);

export const takesOrders = ({ report }: ProxyPod): boolean => report !== 'unsupported';

export const stayingPods = ({ pods }: ProxySet): ProxyPod[] => pods.filter(({ terminating }) => !terminating);
