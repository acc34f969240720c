/** The phases of a rollout: what each waits for, and what it orders meanwhile. Pure: see plan.ts. */
import type { RolloutStatus } from '../api/ocpp-cluster.ts';
import type { DrainOrder } from '../../services/contract.ts';
import { firstPortion, moveRest, orderAll } from './orders.ts';
import { withCounts } from './progress.ts';
import { isEmpty, isEmptySet, type ProxySet, sessionsOf, stayingPods, takesOrders } from './proxy-set.ts';
import { ended, type RolloutInput, type Step, timeOf } from './step.ts';
import { allowedMissing, type Handshakes, reasonToGoBack } from './verdict.ts';

export interface PhaseInput extends RolloutInput {
  readonly state: RolloutStatus;
  readonly servingSet: ProxySet;
  readonly newSet: ProxySet;
}

/** Time until kube-proxy and load balancers route by the changed Service; ms. */
const PROPAGATION_MS = 10_000;
/** Adding a node takes about this long; ms. */
const NO_ROOM_MS = 120_000;
const LEAST_PORTION = 10;
/** Share of the stations at the switch that an estimate from sockets may lack: stations come and go. */
const ESTIMATE_TOLERANCE = 0.05;

export function advance(input: PhaseInput): Step {
  const given = { ...input, state: withCounts(input) };
  switch (given.state.phase) {
    case 'Preparing':
      return preparing(given);
    case 'Switching':
      return goBackIfNeeded(given) ?? switching(given);
    case 'FirstPortion':
      return goBackIfNeeded(given) ?? movingFirstPortion(given);
    case 'Moving':
      return goBackIfNeeded(given) ?? moving(given);
    case 'GoingBack':
      return goingBack(given);
    default:
      return { state: given.state, serving: given.servingSet.name };
  }
}

const enter = (
  state: RolloutStatus,
  phase: RolloutStatus['phase'],
  now: number,
  more: Partial<RolloutStatus> = {},
) => ({
  ...state,
  phase,
  phaseTime: timeOf(now),
  progressTime: timeOf(now),
  ...more,
});

const since = (time: string | undefined, now: number) => now - Date.parse(time ?? timeOf(now));

const otherSets = ({ sets, newSet }: PhaseInput) => sets.filter(({ name }) => name !== newSet.name);

function preparing(input: PhaseInput): Step {
  const { state, servingSet, newSet, replicas, settings, now } = input;
  const { id: rollout } = state;
  const pods = stayingPods(newSet);
  const leftovers = otherSets(input).filter(({ name }) => name !== servingSet.name);
  const orders = [
    ...orderAll([servingSet, newSet], { mode: 'accepting', rollout }),
    ...orderAll(leftovers, { mode: 'refusing', rollout }),
  ];
  const stay = (message: string, selfTests: readonly string[] = []): Step => ({
    state: { ...remembered(input), message },
    serving: servingSet.name,
    orders,
    selfTests,
    replicas: new Map(leftovers.filter(isEmptySet).map(({ name }) => [name, 0])),
  });
  const noRoom = pods.find(({ unschedulableSince: at }) => at !== undefined && now - at >= NO_ROOM_MS);
  if (noRoom !== undefined) {
    const message = `no room for a second set of Pods (${noRoom.failure ?? `Pod ${noRoom.name} cannot be scheduled`}): Kubernetes replaces the Pods one by one, and stations may move more than once`;
    return { state: ended(state, 'Completed', message, now), serving: servingSet.name, inPlace: true };
  }
  const ready = pods.filter((pod) => pod.ready);
  if (pods.length < replicas || ready.length < replicas) {
    const failure = pods.find((pod) => pod.failure !== undefined)?.failure;
    return stay(
      `${ready.length} of ${replicas} new Pods are ready${failure === undefined ? '' : `: ${failure}`}`,
    );
  }
  const readyFor = Math.min(...pods.map(({ readySince }) => now - (readySince ?? now)));
  if (readyFor < settings.minReadySeconds * 1000) {
    return stay(`all ${replicas} new Pods are ready; they have to be for ${settings.minReadySeconds} s`);
  }
  const untested = pods.filter(({ selfTest }) => selfTest !== 'unsupported' && selfTest?.ok !== true);
  if (untested.length > 0) {
    const failed = untested.flatMap(({ name, selfTest }) =>
      selfTest === undefined || selfTest === 'unsupported'
        ? []
        : selfTest.failures.map((one) => `Pod ${name}: ${one}`),
    );
    const message =
      failed.length === 0
        ? 'the new Pods are tested'
        : `the self-test fails: ${failed.slice(0, 3).join('; ')}`;
    return stay(
      message,
      untested.map(({ id }) => id),
    );
  }
  const next = enter(switchedState(input), 'Switching', now, {
    message: 'new connections begin to reach the new Pods',
  });
  return { state: next, serving: newSet.name, orders };
}

/** With the handshakes of the serving set at the first pass that knows them. */
function remembered({ state, servingSet }: PhaseInput): RolloutStatus {
  const totals = handshakesOf(servingSet);
  if (totals === undefined || state.handshakes?.acceptedBefore !== undefined) return state;
  return { ...state, handshakes: { acceptedBefore: totals.accepted, failedBefore: totals.failed } };
}

