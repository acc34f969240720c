/** Figures of the last hour: of the API where it has a Prometheus, and of what the page has polled since it was opened. Pure. */
import { isServing, runningRollout, sideOf, type Status, sumOf } from './status.ts';

export const SERIES = [
  'stationsConnected',
  'openTransactions',
  'messagesPerSecond',
  'queueDepth',
  'inFlight',
  'queueOldestSeconds',
  'serviceP95Seconds',
  'proxies',
  'processors',
  'processorsWanted',
  'storeMemoryShare',
  'storeResponseSeconds',
  'handshakesWaiting',
  'bootsWaiting',
  'refusedPerSecond',
  'stationsOld',
  'stationsNew',
] as const;
export type SeriesName = (typeof SERIES)[number];

/** Seconds since 1970 and value; null is a hole. */
export type Points = readonly (readonly [number, number | null])[];
export type History = Readonly<Record<SeriesName, Points>>;

export const HOUR = 3600;
/** Polls that are further apart have a hole between them: the page was hidden, or the API away; s. */
const HOLE = 15;

const EMPTY = Object.fromEntries(SERIES.map((name) => [name, []])) as unknown as History;
export const NO_HISTORY: History = EMPTY;

/** @param at seconds since 1970 @returns with one more point of each figure; at most those of an hour */
export function withPoll(history: History, at: number, status: Status): History {
  const values = valuesOf(status);
  return Object.fromEntries(
    SERIES.map((name) => {
      const points = history[name].filter(([time]) => time > at - HOUR);
      const last = points.at(-1);
      const hole: Points = last !== undefined && at - last[0] > HOLE ? [[last[0] + 1, null]] : [];
      return [name, [...points, ...hole, [at, values[name] ?? null]]];
    }),
  ) as unknown as History;
}

function valuesOf({ cluster, ...status }: Status): Partial<Record<SeriesName, number | undefined>> {
  const { figures, proxies, processors, rates } = status;
  const rollout = runningRollout({ cluster, ...status } as Status);
  const stationsOf = (side: 'old' | 'new') =>
    rollout &&
    proxies &&
    sumOf(proxies.filter(({ name }) => sideOf(name, rollout) === side).map(({ stations }) => stations));
  return {
    ...figures,
    messagesPerSecond: cluster?.status.autoscaling?.inputs?.recentArrivalsPerSecond,
    proxies: proxies?.filter(isServing).length,
    processors: processors?.filter(isServing).length,
    processorsWanted: cluster?.status.autoscaling?.desiredReplicas,
    handshakesWaiting: rates?.handshakes?.waiting,
    bootsWaiting: rates?.boots?.waiting,
    stationsOld: stationsOf('old'),
    stationsNew: stationsOf('new'),
  };
}

type Stored = Readonly<Partial<Record<string, readonly (readonly (number | null)[])[]>>>;

/** What `GET /v1/history` has, followed by newer polls. @param stored by name of the series */
export function joined(stored: Stored, polled: History): History {
  return Object.fromEntries(
    SERIES.map((name) => {
      const earlier = (stored[name] ?? []).map(([time, value]) => [time ?? 0, value ?? null] as const);
      const until = earlier.at(-1)?.[0] ?? 0;
      // Some figures are known to Prometheus only.
      const newer = isEmpty(polled[name]) ? [] : polled[name].filter(([time]) => time > until);
      return [name, [...earlier, ...newer]];
    }),
  ) as unknown as History;
}

/** Whether any value is known. */
export const isEmpty = (points: Points): boolean => points.every(([, value]) => value === null);

export const scaled = (points: Points, factor: number): Points =>
  points.map(([time, value]) => [time, value === null ? null : value * factor]);
