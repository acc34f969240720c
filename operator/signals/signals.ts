/**
 * Computes the figures for scaling from samples of Pods. Pure. Counters may reset (a restarted container), Pods come and go,
 * exporters may have wrong clocks or freeze; an unknown figure stays undefined.
 */
import { METRIC } from '../../services/contract.ts';
import type { Activity, QueueReading, Signals, StoreReading, Work } from '../scaling/demand.ts';
import type { Sample } from './scrape.ts';
import { securityReading } from './security.ts';

/** Samples of one Pod, oldest first. */
interface Track {
  readonly samples: readonly Sample[];
  /** When its queue time stamp last changed, by the clock of the operator: clocks of exporters differ. */
  readonly queueMovedAt?: number;
}

export type History = ReadonlyMap<string, Track>;

/** The arrival rate is a mean over this time, ms. */
const RATE_WINDOW_MS = 20_000;

/** @param pods existing Pods; others are dropped */
export function remember(history: History, samples: readonly Sample[], pods: readonly string[]): History {
  const next = new Map([...history].filter(([pod]) => pods.includes(pod)));
  for (const sample of samples) {
    const track = next.get(sample.pod);
    const before = track?.samples.at(-1);
    const kept = (track?.samples ?? []).filter(({ at }) => at >= sample.at - RATE_WINDOW_MS);
    const stamp = sample.values[METRIC.queueSampledAt];
    const moved = stamp !== undefined && stamp !== before?.values[METRIC.queueSampledAt];
    const queueMovedAt = moved ? sample.at : track?.queueMovedAt;
    next.set(sample.pod, {
      samples: [...kept, sample],
      ...(queueMovedAt !== undefined && { queueMovedAt }),
    });
  }
  return next;
}

export interface ReadyProcessor {
  readonly pod: string;
  /** Time since it is ready, ms. */
  readonly readyMs: number;
}

export interface Expected {
  /** Ready ws-proxy Pods: sums are complete when each has a recent sample. */
  readonly proxies: readonly string[];
  /** Draining ws-proxy Pods: they count, if they have a recent sample, until their last station has left. */
  readonly draining?: readonly string[];
  readonly processors?: readonly ReadyProcessor[];
  /** ms since 1970 */
  readonly now: number;
  /** Older samples count as missing, ms. */
  readonly staleMs: number;
}

/** Without `work`, which must be counted once: see workSince(). */
export function signalsOf(history: History, expected: Expected): Signals {
  const { proxies, draining = [], processors = [], now, staleMs } = expected;
  const fresh = (samples: readonly Sample[]) => (now - (samples.at(-1)?.at ?? 0) <= staleMs ? samples : []);
  const freshOf = (pod: string) => fresh(history.get(pod)?.samples ?? []);
  const rateOf = (pod: string) => rate(freshOf(pod), METRIC.proxyForwarded);
  const sessionsOf = (pod: string) => freshOf(pod).at(-1)?.values[METRIC.proxySessions];
  const recentRateOf = (pod: string) => rate(freshOf(pod).slice(-2), METRIC.proxyForwarded);
  const rates = proxies.map(rateOf);
  const known = [...rates, ...draining.map(rateOf)].filter((one) => one !== undefined);
  const recent = [...proxies, ...draining].map(recentRateOf).filter((one) => one !== undefined);
  const read = [...proxies, ...draining].map((pod) => [pod, sessionsOf(pod)] as const);
  const leaving = draining.map(sessionsOf).filter((one) => one !== undefined);
  const sessions = proxies.length > 0 ? total([...proxies.map(sessionsOf), ...leaving]) : undefined;
  const queue = freshestQueue(history, now);
  const activity = activityOf(
    processors.map(({ pod, readyMs }) => ({ readyMs, samples: freshOf(pod).slice(-2) })),
  );
  const inFlight = [...history].flatMap(([pod, { samples }]) => {
    const count = fresh(samples).at(-1)?.values[METRIC.processorInFlight];
    return count === undefined ? [] : [[pod, count] as const];
  });
  const latest = [...history.values()].flatMap(({ samples }) => fresh(samples).at(-1) ?? []);
  // Pods of earlier releases say nothing of their store.
  const heard = latest.filter(
    ({ values }) => METRIC.storeLoginRefused in values || METRIC.storeIdentity in values,
  );
  const rejecting = latest
    .filter(({ values }) => values[METRIC.settingsRejected] === 1)
    .map(({ pod }) => pod);
  return {
    ...(known.length > 0 && { arrivalRate: total(known) ?? 0 }),
    ...(recent.length > 0 && { recentArrivalRate: total(recent) ?? 0 }),
    ...(rates.includes(undefined) && { arrivalsIncomplete: true }),
    ...(sessions !== undefined && { sessions }),
    sessionsOf: new Map(read.flatMap(([pod, count]) => (count === undefined ? [] : [[pod, count] as const]))),
    ...(queue !== undefined && { queue }),
    ...(activity !== undefined && { activity }),
    ...(inFlight.length > 0 && { inFlightOf: new Map(inFlight) }),
    ...(heard.length > 0 && { store: storeReading(heard) }),
    ...(rejecting.length > 0 && { settingsRejected: rejecting }),
    ...securityOf(
      proxies.map((pod) => freshOf(pod).at(-1)),
      draining.map((pod) => freshOf(pod).at(-1)),
      latest.filter(({ component }) => component === 'processor'),
    ),
    ...longestStoreTime(latest),
  };
}

