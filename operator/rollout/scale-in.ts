/**
 * A scale-in of the serving set without a surprise: the Pods with the fewest stations leave the Service and move them, and only
 * then the Deployment gets smaller. Pure and level-triggered, as plan.ts: a new leader continues from `status.proxy.scaleIn`.
 */
import type { ProxyScaleInStatus as ScaleInStatus } from '../api/ocpp-cluster.ts';
import type { DrainOrder } from '../../services/contract.ts';
import { type ProxyPod, type ProxySet, sessionsOf, stayingPods, takesOrders } from './proxy-set.ts';
import { timeOf } from './step.ts';

export interface ScaleInInput {
  /** As it was last written to the status. */
  readonly state?: ScaleInStatus | undefined;
  /** The set that the Service selects; absent: there is none yet. */
  readonly set?: ProxySet | undefined;
  /** Number of Pods that it is to have. */
  readonly wanted: number;
  /** The operator has the token of the admin ports. */
  readonly givesOrders: boolean;
  /** A rollout runs, or Kubernetes replaces Pods: no scale-in begins, and a running one is taken back. */
  readonly blocked: boolean;
  /** How long a Pod may take to move its stations; ms. */
  readonly limitMs: number;
  /** ms since 1970 */
  readonly now: number;
}

export interface ScaleInPlan {
  /** Absent: none runs. */
  readonly state?: ScaleInStatus;
  /** Number of Pods that the set is to have now. */
  readonly replicas: number;
  /** By Pod id. */
  readonly orders: readonly (readonly [string, DrainOrder])[];
  /** Names of the Pods that are to end first. */
  readonly emptied: ReadonlySet<string>;
}

/** More than that leave one after the other. */
const MOST_AT_ONCE = 100;
/** A Pod that is neither ready nor answers may do so after a pause of its process or of the network; ms. */
const SILENCE_MS = 30_000;
/** Time until kube-proxy and load balancers leave out a Pod that is not ready; ms. */
const PROPAGATION_MS = 5000;
/** A kubelet notices by then that a Pod is not ready; ms. */
const PROBES_MS = 30_000;

export function planScaleIn(input: ScaleInInput): ScaleInPlan {
  const { set, state, wanted, givesOrders, now } = input;
  if (set === undefined || !givesOrders) return { replicas: wanted, orders: [], emptied: new Set() };
  const leaving = podsToEnd(input, set);
  const next = nextState(state, leaving, returningPods(input, set, leaving), now);
  if (next === undefined) return { replicas: wanted, orders: [], emptied: new Set() };
  const emptied = leaving.filter((pod) => mayEnd(pod, next, input));
  const staying = stayingPods(set);
  const left = leaving.map((pod) => sessionsOf(pod)).reduce<number>((sum, one) => sum + (one ?? 0), 0);
  const message =
    leaving.length === 0 ? 'taken back' : `${left} stations are left on the Pods that are to end`;
  return {
    state: { ...next, message },
    // A Pod that does not exist yet must not be created either.
    replicas: input.blocked
      ? wanted
      : Math.max(wanted, Math.min(set.replicas, staying.length - emptied.length)),
    orders: [
      // Only what is in the status: else the next leader would not know which Pods have left.
      ...orders(
        staying,
        next.pods.filter((name) => state?.pods.includes(name)),
        { mode: haveLeft(leaving, next, now) ? 'draining' : 'accepting', rollout: next.id, leaving: true },
      ),
      ...orders(staying, next.returning, { mode: 'accepting', rollout: next.id }),
    ],
    emptied: new Set(emptied.map(({ name }) => name)),
  };
}

const orders = (pods: readonly ProxyPod[], names: readonly string[] = [], order: DrainOrder) =>
  pods.filter(({ name }) => names.includes(name)).map(({ id }) => [id, order] as const);

/** Those that leave already, then those with the fewest stations. None while no other Pod could take their stations. */
function podsToEnd({ state, wanted, blocked }: ScaleInInput, set: ProxySet): ProxyPod[] {
  const staying = stayingPods(set);
  const count = Math.min(staying.length - wanted, MOST_AT_ONCE);
  if (blocked || count <= 0 || wanted <= 0) return [];
  const leaves = ({ name }: ProxyPod) => state?.pods.includes(name) === true;
  const rank = (pod: ProxyPod) => sessionsOf(pod) ?? (pod.ready ? Number.MAX_SAFE_INTEGER : -1);
  const sorted = staying.sort(
    (a, b) => Number(leaves(b)) - Number(leaves(a)) || rank(a) - rank(b) || (a.name < b.name ? -1 : 1),
  );
  return sorted.slice(count).some(({ ready }) => ready) ? sorted.slice(0, count) : [];
}

/** Pods that were to end and are not any more, until they report that they accept stations again. */
function returningPods(
  { state, blocked }: ScaleInInput,
  set: ProxySet,
  leaving: readonly ProxyPod[],
): ProxyPod[] {
  const ordered = new Set([...(state?.pods ?? []), ...(state?.returning ?? [])]);
  return stayingPods(set).filter((pod) => {
    if (!ordered.has(pod.name) || leaving.includes(pod) || !takesOrders(pod)) return false;
    const { report } = pod;
    // A rollout gives it another mode.
    return typeof report !== 'object' || report.leaving === true || (!blocked && report.mode !== 'accepting');
  });
}

function nextState(
  state: ScaleInStatus | undefined,
  leaving: readonly ProxyPod[],
  returning: readonly ProxyPod[],
  now: number,
): ScaleInStatus | undefined {
  if (leaving.length === 0 && returning.length === 0) return undefined;
  const goesOn = state !== undefined && (state.pods.length > 0 || leaving.length === 0);
  const isLarger = leaving.some(({ name }) => state?.pods.includes(name) !== true);
  return {
    id: goesOn ? state.id : `scale-in-${Math.floor(now / 1000).toString(36)}`,
    since: state === undefined || isLarger ? timeOf(now) : state.since,
    pods: leaving.map(({ name }) => name).sort(),
    ...(returning.length > 0 && { returning: returning.map(({ name }) => name).sort() }),
  };
}

/** Whether the Service sends no more stations to any of them: a station that moves must not meet the next Pod that is to end. */
const haveLeft = (pods: readonly ProxyPod[], { since }: ScaleInStatus, now: number): boolean =>
  now - Date.parse(since) > PROBES_MS ||
  pods.filter(takesOrders).every(({ unreadySince }) => now - (unreadySince ?? now) >= PROPAGATION_MS);

/** It reports that it has left and is empty; or it cannot report; or it took too long, and moves the rest when it terminates. */
function mayEnd(pod: ProxyPod, { id, since }: ScaleInStatus, { state, limitMs, now }: ScaleInInput): boolean {
  const took = now - Date.parse(since);
  if (!takesOrders(pod) || took > limitMs) return true;
  if (typeof pod.report === 'object') {
    const { mode, rollout, leaving, sessions } = pod.report;
    return mode === 'draining' && rollout === id && leaving === true && sessions === 0;
  }
  if (pod.ready || pod.sessions !== undefined) return false;
  return state?.pods.includes(pod.name) !== true || took > SILENCE_MS;
}
