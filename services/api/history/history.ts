/**
 * Small charts of the last hour or so, from a Prometheus. One set of queries runs at a time, and serves all requests of a while: pages
 * that are open cost as much as one.
 */
import { getText, type Place, quoted } from '../cluster/get-text.ts';
import { sharedReading } from '../cluster/shared-reading.ts';
import { type Figure, queriesOf, type Selectors } from './queries.ts';

export interface HistoryPlace extends Place, Selectors {}

/** Time, s since 1970, and value; null: there is none. */
export type Point = readonly [time: number, value: number | null];

export interface History {
  readonly source: 'prometheus' | 'none';
  /** Why there is nothing, or which figures are missing. */
  readonly why?: string;
  /** Between two points; s. */
  readonly step: number;
  /** A figure of which nothing is known is left out. */
  readonly series: Readonly<Partial<Record<Figure, readonly Point[]>>>;
}

export type ReadHistory = (minutes: number) => Promise<History>;

/** Minutes that are shown at least, and the seconds between two points. */
const SPANS = [
  [15, 15],
  [60, 30],
  [180, 90],
  [360, 180],
  [1440, 720],
] as const;
export const LONGEST_MINUTES = 1440;

/** How long a set of queries serves further requests; the time of one query; ms. */
const SHARED = 15_000;
const TIMEOUT = 5000;
/** Of the answer to one query; about 121 points have 4 kB. */
const MAX_BYTES = 128 * 1024;
/** Characters of the words of Prometheus. */
const QUOTED = 300;

const NOT_SET = 'no Prometheus is configured: set spec.api.prometheus, or OCPP_API_PROMETHEUS_URL';

/** @returns never rejects */
export function createHistory(place: HistoryPlace, now: () => number = Date.now): ReadHistory {
  let last: Promise<unknown> = Promise.resolve();
  const spans = SPANS.map(([minutes, step]) => {
    const read = () => (last = last.then(() => readHistory(place, { minutes, step }, now())));
    return { minutes, read: sharedReading(SHARED, read as () => Promise<History>) };
  });
  return async (minutes) => {
    if (place.url === '') return { source: 'none', why: NOT_SET, step: SPANS[0][1], series: {} };
    const span = spans.find((one) => one.minutes >= minutes) ?? spans.at(-1);
    return (span as (typeof spans)[number]).read();
  };
}

export const noHistory: ReadHistory = createHistory({
  url: '',
  tokenFile: '',
  caFile: '',
  cluster: '',
  operator: '',
});

interface Span {
  readonly minutes: number;
  readonly step: number;
}

async function readHistory(place: HistoryPlace, { minutes, step }: Span, now: number): Promise<History> {
  const end = Math.floor(now / 1000 / step) * step;
  const times = { start: end - minutes * 60, end, step };
  const queries = queriesOf(place, step);
  const found = await Promise.allSettled(queries.map(([, query]) => readRange(place, query, times)));
  const failed = found.find((one) => one.status === 'rejected');
  const why = failed && `the Prometheus at ${quoted(place.url)}: ${(failed.reason as Error).message}`;
  const series = queries.flatMap(([figure], i) => {
    const one = found[i];
    return one?.status === 'fulfilled' && one.value !== undefined ? [[figure, one.value] as const] : [];
  });
  const isAway = found.every(({ status }) => status === 'rejected');
  return {
    source: isAway ? 'none' : 'prometheus',
    ...(why !== undefined && { why }),
    step,
    series: Object.fromEntries(series),
  };
}

/** Undefined: it knows no sample. */
async function readRange(
  place: HistoryPlace,
  query: string,
  { start, end, step }: { readonly start: number; readonly end: number; readonly step: number },
): Promise<readonly Point[] | undefined> {
  const times = { start: `${start}`, end: `${end}`, step: `${step}` };
  const form = new URLSearchParams({ query, ...times, timeout: `${TIMEOUT}ms` });
  const url = `${place.url.replace(/\/+$/, '')}/api/v1/query_range?${form.toString()}`;
  const got = await getText({ ...place, url }, { timeoutMs: TIMEOUT, maxBytes: MAX_BYTES });
  const samples = samplesIn(got);
  if (samples.size === 0) return undefined;
  const count = Math.round((end - start) / step) + 1;
  return Array.from({ length: count }, (_, i): Point => {
    const time = start + i * step;
    return [time, samples.get(time) ?? null];
  });
}

/** By time. @throws Error with the words of Prometheus, where it has some */
function samplesIn({ status, text }: { readonly status: number | undefined; readonly text: string }) {
  const answer = jsonOf(text);
  const { error } = answer;
  const words =
    answer['status'] === 'error' && typeof error === 'string' ? `: ${error.slice(0, QUOTED)}` : '';
  if (status !== 200) throw new Error(`it answered ${status}${words}`);
  const data = answer['data'] as { readonly resultType?: unknown; readonly result?: unknown } | undefined;
  if (data?.resultType !== 'matrix' || !Array.isArray(data.result))
    throw new Error('it answered as no Prometheus does: check the URL');
  const [series] = data.result as { readonly values?: readonly (readonly [number, string])[] }[];
  const points = (series?.values ?? []).map(([time, value]) => [Math.round(time), Number(value)] as const);
  return new Map(points.filter(([, value]) => Number.isFinite(value)));
}

function jsonOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
