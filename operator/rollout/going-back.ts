/** The way back to the previous set: when, and how. Pure: see plan.ts. */
import type { DrainOrder } from '../../services/contract.ts';
import { sinceSwitch } from './handshake-window.ts';
import { orderAll } from './orders.ts';
import { enter, hasPropagated, type PhaseInput, readyOf, since, stationsOn } from './phase-input.ts';
import { isEmpty, type ProxySet, stayingPods, takesOrders } from './proxy-set.ts';
import { ended, type Step } from './step.ts';
import { reasonToGoBack } from './verdict.ts';

/** How long the new Pods wait for the rest of the previous set to be ready, if some of it is; ms. */
const REST_MS = 120_000;

export function goBackIfNeeded(input: PhaseInput): Step | undefined {
  const { state, newSet, sets, counts, settings, now } = input;
  const previous = sets.find(({ name }) => name === state.fromSet);
  // Nowhere to go back to.
  if (previous === undefined || readyOf(previous) === 0) return undefined;
  const { acceptedBefore = 0, failedBefore = 0, secondsBefore = 0 } = state.handshakes ?? {};
  const { restarts, ...handshakes } = sinceSwitch(input);
  const reason = reasonToGoBack({
    counts,
    returnWithinSeconds: settings.returnWithinSeconds,
    countedForMs: since(state.countsSince, now),
    before: { accepted: acceptedBefore, failed: failedBefore, seconds: secondsBefore },
    since: { ...handshakes, seconds: since(state.switchedTime, now) / 1000 },
    newSet,
    restarts,
  });
  if (reason === undefined) return undefined;
  return goingBack({ ...input, state: enter(state, 'GoingBack', now, { reason }) });
}

/** The new Pods serve until the Service selects the previous set again and its Pods accept. */
export function goingBack(input: PhaseInput): Step {
  const { state, newSet, sets, replicas, now } = input;
  const { id: rollout, fromSet = input.servingSet.name, reason = '' } = state;
  const previous = sets.find(({ name }) => name === fromSet);
  if (previous === undefined) {
    const message = `could not go back, as ${fromSet} is gone: ${reason}`;
    return { state: ended(state, 'Aborted', message, now), serving: newSet.name };
  }
  const leaving = sets.filter(({ name }) => name !== fromSet);
  const mayLeave = hasPropagated(input, fromSet) && isReceiving(input, previous);
  const orders: [string, DrainOrder][] = [
    ...orderAll([previous], { mode: 'accepting', rollout }),
    ...orderAll(leaving, { mode: mayLeave ? 'draining' : 'accepting', rollout }),
  ];
  if (mayLeave && newSet.pods.length === 0 && newSet.replicas === 0) {
    return { state: ended(state, 'Aborted', `went back to ${fromSet}: ${reason}`, now), serving: fromSet };
  }
  const left = stationsOn(leaving);
  const message = `going back to ${fromSet}, ${left ?? 'unknown'} stations left: ${reason}`;
  const ends = ({ pods }: ProxySet) => mayLeave && pods.every((pod) => isEmpty(pod) || !takesOrders(pod));
  const ending = leaving.map((set) => [set.name, ends(set) ? 0 : set.replicas] as const);
  return {
    state: { ...state, message },
    serving: fromSet,
    orders,
    replicas: new Map([...ending, [fromSet, replicas]]),
  };
}

/** Whether the previous set can take the stations: all its Pods are ready and accept; after some time those that are. */
function isReceiving({ state, replicas, now }: PhaseInput, previous: ProxySet): boolean {
  const refuses = stayingPods(previous).some(
    ({ ready, report }) => ready && typeof report === 'object' && report.mode !== 'accepting',
  );
  const ready = readyOf(previous);
  return !refuses && (ready >= replicas || (ready > 0 && since(state.phaseTime, now) >= REST_MS));
}
