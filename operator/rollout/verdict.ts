/** Whether a rollout may go on: the stations that do not come back, failing handshakes, crashing Pods. Pure. */
import type { RolloutReport } from '../../services/contract.ts';
import type { ProxySet } from './proxy-set.ts';

/** Stations that may be missing: some are switched off or lose their network at that moment. */
export const allowedMissing = (moved: number): number => Math.max(3, Math.ceil(moved / 100));

export interface Handshakes {
  readonly accepted: number;
  readonly failed: number;
}

export interface VerdictInput {
  /** Absent while unknown: no reason to go back. */
  readonly counts?: RolloutReport | undefined;
  readonly returnWithinSeconds: number;
  /** For how long the counts are known without a gap; ms. */
  readonly countedForMs: number;
  /** Of the serving set while the new one was prepared. */
  readonly before: HandshakeWindow;
  /** Of the new set since the switch. */
  readonly since: HandshakeWindow;
  readonly newSet: ProxySet;
  /** Of the new Pods since the switch. */
  readonly restarts: number;
}

export interface HandshakeWindow extends Handshakes {
  readonly seconds: number;
}

/** Fewer handshakes prove nothing. */
const LEAST_HANDSHAKES = 10;
/** Share of all handshakes that may fail beyond those of stations which failed before, too. */
const TOLERATED_SHARE = 0.1;
const LEAST_FAILURES = 3;
/** One restart may have any cause. */
const LEAST_RESTARTS = 2;
/** Share of the new Pods that may restart. */
const RESTARTING_SHARE = 0.25;

/** Why the rollout has to go back; undefined: it may go on. */
export function reasonToGoBack(input: VerdictInput): string | undefined {
  return missing(input) ?? failingHandshakes(input) ?? crashes(input);
}

function missing({ counts, returnWithinSeconds, countedForMs }: VerdictInput): string | undefined {
  if (counts === undefined || counts.missing <= allowedMissing(counts.stations)) return undefined;
  // While Redis was away no station could return: they get the whole time from then on.
  if (countedForMs < returnWithinSeconds * 1000) return undefined;
  return `${counts.missing} of ${counts.stations} moved stations have not returned within ${returnWithinSeconds} s (allowed: ${allowedMissing(counts.stations)})`;
}

/** A station that fails at every try fails at the same rate before and after: that rate is expected, with its chance. */
function failingHandshakes({ before, since }: VerdictInput): string | undefined {
  const all = since.accepted + since.failed;
  if (all < LEAST_HANDSHAKES) return undefined;
  const expected = before.seconds > 0 ? (before.failed / before.seconds) * since.seconds : 0;
  const allowed = expected + 3 * Math.sqrt(expected) + Math.max(LEAST_FAILURES, TOLERATED_SHARE * all);
  if (since.failed <= allowed) return undefined;
  return `${since.failed} of ${all} handshakes failed at the new Pods (expected: ${Math.round(expected)}); read the log of a new Pod`;
}

function crashes({ newSet, restarts }: VerdictInput): string | undefined {
  const pods = newSet.pods.filter(({ terminating }) => !terminating);
  if (restarts < Math.max(LEAST_RESTARTS, RESTARTING_SHARE * pods.length)) return undefined;
  const why = pods.find(({ failure }) => failure !== undefined)?.failure;
  return `the new Pods restarted ${restarts} times${why === undefined ? '' : `: ${why}`}`;
}