/** From here the counts before are those of the window, and those of the new set count from now. */
function switchedState(input: PhaseInput): RolloutStatus {
  const { state, servingSet, newSet } = input;
  const { acceptedBefore = 0, failedBefore = 0 } = remembered(input).handshakes ?? {};
  const old = handshakesOf(servingSet);
  const fresh = handshakesOf(newSet);
  const handshakes = {
    acceptedBefore: Math.max(0, (old?.accepted ?? acceptedBefore) - acceptedBefore),
    failedBefore: Math.max(0, (old?.failed ?? failedBefore) - failedBefore),
    accepted: fresh?.accepted ?? 0,
    failed: fresh?.failed ?? 0,
  };
  return { ...state, handshakes };
}

/** Undefined while no Pod reports. */
function handshakesOf(set: ProxySet): Handshakes | undefined {
  const reports = stayingPods(set).flatMap(({ report }) =>
    typeof report === 'object' ? [report.handshakes] : [],
  );
  if (reports.length === 0) return undefined;
  return {
    accepted: reports.reduce((sum, one) => sum + one.accepted, 0),
    failed: reports.reduce((sum, one) => sum + one.failed, 0),
  };
}

function goBackIfNeeded(input: PhaseInput): Step | undefined {
  const { state, newSet, sets, counts, settings, now } = input;
  const previous = sets.find(({ name }) => name === state.fromSet);
  // Nowhere to go back to.
  if (previous === undefined || stayingPods(previous).length === 0) return undefined;
  const { acceptedBefore = 0, failedBefore = 0, accepted = 0, failed = 0 } = state.handshakes ?? {};
  const totals = handshakesOf(newSet) ?? { accepted, failed };
  const reason = reasonToGoBack({
    counts,
    returnWithinSeconds: settings.returnWithinSeconds,
    countedForMs: since(state.countsSince, now),
    before: { accepted: acceptedBefore, failed: failedBefore },
    since: { accepted: Math.max(0, totals.accepted - accepted), failed: Math.max(0, totals.failed - failed) },
    newSet,
    startedAt: Date.parse(state.startedTime),
  });
  if (reason === undefined) return undefined;
  return goingBack({ ...input, state: enter(state, 'GoingBack', now, { reason }) });
}

function switching(input: PhaseInput): Step {
  const { state, newSet, servingSet, now } = input;
  const orders = orderAll([newSet], { mode: 'accepting', rollout: state.id });
  const step = { serving: newSet.name, orders };
  if (servingSet.name !== newSet.name || since(state.phaseTime, now) < PROPAGATION_MS)
    return { state, ...step };
  const stations = stationsOn(otherSets(input));
  if (stations === undefined)
    return { state: { ...state, message: 'the stations of an old Pod are unknown' }, ...step };
  const message = `${Math.min(stations, portionOf(stations))} stations move first and must return`;
  return { state: enter(state, 'FirstPortion', now, { stations, message }), ...step };
}

const portionOf = (stations: number) => Math.max(LEAST_PORTION, Math.ceil(stations / 100));

/** Undefined while those of one Pod are unknown. */
function stationsOn(sets: readonly ProxySet[]): number | undefined {
  return sets
    .flatMap(({ pods }) => pods)
    .map(sessionsOf)
    .reduce<number | undefined>(
      (sum, one) => (sum === undefined || one === undefined ? undefined : sum + one),
      0,
    );
}

function movingFirstPortion(input: PhaseInput): Step {
  const { state, newSet, counts, settings, now } = input;
  const old = otherSets(input);
  const { id: rollout, stations = 0 } = state;
  const portion = portionOf(stations);
  const orders: [string, DrainOrder][] = [
    ...orderAll([newSet], { mode: 'accepting', rollout }),
    ...firstPortion(old, rollout, portion),
  ];
  const step = { state, serving: newSet.name, orders };
  // The others move none until Moving.
  const able = old.flatMap(stayingPods).filter(takesOrders);
  const isLast = able.every((pod) => sessionsOf(pod) === 0);
  const isDone = isLast || (counts !== undefined && counts.stations >= portion);
  const begun = enter(state, 'Moving', now, { message: 'the other stations move' });
  if (able.length === 0 || stations === 0 || (isLast && counts?.stations === 0))
    return { ...step, state: begun };
  if (!isDone || counts === undefined) return step;
  const overdue = since(state.phaseTime, now) >= settings.returnWithinSeconds * 1000;
  const returned = counts.away === 0 || (counts.away === counts.missing && overdue);
  const answered = counts.gapSeconds !== undefined || overdue;
  return returned && answered ? { ...step, state: begun } : step;
}

