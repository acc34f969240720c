/** Handshakes and restarts before the switch and since then, from what the Pods report. Pure. */
import type { RolloutStatus } from '../api/ocpp-cluster.ts';
import { type PhaseInput, since } from './phase-input.ts';
import { type ProxySet, stayingPods } from './proxy-set.ts';
import type { Handshakes } from './verdict.ts';

/** While the new set is prepared: with the counts of the serving set at the first pass that knows them. */
export function remembered({ state, servingSet }: PhaseInput): RolloutStatus {
  const totals = handshakesOf(servingSet);
  if (totals === undefined || state.handshakes?.acceptedBefore !== undefined) return state;
  return { ...state, handshakes: { acceptedBefore: totals.accepted, failedBefore: totals.failed } };
}

/** From the switch on the counts before are those of the window, and those of the new set count from now. */
export function atSwitch(input: PhaseInput): RolloutStatus {
  const { state, servingSet, newSet, now } = input;
  const { acceptedBefore = 0, failedBefore = 0 } = remembered(input).handshakes ?? {};
  const old = handshakesOf(servingSet);
  const fresh = handshakesOf(newSet);
  const handshakes = {
    acceptedBefore: Math.max(0, (old?.accepted ?? acceptedBefore) - acceptedBefore),
    failedBefore: Math.max(0, (old?.failed ?? failedBefore) - failedBefore),
    secondsBefore: Math.round(since(state.startedTime, now) / 1000),
    accepted: fresh?.accepted ?? 0,
    failed: fresh?.failed ?? 0,
    restarts: restartsOf(newSet),
  };
  return { ...state, handshakes };
}

/** Of the new set since the switch. A Pod that restarted counts from 0 again. */
export function sinceSwitch({ state, newSet }: PhaseInput): Handshakes & { readonly restarts: number } {
  const { accepted = 0, failed = 0, restarts = 0 } = state.handshakes ?? {};
  const totals = handshakesOf(newSet) ?? { accepted, failed };
  return {
    accepted: Math.max(0, totals.accepted - accepted),
    failed: Math.max(0, totals.failed - failed),
    restarts: Math.max(0, restartsOf(newSet) - restarts),
  };
}

const restartsOf = (set: ProxySet) => stayingPods(set).reduce((sum, { restarts }) => sum + restarts, 0);

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
