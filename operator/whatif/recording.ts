/**
 * A recording of the metrics of one cluster as conditions of the model: what arrived and what a busy processor handled, second
 * by second, and what the recorded scaling did. Time without samples is blind time, never a time without load.
 */
import { METRIC } from '../../services/contract.ts';
import { type Point, RecordingError, type Series, seriesIn } from './series.ts';

/** Prometheus' times of a range query are the same in all series. */
export interface Recorded {
  /** Since the first sample, s. */
  readonly second: number;
  readonly replicas: number;
  readonly backlog: number;
  readonly oldestSeconds: number;
}

export interface Recording {
  /** Of the first sample, ms since 1970. */
  readonly begin: number;
  readonly seconds: number;
  /** For each second. */
  readonly arrivals: readonly number[];
  readonly capacity: readonly number[];
  readonly blind: readonly boolean[];
  readonly recorded: readonly Recorded[];
  /** A longer time between two samples is a gap. */
  readonly gapSeconds: number;
}

export const METRICS = [
  METRIC.proxyForwarded,
  METRIC.processorCompleted,
  METRIC.processorBusySeconds,
  METRIC.queueDepth,
  METRIC.queueOldestSeconds,
  METRIC.queueInFlight,
] as const;

/** The command that records what is needed. */
export const RECORD = `curl -sG http://PROMETHEUS:9090/api/v1/query_range \\
    --data-urlencode 'query={__name__=~"${METRICS.join('|')}",namespace="NAMESPACE",ocpp_cluster="CLUSTER"}' \\
    -d start="$(date -d '-3 hours' +%s)" -d end="$(date +%s)" -d step=15 > recorded.json`;

/** A longer time between two samples than this many steps is a gap. */
const GAP_STEPS = 2.5;
/** Of that many messages a processor is never idle, whatever share of its time it computed. As in signals.ts. */
const LOADED = 100;
/** Less busy time measures no capacity, s. */
const LEAST_BUSY_SECONDS = 0.5;
const LONGEST_SECONDS = 7 * 86_400;

/** @param text the file @throws RecordingError */
export function recordingOf(text: string): Recording {
  const series = seriesIn(text).filter(({ name }) => (METRICS as readonly string[]).includes(name));
  checkMetrics(series);
  checkCluster(series);
  const times = [...new Set(series.flatMap(({ points }) => points.map(({ at }) => at)))].sort(
    (a, b) => a - b,
  );
  const [begin, end] = [times[0], times.at(-1)];
  if (begin === undefined || end === undefined || end - begin < 1) {
    throw new RecordingError('the recording has one time only: record a range of some hours');
  }
  const seconds = Math.ceil(end - begin);
  if (seconds > LONGEST_SECONDS) throw new RecordingError('the recording is longer than 7 days');
  const gap = stepOf(times) * GAP_STEPS;
  const span = { begin, seconds, gap };
  const arrivals = rateOf(named(series, METRIC.proxyForwarded), span, true);
  return {
    begin: begin * 1000,
    seconds,
    arrivals: arrivals.perSecond,
    capacity: capacityOf(series, span),
    blind: arrivals.known.map((known) => !known),
    recorded: recordedOf(series, times, begin),
    gapSeconds: gap,
  };
}

interface Span {
  readonly begin: number;
  readonly seconds: number;
  /** s */
  readonly gap: number;
}

const named = (series: readonly Series[], name: string) => series.filter((one) => one.name === name);

function checkMetrics(series: readonly Series[]): void {
  const missing = METRICS.filter((name) => !named(series, name).some(({ points }) => points.length > 0));
  if (missing.length > 0) throw new RecordingError(`the recording lacks ${missing.join(', ')}`);
}

/** Figures of two clusters must not be added. */
function checkCluster(series: readonly Series[]): void {
  const clusters = new Set(series.map(({ labels }) => `${labels['namespace']}/${labels['ocpp_cluster']}`));
  if (clusters.size > 1) {
    const names = [...clusters].sort().join(', ');
    throw new RecordingError(`the recording has ${clusters.size} clusters (${names}): record one`);
  }
}

/** The median time between two samples. */
function stepOf(times: readonly number[]): number {
  const steps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 1;
}

/** A counter below its last value was reset to 0. */
const increase = (before: Point, after: Point) =>
  after.value >= before.value ? after.value - before.value : after.value;

interface Rate {
  readonly perSecond: number[];
  /** Whether a second lies between two samples that are no gap apart. */
  readonly known: boolean[];
}

