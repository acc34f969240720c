/** The mode that each ws-proxy Pod is to have in each phase of a rollout. Pure. */
import type { DrainOrder, DrainReport } from '../../services/contract.ts';
import { type ProxyPod, type ProxySet, sessionsOf, stayingPods, takesOrders } from './proxy-set.ts';

/** Pod id → order. Pods without one keep their mode. */
export type DrainOrders = ReadonlyMap<string, DrainOrder>;

export const orderAll = (sets: readonly ProxySet[], order: DrainOrder): [string, DrainOrder][] =>
  sets.flatMap(stayingPods).map(({ id }) => [id, order] as const);

/** Moves `portion` stations in total, from as few Pods as possible; the other Pods keep theirs. */
export function firstPortion(
  old: readonly ProxySet[],
  rollout: string,
  portion: number,
): [string, DrainOrder][] {
  let left = portion;
  return ableOf(old).map((pod) => {
    const report = pod.report as DrainReport;
    const moved = report.rollout === rollout ? report.moved : 0;
    const moves = Math.min(left, moved + report.sessions);
    left -= moves;
    return [pod.id, moves > 0 ? { mode: 'draining', moves, rollout } : { mode: 'refusing', rollout }];
  });
}

export interface Moving {
  readonly old: readonly ProxySet[];
  readonly rollout: string;
  /** Stations with a transaction wait for its end (spec.proxy.drain.transactions). */
  readonly transactionsWait: boolean;
  /** The stations of the Pods that drained so far have landed, and the new Pods are ready: the next Pod may drain. */
  readonly mayOpenNext: boolean;
}

/** Drains Pod after Pod. A Pod with nothing but waiting transactions does not hold back the next. */
export function moveRest({ old, rollout, transactionsWait, mayOpenNext }: Moving): [string, DrainOrder][] {
  const isOpen = ({ report }: ProxyPod) => isDraining(report, rollout);
  const isBusy = ({ report }: ProxyPod) => {
    const { sessions, inTransaction } = report as DrainReport;
    return sessions > 0 && !(transactionsWait && sessions <= inTransaction);
  };
  // The Pod of the first portion goes on, then those with the fewest stations.
  const rank = (pod: ProxyPod) => (isOpen(pod) ? -1 : (sessionsOf(pod) ?? Number.MAX_SAFE_INTEGER));
  const pods = ableOf(old).sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  let mayOpen = mayOpenNext && !pods.some((pod) => isOpen(pod) && isBusy(pod) && !hasPortion(pod));
  return pods.map((pod) => {
    const drains = (isOpen(pod) && !hasPortion(pod)) || mayOpen;
    if (drains && !isOpen(pod)) mayOpen = false;
    if (hasPortion(pod) && drains) mayOpen = false;
    return [pod.id, { mode: drains ? 'draining' : 'refusing', rollout }];
  });
}

const isDraining = (report: ProxyPod['report'], rollout: string) =>
  typeof report === 'object' && report.rollout === rollout && report.mode === 'draining';

/** It was ordered to move a part only, and has done so. */
const hasPortion = ({ report }: ProxyPod) => typeof report === 'object' && report.moves !== undefined;

/** Pods that take orders and whose report is known. */
const ableOf = (sets: readonly ProxySet[]): ProxyPod[] =>
  sets.flatMap(stayingPods).filter((pod) => pod.report !== undefined && takesOrders(pod));

/** Whether a Pod needs the order: it has another mode, or another limit. */
export function isNews(order: DrainOrder, report: DrainReport): boolean {
  const sameRollout =
    report.rollout === order.rollout || (order.mode === 'accepting' && report.mode === 'accepting');
  const sameReadiness = (report.leaving === true) === (order.leaving === true);
  return report.mode !== order.mode || !sameRollout || !sameReadiness || report.moves !== order.moves;
}