/** While Pods disagree, some have not noticed yet that Redis has other data. */
function storeReading(samples: readonly Sample[]): StoreReading {
  const known = samples.flatMap(({ values }) => values[METRIC.storeIdentity] ?? []);
  const [identity] = known;
  const expiries = samples.flatMap(({ values }) => values[METRIC.storeCertificateExpiry] ?? []);
  const having = (metric: string) =>
    samples.filter(({ values }) => values[metric] === 1).map(({ pod }) => pod);
  return {
    ...(identity !== undefined && known.every((one) => one === identity) && { identity }),
    loginRefused: having(METRIC.storeLoginRefused),
    prefixTaken: having(METRIC.storePrefixTaken),
    ...(expiries.length > 0 && { certificateExpires: Math.min(...expiries) }),
  };
}

function securityOf(
  staying: readonly (Sample | undefined)[],
  leaving: readonly (Sample | undefined)[],
  processors: readonly Sample[],
): Pick<Signals, 'security'> {
  const security = securityReading(
    staying,
    leaving.filter((sample) => sample !== undefined),
    processors,
  );
  return security === undefined ? {} : { security };
}

function longestStoreTime(samples: readonly Sample[]): Pick<Signals, 'storeSeconds'> {
  const known = samples.flatMap(({ values }) => values[METRIC.storeResponseSeconds] ?? []);
  return known.length === 0 ? {} : { storeSeconds: Math.max(...known) };
}

/** As many messages as a processor claims at once: with this many waiting it is never idle. */
const BACKLOG = 100;

/**
 * The work of the processors in the samples after `since` (ms), for one decision only. Between two samples with a backlog
 * a processor worked at its capacity, however little CPU time it used.
 */
export function workSince(history: History, since: number): Work | undefined {
  const spans = [...history.values()].flatMap(({ samples }) =>
    samples.flatMap((sample, index) => {
      const before = samples[index - 1];
      if (before === undefined || sample.at <= since || sample.component !== 'processor') return [];
      return workBetween(before, sample) ?? [];
    }),
  );
  const sum = (figure: 'completed' | 'busy' | 'seconds') =>
    spans.reduce((all, span) => all + span[figure], 0);
  const busySeconds = sum('busy');
  if (!(busySeconds > 0)) return undefined;
  return { completed: sum('completed'), busySeconds, seconds: sum('seconds') };
}

/** A processor that is ready for longer and has no two samples cannot be read, ms. */
const FIRST_SAMPLES_MS = 30_000;

