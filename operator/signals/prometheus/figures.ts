/** From the readings of the Pods to the load. Pure. Times are those of the clock of Prometheus. */
import { METRIC } from '../../../services/contract.ts';
import type { LoadSignals, Work } from '../../scaling/demand.ts';
import type { Sample } from '../scrape.ts';
import { type History, type ReadyProcessor, signalsOf, workSince } from '../signals.ts';
import type { TargetReading } from './targets.ts';

/** The last two samples of each Pod, by its name. */
export type Memory = History;

/** A sample that is later than the current time by more than this was taken by another clock, ms. */
const LEAD_MS = 1000;

/**
 * @param pods names of existing Pods; others are forgotten
 * @param now when the query was evaluated, ms
 */
export function remembered(
  memory: Memory,
  readings: readonly TargetReading[],
  pods: readonly string[],
  now: number,
): Memory {
  // Samples later than now are of a Prometheus whose clock was ahead; they would count as fresh until it is reached.
  const isPast = ({ samples }: { samples: readonly Sample[] }) => (samples.at(-1)?.at ?? 0) <= now + LEAD_MS;
  const next = new Map([...memory].filter(([pod, track]) => pods.includes(pod) && isPast(track)));
  for (const { pod, component, at, values } of readings) {
    const track = next.get(pod);
    const before = track?.samples.at(-1);
    // The same sample again, or an earlier one from a replica: the Pod was not scraped since.
    if (before !== undefined && at <= before.at) continue;
    const sample: Sample = { pod, component, at, values };
    const stamp = values[METRIC.queueSampledAt];
    const moved = stamp !== undefined && stamp !== before?.values[METRIC.queueSampledAt];
    const queueMovedAt = moved ? at : track?.queueMovedAt;
    next.set(pod, {
      samples: before === undefined ? [sample] : [before, sample],
      ...(queueMovedAt !== undefined && { queueMovedAt }),
    });
  }
  return next;
}

/** What the processors did between their samples in `before` and newer ones in `after`. */
export function workBetween(before: Memory, after: Memory): Work | undefined {
  const isNewer = ([pod, { samples }]: readonly [string, { samples: readonly Sample[] }]) =>
    samples.at(-1)?.at !== before.get(pod)?.samples.at(-1)?.at;
  return workSince(new Map([...after].filter(isNewer)), -Infinity);
}

export interface Sought {
  /** Names of the ready ws-proxy Pods that stay, and of those that leave. */
  readonly proxies: readonly string[];
  /** By name. */
  readonly processors?: readonly ReadyProcessor[];
  readonly draining: readonly string[];
  /** When the query was evaluated, ms. */
  readonly now: number;
  readonly staleSeconds: number;
}

/** Figures of overridden queries, in place of those of the Pods. */
export interface Overrides {
  readonly arrivalRate?: number;
  readonly depth?: number;
  readonly oldestSeconds?: number;
}

/** Without `work`. With a `problem` if the arrival rate or the queue is not known. */
export function loadOf(
  readings: readonly TargetReading[],
  memory: Memory,
  sought: Sought,
  overrides: Overrides = {},
): LoadSignals {
  const { processors = [], now, staleSeconds } = sought;
  const staleMs = staleSeconds * 1000;
  const of = { proxies: [], processors, now, staleMs };
  const { queue, storeSeconds, activity } = signalsOf(memory, of);
  const { arrivalRate: given, ...ofQueue } = overrides;
  const arrivals = given === undefined ? arrivalsOf(readings, sought) : { arrivalRate: given };
  const known = queue !== undefined && queue.ageMs <= staleMs ? { ...queue, ...ofQueue } : undefined;
  const problem = missing(arrivals.arrivalRate, known !== undefined, queue?.ageMs, sought);
  return {
    ...arrivals,
    ...(known !== undefined && { queue: known }),
    ...(storeSeconds !== undefined && { storeSeconds }),
    ...(activity !== undefined && { activity }),
    ...(problem !== undefined && { problem }),
  };
}

type Arrivals = Pick<LoadSignals, 'arrivalRate' | 'recentArrivalRate' | 'arrivalsIncomplete'>;

function arrivalsOf(readings: readonly TargetReading[], { proxies, draining }: Sought): Arrivals {
  const byPod = new Map(readings.map((reading) => [reading.pod, reading]));
  const sum = (figure: 'rate' | 'recentRate') => {
    const known = [...proxies, ...draining].flatMap((pod) => byPod.get(pod)?.[figure] ?? []);
    return known.length === 0 ? undefined : known.reduce((all, one) => all + one, 0);
  };
  const [arrivalRate, recentArrivalRate] = [sum('rate'), sum('recentRate')];
  return {
    ...(arrivalRate !== undefined && { arrivalRate }),
    ...(recentArrivalRate !== undefined && { recentArrivalRate }),
    ...(proxies.some((pod) => byPod.get(pod)?.rate === undefined) && { arrivalsIncomplete: true }),
  };
}

function missing(
  arrivalRate: number | undefined,
  queueKnown: boolean,
  queueAgeMs: number | undefined,
  { proxies, staleSeconds }: Sought,
): string | undefined {
  if (!queueKnown && queueAgeMs !== undefined)
    return `has figures of the queue that are ${Math.round(queueAgeMs / 1000)} s old (staleSeconds is ${staleSeconds}). The Pods do not read Redis, or Prometheus does not scrape them`;
  if (!queueKnown)
    return `has no Pod with ${METRIC.queueDepth}, ${METRIC.queueOldestSeconds} and ${METRIC.queueInFlight}. The Pods leave them out while they cannot read Redis`;
  if (arrivalRate === undefined && proxies.length > 0)
    return `has no rate of ${METRIC.proxyForwarded} of a ready ws-proxy Pod (such as ${proxies[0]}). A new Pod has one after two scrapes`;
  return undefined;
}
