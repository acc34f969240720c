/** What a trial measured, what it should have, and the table of both. Pure. */
import type { RolloutStatus } from '../../operator/api/ocpp-cluster.ts';
import type { StreamCheck } from '../simulator/ledger.ts';
import type { MovesFigures } from '../simulator/moves.ts';
import type { Summary } from '../simulator/simulation.ts';

export interface Expectation {
  readonly what: string;
  readonly measured: string;
  readonly wanted: string;
  readonly ok: boolean;
}

/** What one scenario saw, from its change to the last response. */
export interface Observation {
  readonly stations: number;
  /** Closes per second of the whole cluster. */
  readonly ratePerSecond: number;
  readonly moves: MovesFigures;
  readonly summary: Summary;
  readonly stream: StreamCheck;
  readonly rollout: RolloutStatus | undefined;
  /** Why the cluster is Degraded; empty: it is not. */
  readonly degraded: string;
  /** Each reason for which it was at any time. */
  readonly degradedMeanwhile: readonly string[];
  /** Most old ws-proxy Pods that were ending at the same time. */
  readonly mostEnding: number;
  readonly onlineAtEnd: number;
  /** Longest time that this process, which is all stations, was held up; seconds. */
  readonly heldUpSeconds: number;
  /** Stations of each Pod that was not there before the change; of those that were. */
  readonly sessionsOfNewPods: readonly number[];
  readonly sessionsOfOldPods: readonly number[];
  /** What only this scenario measures. */
  readonly noted: Readonly<Record<string, number>>;
}

export const exactly = (
  what: string,
  measured: number | string | undefined,
  wanted: number | string,
): Expectation => ({
  what,
  measured: measured === undefined ? 'none' : String(measured),
  wanted: String(wanted),
  ok: measured === wanted,
});

export const atMost = (what: string, measured: number | undefined, most: number): Expectation => ({
  what,
  measured: measured === undefined ? 'none' : String(measured),
  wanted: `<= ${most}`,
  ok: measured !== undefined && measured <= most,
});

/** A table line each. */
export function table(scenario: string, expectations: readonly Expectation[]): string {
  const lines = expectations.map(({ what, measured, wanted, ok }) =>
    [
      scenario.padEnd(16),
      what.padEnd(52),
      measured.padStart(12),
      wanted.padStart(12),
      ok ? 'ok' : 'FAILED',
    ].join('  '),
  );
  return `${lines.join('\n')}\n`;
}

export const portionOf = (stations: number) => Math.max(10, Math.ceil(stations / 100));
const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** In every scenario: no CALL is lost, answered twice or answered wrongly, and every bill is there once and right. */
export function nothingLost({ summary, stream, onlineAtEnd, stations }: Observation): Expectation[] {
  const { missing, doubled, differing } = stream;
  return [
    exactly('CALLs lost', summary.lost, 0),
    exactly('CALLs never sent', summary.unsent, 0),
    exactly('CALLs answered twice', summary.duplicated, 0),
    exactly('CALLs answered wrongly', summary.wrong, 0),
    exactly('transactions missing, doubled or wrong in the bills', missing + doubled + differing, 0),
    exactly('stations connected at the end', onlineAtEnd, stations),
  ];
}

/** What arrived while this process was held up counts for one second, with what arrives in it; at most so much, in seconds. */
const MOST_HELD_UP = 0.25;
/** A close at the end of one second arrives in the next. */
const ON_THE_WAY = 0.05;

/**
 * Stations choose their pauses at random, so a steady rate of closes gives returns that vary by chance; three standard deviations of
 * that are allowed beyond the rate. Closes are the cluster's own.
 */
export function paced({ moves, ratePerSecond, heldUpSeconds }: Observation): Expectation[] {
  const returns = Math.ceil(ratePerSecond + 3 * Math.sqrt(ratePerSecond));
  const closes = Math.ceil(ratePerSecond * (1 + ON_THE_WAY + Math.min(MOST_HELD_UP, heldUpSeconds)));
  return [
    atMost('closes in any second', moves.peakClosesPerSecond, closes),
    atMost('returns in any second (rate and chance)', moves.peakReturnsPerSecond, returns),
  ];
}

/** Each station moved once, and nothing else ended a connection. */
export function movedOnce({ moves, stations }: Observation): Expectation[] {
  return [
    exactly('moves per station', (moves.moves / stations).toFixed(2), '1.00'),
    exactly('stations moved', moves.moved, stations),
    exactly('stations moved more than once', moves.movedAgain, 0),
    exactly('connections that ended otherwise', moves.drops, 0),
  ];
}

export function completed({ rollout }: Observation): Expectation[] {
  return [
    exactly('phase of the rollout', rollout?.phase, 'Completed'),
    exactly('closes with an open CALL', rollout?.forced, 0),
    exactly('stations missing', rollout?.missing, 0),
  ];
}

/** The report counts gaps in buckets that grow by 10 %, and sees a close earlier than the station does. */
const SIMILAR = 0.25;

function agreesWith(what: string, measured: number | undefined, seen: number): Expectation {
  const ok = measured !== undefined && Math.abs(measured - seen) <= seen * SIMILAR;
  return { what, measured: String(measured), wanted: `about ${seen.toFixed(1)}`, ok };
}

/** The stations' own count and the report. */
export function reportAgrees({ rollout, moves }: Observation): Expectation[] {
  return [
    exactly('moved, by the report', rollout?.moved, moves.moved),
    exactly('moved more than once, by the report', rollout?.movedAgain, moves.movedAgain),
    exactly('returned, by the report', rollout?.returned, moves.moved),
    ...(['p50', 'p99'] as const).map((share) =>
      agreesWith(
        `gap ${share} in seconds, by the report`,
        rollout?.gapSeconds?.[share],
        moves.gapSeconds[share],
      ),
    ),
  ];
}

export const SPREAD = 'stations of a new Pod differ from the average by';

/** @param share by which a Pod may have more or fewer stations than the average */
export function spread({ sessionsOfNewPods, stations }: Observation, share: number): Expectation {
  const average = sum(sessionsOfNewPods) / Math.max(1, sessionsOfNewPods.length);
  const furthest = Math.max(...sessionsOfNewPods.map((one) => Math.abs(one - average)));
  const percent = average === 0 ? 100 : Math.round((furthest / average) * 1000) / 10;
  const ok = sum(sessionsOfNewPods) === stations && percent <= share * 100;
  const measured = `${percent} % of ${Math.round(average)}`;
  return {
    what: SPREAD,
    measured,
    wanted: `<= ${share * 100} %`,
    ok,
  };
}

/** A release that refuses stations moved few of them, and all are back. */
export function wentBack({
  rollout,
  moves,
  stations,
  sessionsOfOldPods,
  degraded,
}: Observation): Expectation[] {
  return [
    exactly('phase of the rollout', rollout?.phase, 'Aborted'),
    exactly('Degraded because of', degraded, 'RolloutAborted'),
    atMost('stations moved', moves.moved, portionOf(stations)),
    exactly('stations on the old Pods', sum(sessionsOfOldPods), stations),
  ];
}
