/**
 * Evens out the stations of the serving set, once for each value of the annotation ocpp.dev/rebalance. Stations that are moved
 * connect again to any Pod of the Service, also to the one that they left. Pure and level-triggered, as plan.ts: a new leader
 * continues from `status.proxy.rebalance`.
 */
import type { ProxyRebalanceStatus as RebalanceStatus } from '../api/ocpp-cluster.ts';
import type { DrainOrder, DrainReport, RolloutReport } from '../../services/contract.ts';
import { isEven, movesToEvenOut } from './evenness.ts';
import { type ProxyPod, type ProxySet, stayingPods } from './proxy-set.ts';
import { timeOf } from './step.ts';

export interface RebalanceInput {
  /** Of the annotation; absent: none is asked for, and a running one ends. */
  readonly value?: string | undefined;
  /** As it was last written to the status. */
  readonly state?: RebalanceStatus | undefined;
  /** The set that the Service selects. */
  readonly set?: ProxySet | undefined;
  /** The operator has the token of the admin ports. */
  readonly givesOrders: boolean;
  /** A rollout or a scale-in runs, or Kubernetes replaces Pods: no station moves. */
  readonly blocked: boolean;
  /** Counts of this rebalance; absent while unknown. */
  readonly counts?: RolloutReport | undefined;
  /** Closes of the whole cluster per second. */
  readonly ratePerSecond: number;
  /** How long the stations of a round may take to connect again; ms. */
  readonly returnMs: number;
  /** ms since 1970 */
  readonly now: number;
}

export interface RebalancePlan {
  /** Absent: there never was one. */
  readonly state?: RebalanceStatus;
  /** By Pod id. */
  readonly orders: readonly (readonly [string, DrainOrder])[];
}

/** One more would move the few stations that are left over again and again. */
const MOST_ROUNDS = 3;
/** How long a round may take beyond its moves at the rate; ms. */
const MARGIN_MS = 30_000;
/** The status need not hold a longer value of the annotation. */
const LONGEST_VALUE = 200;

type Reported = ProxyPod & { readonly report: DrainReport };

export const isRebalancing = (state: RebalanceStatus | undefined): boolean =>
  state !== undefined && state.finishedTime === undefined;

/** Whether this value of the annotation has not been done. */
export const isAsked = (value: string | undefined, state: RebalanceStatus | undefined): boolean =>
  value !== undefined && state?.value !== known(value);

const known = (value: string) => value.slice(0, LONGEST_VALUE);

export function planRebalance(input: RebalanceInput): RebalancePlan {
  const { value, state, set, blocked } = input;
  const unchanged = { orders: [], ...(state !== undefined && { state }) };
  if (set === undefined) return unchanged;
  if (value !== undefined && isAsked(value, state)) return begin(input, value, set) ?? unchanged;
  if (state === undefined || !isRebalancing(state)) return unchanged;
  if (value === undefined) return end(input, state, set, 'stopped: the annotation was removed');
  if (!blocked) return goOn(input, state, set);
  // The Pods forget which stations were connected when it began, so that it begins again later.
  const { targets: _, ...rest } = state;
  return {
    state: { ...rest, message: 'waits for the end of a rollout or scale-in' },
    orders: takenBack(state, set),
  };
}

/** Undefined: not yet. */
function begin(input: RebalanceInput, value: string, set: ProxySet): RebalancePlan | undefined {
  const { givesOrders, blocked, now } = input;
  const pods = stayingPods(set);
  const fresh = { value: known(value), id: newId(now), round: 0, roundTime: timeOf(now), before: [] };
  if (!givesOrders || pods.some(({ report }) => report === 'unsupported')) {
    const message = 'nothing was moved: the Pods take no orders';
    return { state: { ...fresh, finishedTime: timeOf(now), message }, orders: [] };
  }
  const reported = reportedOf(set);
  if (blocked || !areKnown(pods)) return undefined;
  const state = { ...fresh, before: stationsOf(reported) };
  return isEven(state.before)
    ? end(input, state, set, 'the stations were even')
    : nextRound(state, reported, now);
}

const newId = (now: number) => `rebalance-${Math.floor(now / 1000).toString(36)}`;

