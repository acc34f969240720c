/** The phases of a rollout: what each waits for, and what it orders meanwhile. Pure: see plan.ts. */
import type { DrainOrder } from '../../services/contract.ts';
import { goBackIfNeeded, goingBack } from './going-back.ts';
import { atSwitch, remembered } from './handshake-window.ts';
import { firstPortion, moveRest, orderAll } from './orders.ts';
import {
  enter,
  hasPropagated,
  otherSets,
  type PhaseInput,
  readyOf,
  since,
  stationsOn,
} from './phase-input.ts';
import { withCounts } from './progress.ts';
import {
  isEmpty,
  isEmptySet,
  type ProxyPod,
  type ProxySet,
  sessionsOf,
  stayingPods,
  takesOrders,
} from './proxy-set.ts';
import { ended, type Step, timeOf } from './step.ts';
import { allowedMissing } from './verdict.ts';

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

function preparing(input: PhaseInput): Step {
  const { state, servingSet, newSet, replicas, settings, now } = input;
  const { id: rollout } = state;
  const pods = stayingPods(newSet);
  // A leader ended after it had changed the Service, and before it had written the status.
  if (servingSet.name === newSet.name && state.fromSet !== newSet.name) return switching(switched(input));
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
  return { state: switched(input).state, serving: newSet.name, orders };
}

function switched(input: PhaseInput): PhaseInput {
  const message = 'new connections begin to reach the new Pods';
  const more = { message, switchedTime: timeOf(input.now) };
  return { ...input, state: enter(atSwitch(input), 'Switching', input.now, more) };
}

function switching(input: PhaseInput): Step {
  const { state, newSet, replicas, now } = input;
  const orders = orderAll([newSet], { mode: 'accepting', rollout: state.id });
  const wait = (message: string) => ({ state: { ...state, message }, serving: newSet.name, orders });
  if (!hasPropagated(input, newSet.name)) return wait('new connections begin to reach the new Pods');
  if (readyOf(newSet) < replicas) return wait(`${readyOf(newSet)} of ${replicas} new Pods are ready`);
  const stations = stationsOn(otherSets(input));
  if (stations === undefined) return wait('the stations of an old Pod are unknown');
  const message = `${Math.min(stations, portionOf(stations))} stations move first and must return`;
  const next = enter(state, 'FirstPortion', now, { stations, message });
  return { state: next, serving: newSet.name, orders };
}

const portionOf = (stations: number) => Math.max(LEAST_PORTION, Math.ceil(stations / 100));

function movingFirstPortion(input: PhaseInput): Step {
  const { state, newSet, counts, settings, now } = input;
  const old = otherSets(input);
  const { id: rollout, stations = 0 } = state;
  const portion = portionOf(stations);
  const orders: [string, DrainOrder][] = [
    ...orderAll([newSet], { mode: 'accepting', rollout }),
    ...firstPortion(old, rollout, mayMove(input) ? portion : 0),
  ];
  const step = { state, serving: newSet.name, orders };
  // The others move none until Moving.
  const able = old.flatMap(stayingPods).filter(takesOrders);
  const isLast = able.every((pod) => sessionsOf(pod) === 0);
  const overdue = since(state.phaseTime, now) >= settings.returnWithinSeconds * 1000;
  const isCounted = counts !== undefined && counts.stations >= portion;
  // Redis may have lost a count: then the Pods tell.
  const isDone = isLast || isCounted || (overdue && movedBy(able, rollout) >= portion);
  const begun = enter(state, 'Moving', now, { message: 'the other stations move' });
  if (able.length === 0 || stations === 0 || (isLast && counts?.stations === 0))
    return { ...step, state: begun };
  if (!isDone || counts === undefined) return step;
  const returned = counts.away === 0 || (counts.away === counts.missing && overdue);
  const answered = counts.gapSeconds !== undefined || overdue;
  return returned && answered ? { ...step, state: begun } : step;
}

const movedBy = (pods: readonly ProxyPod[], rollout: string) =>
  pods.reduce(
    (sum, { report }) => sum + (typeof report === 'object' && report.rollout === rollout ? report.moved : 0),
    0,
  );

/** Whether stations that are closed now can connect again, and are counted. */
const mayMove = ({ newSet, replicas, counts, state }: PhaseInput) =>
  readyOf(newSet) >= replicas && counts?.id === state.id;

function moving(input: PhaseInput): Step {
  const { state, newSet, replicas, transactions, counts, settings, now } = input;
  const old = otherSets(input);
  const { id: rollout } = state;
  const landed = isLanded(input, old);
  const mayGoOn = readyOf(newSet) >= replicas && landed;
  const transactionsWait = transactions === 'Wait';
  const unable = old.flatMap(stayingPods).filter((pod) => !takesOrders(pod)).length;
  const ending = old.some(({ pods }) => pods.some((pod) => pod.terminating && (sessionsOf(pod) ?? 0) > 0));
  // One Pod at a time: those without orders first.
  const mayOpenNext = mayGoOn && unable === 0 && !ending;
  const orders: [string, DrainOrder][] = [
    ...orderAll([newSet], { mode: 'accepting', rollout }),
    ...(mayMove(input)
      ? moveRest({ old, rollout, transactionsWait, mayOpenNext })
      : orderAll(old, { mode: 'refusing', rollout })),
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
function isLanded({ state, counts, sets, settings, now }: PhaseInput, old: readonly ProxySet[]): boolean {
  if (old.some((set) => stayingPods(set).some((pod) => !takesOrders(pod)))) {
    const known = stationsOn(sets);
    const expected = (state.stations ?? 0) * (1 - ESTIMATE_TOLERANCE) - 3;
    return (
      known !== undefined &&
      // Stations also leave for reasons of their own: after a while the rest counts as landed.
      (known >= expected || since(state.progressTime, now) >= 2 * settings.returnWithinSeconds * 1000) &&
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
