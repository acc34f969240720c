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
  readonly before: Handshakes;
  /** Of the new set since the switch. */
  readonly since: Handshakes;
  readonly newSet: ProxySet;
  /** When the rollout began: restarts of older Pods have another cause; ms since 1970. */
  readonly startedAt: number;
}

/** Fewer handshakes prove nothing. */
const LEAST_HANDSHAKES = 10;
/** How much larger the share of failed handshakes may be than before. */
const TOLERATED_SHARE = 0.1;
/** One restart may have any cause. */
const CRASHES = 2;

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

function failingHandshakes({ before, since }: VerdictInput): string | undefined {
  const all = since.accepted + since.failed;
  if (all < LEAST_HANDSHAKES) return undefined;
  const allowed = shareFailed(before) + TOLERATED_SHARE;
  if (shareFailed(since) <= allowed) return undefined;
  return `${since.failed} of ${all} handshakes failed at the new Pods (before: ${before.failed} of ${before.failed + before.accepted}); read the log of a new Pod`;
}

const shareFailed = ({ accepted, failed }: Handshakes) =>
  failed === 0 ? 0 : failed / Math.max(LEAST_HANDSHAKES, accepted + failed);

function crashes({ newSet, startedAt }: VerdictInput): string | undefined {
  const young = newSet.pods.filter(
    ({ createdAt, terminating }) => createdAt >= startedAt - 1000 && !terminating,
  );
  const restarts = young.reduce((sum, one) => sum + one.restarts, 0);
  if (restarts < CRASHES) return undefined;
  const why = young.find(({ failure }) => failure !== undefined)?.failure;
  return `the new Pods restarted ${restarts} times${why === undefined ? '' : `: ${why}`}`;
}