function moving(input: PhaseInput): Step {
  const { state, newSet, replicas, transactions, counts, settings, now } = input;
  const old = otherSets(input);
  const { id: rollout } = state;
  const ready = stayingPods(newSet).filter((pod) => pod.ready).length;
  const landed = isLanded(input, old);
  const mayGoOn = ready >= replicas && landed;
  const transactionsWait = transactions === 'Wait';
  const unable = old.flatMap(stayingPods).filter((pod) => !takesOrders(pod)).length;
  const ending = old.some(({ pods }) => pods.some((pod) => pod.terminating && (sessionsOf(pod) ?? 0) > 0));
  // One Pod at a time: those without orders first.
  const mayOpenNext = mayGoOn && unable === 0 && !ending;
  const orders: [string, DrainOrder][] = [
    ...orderAll([newSet], { mode: 'accepting', rollout }),
    ...moveRest({ old, rollout, transactionsWait, mayOpenNext }),
  ];
  const step = { serving: newSet.name, orders };
  if (old.every(({ pods, replicas: left }) => pods.length === 0 && left === 0)) {
    const away = counts === undefined || counts.away === 0 ? '' : `; ${counts.away} are away`;
    return { state: ended(state, 'Completed', `all stations have moved${away}`, now), serving: newSet.name };
  }
  // Until then the moved stations may prove to be missing, or the new Pods crash.
  const quiet = since(state.progressTime, now) >= settings.returnWithinSeconds * 1000;
  const mayEnd = landed && (quiet || (state.moved ?? 0) === 0);
  // Of those without orders the last one waits, to go back to.
  const mayRemove = mayGoOn && (quiet || unable > 1);
  const replicasOf = new Map(old.map((set) => [set.name, nextReplicas(set, mayEnd, mayRemove)]));
  const removes = unable > 0 && old.some((set) => (replicasOf.get(set.name) ?? 0) < set.replicas);
  const message = leftMessage(stationsOn(old), unable === 1 && !quiet, settings.returnWithinSeconds);
  return {
    state: { ...state, message, ...(removes && { progressTime: timeOf(now) }) },
    ...step,
    replicas: replicasOf,
  };
}

/** @param lastWaits the last Pod of an earlier release @param seconds that old Pods stay after the last move */
function leftMessage(left: number | undefined, lastWaits: boolean, seconds: number): string {
  if (left === 0) return `all stations have moved; the old Pods end ${seconds} s after the last return`;
  const message = `${left ?? 'unknown'} stations are left on the old Pods`;
  return lastWaits
    ? `${message}; the last Pod of the earlier release ends ${seconds} s after the one before`
    : message;
}

/** Whether the stations that moved so far are back. Missing counts are no proof of it. */
function isLanded({ state, counts, sets }: PhaseInput, old: readonly ProxySet[]): boolean {
  if (old.some((set) => stayingPods(set).some((pod) => !takesOrders(pod)))) {
    const known = stationsOn(sets);
    const expected = (state.stations ?? 0) * (1 - ESTIMATE_TOLERANCE) - 3;
    return (
      known !== undefined &&
      known >= expected &&
      old.every(({ pods }) => !pods.some(({ terminating }) => terminating))
    );
  }
  return counts !== undefined && counts.away <= allowedMissing(counts.stations);
}

/** An old set ends when it is empty. A set of an earlier release loses one Pod at a time, which drains when it terminates. */
function nextReplicas(set: ProxySet, mayEnd: boolean, mayRemove: boolean): number {
  const pods = stayingPods(set);
  if (pods.some((pod) => !takesOrders(pod))) {
    const isSettled = pods.length === set.pods.length && pods.length <= set.replicas;
    return isSettled && mayRemove ? Math.max(0, set.replicas - 1) : set.replicas;
  }
  return mayEnd && pods.every(isEmpty) ? 0 : set.replicas;
}

function goingBack(input: PhaseInput): Step {
  const { state, newSet, sets, replicas, now } = input;
  const { id: rollout, fromSet = input.servingSet.name, reason = '' } = state;
  const previous = sets.find(({ name }) => name === fromSet);
  const leaving = sets.filter(({ name }) => name !== fromSet);
  const begins = since(state.phaseTime, now) < PROPAGATION_MS;
  const orders: [string, DrainOrder][] = [
    ...orderAll(previous === undefined ? [] : [previous], { mode: 'accepting', rollout }),
    ...orderAll(leaving, { mode: begins ? 'refusing' : 'draining', rollout }),
  ];
  const accepts = (previous?.pods ?? []).every(
    ({ report }) => typeof report !== 'object' || report.mode === 'accepting',
  );
  if (accepts && newSet.pods.length === 0 && newSet.replicas === 0) {
    return { state: ended(state, 'Aborted', `went back to ${fromSet}: ${reason}`, now), serving: fromSet };
  }
  const left = stationsOn(leaving);
  const message = `going back to ${fromSet}, ${left ?? 'unknown'} stations left: ${reason}`;
  const ends = ({ pods }: ProxySet) => !begins && pods.every((pod) => isEmpty(pod) || !takesOrders(pod));
  const ending = leaving.map((set) => [set.name, ends(set) ? 0 : set.replicas] as const);
  return {
    state: { ...state, message },
    serving: fromSet,
    orders,
    replicas: new Map([...ending, [fromSet, replicas]]),
  };
}