/** The sum of the rates of counters. @param bridges in a gap a counter rose evenly; otherwise its rate there is 0 */
function rateOf(series: readonly Series[], { begin, seconds, gap }: Span, bridges: boolean): Rate {
  const perSecond = Array.from<number>({ length: seconds }).fill(0);
  const known = Array.from<boolean>({ length: seconds }).fill(false);
  for (const { points } of series) {
    for (const [index, after] of points.entries()) {
      const before = points[index - 1];
      if (before === undefined) continue;
      const isGap = after.at - before.at > gap;
      if (isGap && !bridges) continue;
      const rate = increase(before, after) / (after.at - before.at);
      const until = Math.min(seconds, Math.round(after.at - begin));
      for (let second = Math.round(before.at - begin); second < until; second += 1) {
        perSecond[second] = (perSecond[second] ?? 0) + rate;
        if (!isGap) known[second] = true;
      }
    }
  }
  return { perSecond, known };
}

/** Completions per busy second of all processors; where they did little, the last value that is known, or else the next. */
function capacityOf(series: readonly Series[], span: Span): number[] {
  const rates = (counters: readonly Series[]) => rateOf(counters, span, false).perSecond;
  const completed = rates(named(series, METRIC.processorCompleted));
  const busy = rates(named(series, METRIC.processorBusySeconds));
  const alive = rates(clocks(named(series, METRIC.processorBusySeconds)));
  const loaded = loadedIn(series, span);
  const measured: (number | undefined)[] = [];
  let [done, used, last] = [0, 0, undefined as number | undefined];
  for (let second = 0; second < span.seconds; second += 1) {
    done += completed[second] ?? 0;
    used += (loaded[second] === true ? alive[second] : busy[second]) ?? 0;
    if (used >= LEAST_BUSY_SECONDS && done > 0) {
      last = done / used;
      [done, used] = [0, 0];
    }
    measured.push(last);
  }
  const first = measured.find((value) => value !== undefined);
  if (first === undefined) throw new RecordingError('the processors of the recording completed no messages');
  return measured.map((value) => value ?? first);
}

/** As many counters that rise by 1 per second: their rate is the number of Pods. */
const clocks = (series: readonly Series[]): Series[] =>
  series.map((one) => ({ ...one, points: one.points.map(({ at }) => ({ at, value: at })) }));

/** For each second: whether the samples before and after it have a long queue. */
function loadedIn(series: readonly Series[], { begin, seconds }: Span): boolean[] {
  const depths = [...medians(named(series, METRIC.queueDepth))].sort(([a], [b]) => a - b);
  const loaded = Array.from<boolean>({ length: seconds }).fill(false);
  for (const [index, [at, depth]] of depths.entries()) {
    const [until, next] = depths[index + 1] ?? [at, 0];
    if (Math.min(depth, next) >= LOADED) {
      loaded.fill(true, at - Math.round(begin), Math.min(seconds, until - Math.round(begin)));
    }
  }
  return loaded;
}

/** By time in whole seconds: one Pod with an old reading does not matter. */
function medians(series: readonly Series[]): ReadonlyMap<number, number> {
  const all = new Map<number, number[]>();
  for (const { points } of series) {
    for (const { at, value } of points) all.set(Math.round(at), [...(all.get(Math.round(at)) ?? []), value]);
  }
  const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return new Map([...all].map(([at, values]) => [at, middle(values)]));
}

function recordedOf(series: readonly Series[], times: readonly number[], begin: number): Recorded[] {
  const depth = medians(named(series, METRIC.queueDepth));
  const inFlight = medians(named(series, METRIC.queueInFlight));
  const oldest = medians(named(series, METRIC.queueOldestSeconds));
  const pods = new Map<number, Set<string>>();
  for (const { points, labels } of named(series, METRIC.processorBusySeconds)) {
    const pod = labels['pod'] ?? labels['instance'] ?? JSON.stringify(labels);
    for (const { at } of points) pods.set(Math.round(at), (pods.get(Math.round(at)) ?? new Set()).add(pod));
  }
  return times.flatMap((time) => {
    const at = Math.round(time);
    const waiting = depth.get(at);
    const replicas = pods.get(at)?.size;
    if (waiting === undefined || replicas === undefined) return [];
    const backlog = waiting + (inFlight.get(at) ?? 0);
    return [{ second: at - Math.round(begin), replicas, backlog, oldestSeconds: oldest.get(at) ?? 0 }];
  });
}