/** @param processors with their last two samples */
function activityOf(
  processors: readonly { readonly readyMs: number; readonly samples: readonly Sample[] }[],
): Activity | undefined {
  const spans = processors.map(({ readyMs, samples: [before, after] }) => ({
    readyMs,
    span: before === undefined || after === undefined ? undefined : workBetween(before, after),
  }));
  const known = spans.flatMap(({ span }) => span ?? []);
  const isEarly = spans.some(({ span, readyMs }) => span === undefined && readyMs < FIRST_SAMPLES_MS);
  // Those that cannot be read work as the others, if these are the most.
  if (known.length === 0 || isEarly || 2 * known.length < spans.length) return undefined;
  const all = spans.length / known.length;
  const sum = (figure: (span: Span) => number) => known.reduce((all, span) => all + figure(span), 0);
  const mean = (figure: (span: Span) => number) => Math.min(1, sum(figure) / known.length);
  const handled = sum((span) => span.handled);
  return {
    completedPerSecond: all * sum((span) => span.completed / span.seconds),
    busyShare: mean((span) => span.busy / span.seconds),
    ...(known.some(({ meters }) => meters) && {
      throttledShare: mean((span) => span.throttled / span.seconds),
    }),
    ...(handled > 0 && { handlerSeconds: sum((span) => span.handlerSeconds) / handled }),
  };
}

/** What one processor did between two samples. */
interface Span {
  readonly seconds: number;
  readonly completed: number;
  readonly busy: number;
  readonly throttled: number;
  /** Its system says how long it was throttled. */
  readonly meters: boolean;
  readonly handled: number;
  readonly handlerSeconds: number;
}

function workBetween(before: Sample, after: Sample): Span | undefined {
  const seconds = (after.at - before.at) / 1000;
  const completed = increase(before, after, METRIC.processorCompleted);
  const metered = increase(before, after, METRIC.processorBusySeconds);
  const throttled = increase(before, after, METRIC.processorThrottledSeconds);
  const loaded = [before, after].every(({ values }) => (values[METRIC.queueDepth] ?? 0) >= BACKLOG);
  if (completed === undefined || metered === undefined || !(seconds > 0)) return undefined;
  return {
    seconds,
    completed,
    // A process that its CPU limit stops is no more idle than one that computes.
    busy: loaded ? seconds : Math.min(seconds, metered + (throttled ?? 0)),
    throttled: throttled ?? 0,
    meters: throttled !== undefined,
    handled: increase(before, after, METRIC.processorServiceCount) ?? 0,
    handlerSeconds: increase(before, after, METRIC.processorServiceSum) ?? 0,
  };
}

/** Every Pod reports the same queue, so the most recent reading counts, never the sum. */
function freshestQueue(history: History, now: number): QueueReading | undefined {
  let best: QueueReading | undefined;
  for (const { samples, queueMovedAt } of history.values()) {
    const values = samples.at(-1)?.values;
    if (values === undefined || queueMovedAt === undefined) continue;
    const depth = values[METRIC.queueDepth];
    const oldestSeconds = values[METRIC.queueOldestSeconds];
    const inFlight = values[METRIC.queueInFlight];
    if (depth === undefined || oldestSeconds === undefined || inFlight === undefined) continue;
    const reading = { depth, oldestSeconds, inFlight, ageMs: Math.max(0, now - queueMovedAt) };
    if (best === undefined || reading.ageMs < best.ageMs) best = reading;
  }
  return best;
}

/** Per second. A Pod with one sample has no rate yet. */
function rate(samples: readonly Sample[], metric: string): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  const steps = samples.slice(1).map((sample, index) => increase(samples[index] ?? sample, sample, metric));
  const sum = total(steps);
  return sum === undefined ? undefined : sum / ((last.at - first.at) / 1000);
}

/** A counter below its last value was reset to 0. */
function increase(before: Sample, after: Sample, metric: string): number | undefined {
  const [from, to] = [before.values[metric], after.values[metric]];
  if (from === undefined || to === undefined) return undefined;
  return to >= from ? to - from : to;
}

/** Undefined if any value is. */
function total(values: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const value of values) {
    if (value === undefined) return undefined;
    sum += value;
  }
  return sum;
}