function goOn(input: RebalanceInput, state: RebalanceStatus, set: ProxySet): RebalancePlan {
  const { now } = input;
  const reported = reportedOf(set);
  const { targets } = state;
  if (targets !== undefined && !isRoundOver(input, state, targets, reported)) {
    return { state, orders: sheddingOrders(input, state, set, targets) };
  }
  if (!areKnown(stayingPods(set))) return { state, orders: [] };
  if (isEven(stationsOf(reported))) return end(input, state, set, 'the stations are even');
  if (state.round >= MOST_ROUNDS) return end(input, state, set, `not even after ${MOST_ROUNDS} rounds`);
  // After a pause the id would name counts that ended.
  return nextRound(targets === undefined ? { ...state, id: newId(now) } : state, reported, now);
}

/** Every Pod gets an order: it remembers which stations are connected now, and moves none that come later. */
function nextRound(state: RebalanceStatus, reported: readonly Reported[], now: number): RebalancePlan {
  const moves = movesToEvenOut(reported.map(({ report }) => report.sessions));
  const targets = reported.map(({ name, report }, i) => ({
    pod: name,
    moves: movedBy(report, state.id) + (moves[i] ?? 0),
  }));
  const round = state.round + 1;
  const total = moves.reduce((sum, one) => sum + one, 0);
  const message = `round ${round} of at most ${MOST_ROUNDS}: ${total} stations are to move`;
  return { state: { ...state, round, roundTime: timeOf(now), targets, message }, orders: [] };
}

type Targets = NonNullable<RebalanceStatus['targets']>;

function isRoundOver(
  { counts, ratePerSecond, returnMs, now }: RebalanceInput,
  { id, roundTime }: RebalanceStatus,
  targets: Targets,
  reported: readonly Reported[],
): boolean {
  const took = now - Date.parse(roundTime);
  const moved = targets.map(({ pod }) => movedBy(reported.find(({ name }) => name === pod)?.report, id));
  const total = targets.reduce((sum, { moves }) => sum + moves, 0);
  const limitMs = (total / ratePerSecond) * 1000 + MARGIN_MS;
  if (took > limitMs + returnMs) return true;
  const isDone = targets.every(({ moves }, i) => (moved[i] ?? 0) >= moves) || took > limitMs;
  // Moves are counted shortly after they are reported.
  const areCounted = counts?.id === id && counts.moves >= moved.reduce((sum, one) => sum + one, 0);
  return isDone && areCounted && counts.away === 0;
}

/** A Pod that lost its order has restarted: its stations went elsewhere. */
function sheddingOrders({ now }: RebalanceInput, state: RebalanceStatus, set: ProxySet, targets: Targets) {
  const { id: rollout, roundTime } = state;
  const isNew = now - Date.parse(roundTime) < MARGIN_MS;
  return reportedOf(set).flatMap(({ id, name, report }): [string, DrainOrder][] => {
    const target = targets.find(({ pod }) => pod === name);
    if (target === undefined || !(isNew || report.rollout === rollout)) return [];
    return [[id, { mode: 'shedding', moves: target.moves, rollout }]];
  });
}

/** Ends it as soon as no Pod reports that it sheds. */
function end({ now }: RebalanceInput, state: RebalanceStatus, set: ProxySet, message: string): RebalancePlan {
  const orders = takenBack(state, set);
  if (orders.length > 0) return { state, orders };
  const { targets: _, ...rest } = state;
  return {
    state: { ...rest, after: stationsOf(reportedOf(set)), finishedTime: timeOf(now), message },
    orders,
  };
}

const takenBack = ({ id: rollout }: RebalanceStatus, set: ProxySet): [string, DrainOrder][] =>
  reportedOf(set)
    .filter(({ report }) => report.mode === 'shedding')
    .map(({ id }) => [id, { mode: 'accepting', rollout }]);

/** Others get no station, or may have any number of them. */
const areKnown = (pods: readonly ProxyPod[]) =>
  pods.every(({ ready, report }) => ready && typeof report === 'object');

const reportedOf = (set: ProxySet): Reported[] =>
  stayingPods(set).flatMap((pod) => (typeof pod.report === 'object' ? [{ ...pod, report: pod.report }] : []));

const movedBy = (report: DrainReport | undefined, id: string) => (report?.rollout === id ? report.moved : 0);

/** The fullest first. */
const stationsOf = (pods: readonly Reported[]) =>
  pods.map(({ report }) => report.sessions).sort((a, b) => b - a);
