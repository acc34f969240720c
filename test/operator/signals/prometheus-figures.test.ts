/** From answers of a Prometheus to the load: what cannot be trusted is unknown, and a sentence says why. */
import test from 'ava';
import * as fc from 'fast-check';
import { METRIC } from '../../../services/contract.ts';
import type { LoadSignals } from '../../../operator/scaling/demand.ts';
import { type Series, seriesOf, singleValueOf } from '../../../operator/signals/prometheus/answer.ts';
import {
  loadOf,
  type Memory,
  remembered,
  workBetween,
} from '../../../operator/signals/prometheus/figures.ts';
import {
  COMPUTED,
  defaultSelector,
  FIGURE,
  loadQuery,
} from '../../../operator/signals/prometheus/queries.ts';
import { readingsOf } from '../../../operator/signals/prometheus/targets.ts';

const T = 1_800_000_000;
const POD = { namespace: 'default', ocpp_cluster: 'city', job: 'default/city' };

interface Exported {
  readonly pod: string;
  readonly component?: 'ws-proxy' | 'processor';
  /** Age of the last sample, s. */
  readonly age?: number;
  /** s since 1970 */
  readonly at?: number;
  readonly figures?: Readonly<Record<string, number>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The series of one Pod, evaluated at `at`. */
function seriesFor({
  pod,
  component = 'ws-proxy',
  age = 2,
  at = T,
  figures,
  values,
  labels,
}: Exported): Series[] {
  const one = (more: Record<string, string>, value: number): Series => ({
    labels: { ...POD, pod, ...labels, ...more },
    evaluatedAt: at,
    value,
  });
  const sampled = component === 'ws-proxy' ? COMPUTED.sampledProxy : COMPUTED.sampledProcessor;
  const queue = {
    [METRIC.queueDepth]: 40,
    [METRIC.queueOldestSeconds]: 1.5,
    [METRIC.queueInFlight]: 8,
    [METRIC.queueSampledAt]: at - age,
  };
  const rates = component === 'ws-proxy' ? { [COMPUTED.rate]: 10, [COMPUTED.recentRate]: 12 } : {};
  return [
    one({ [FIGURE]: sampled }, at - age),
    ...Object.entries({ ...rates, ...figures }).map(([name, value]) => one({ [FIGURE]: name }, value)),
    ...Object.entries({ ...queue, ...values }).map(([name, value]) => one({ __name__: name }, value)),
  ];
}

const PROXIES = ['city-ws-proxy-a', 'city-ws-proxy-b'];
const PROCESSOR = 'city-processor-c';
const PODS = [...PROXIES, PROCESSOR];
const trusted = { pods: PODS, staleSeconds: 60, selector: 'x="y"' };

function read(
  series: readonly Series[],
  memory: Memory = new Map(),
  draining: readonly string[] = [],
): LoadSignals {
  const readings = readingsOf(series, trusted);
  if (typeof readings === 'string') return { problem: readings };
  const now = (series[0]?.evaluatedAt ?? 0) * 1000;
  const proxies = PROXIES.filter((pod) => !draining.includes(pod));
  return loadOf(readings, remembered(memory, readings, PODS, now), {
    proxies,
    draining,
    now,
    staleSeconds: 60,
  });
}

/** Of an answer that can be trusted. */
function trustedReadings(series: readonly Series[]) {
  const readings = readingsOf(series, trusted);
  if (typeof readings === 'string') throw new Error(readings);
  return readings;
}

const both = PROXIES.flatMap((pod) => seriesFor({ pod }));
const [a = '', b = ''] = PROXIES;

test('arrivals are summed over the ws-proxies, and the queue is that of the freshest Pod', (t) => {
  const fresher = seriesFor({
    pod: PROCESSOR,
    component: 'processor',
    age: 1,
    values: { [METRIC.queueDepth]: 50 },
  });
  t.deepEqual(read([...both, ...fresher]), {
    arrivalRate: 20,
    recentArrivalRate: 24,
    queue: { depth: 50, oldestSeconds: 1.5, inFlight: 8, ageMs: 1000 },
  });
});

const UNKNOWN: Readonly<Record<string, readonly [series: readonly Series[], problem: RegExp]>> = {
  'no series': [[], /has no series with \{x="y"\}\. Check that it scrapes the Pods/],
  'no label pod': [
    both.map((one) => ({ ...one, labels: POD })),
    /series without the label "pod"\. Give them/,
  ],
  'other Pods only': [
    seriesFor({ pod: 'old-1' }),
    /series of the Pods old-1, but none .* \(city-ws-proxy-a, city-ws-proxy-b, city-processor-c\)/,
  ],
  'old samples': [
    PROXIES.flatMap((pod) => seriesFor({ pod, age: 75 })),
    /last sample that is 75 s old \(staleSeconds is 60\)\. Check that it still scrapes/,
  ],
  'samples of the future': [
    PROXIES.flatMap((pod) => seriesFor({ pod, age: -30 })),
    /samples that are 30 s in the future\. Check the clock/,
  ],
  'two replicas of a Prometheus': [
    PROXIES.flatMap((pod) => ['0', '1'].flatMap((replica) => seriesFor({ pod, labels: { replica } }))),
    /two series of the Pod city-ws-proxy-a, which differ in the label replica \("0" and "1"\)\. .* add replica="0" to autoscaling\.prometheus\.selector/,
  ],
  'a series without the time of its sample': [
    both.filter(({ labels }) => labels[FIGURE] !== COMPUTED.sampledProxy),
    /none with a current sample of the Pods/,
  ],
  'no figures of the queue': [
    both.filter(({ labels }) => labels['__name__'] !== METRIC.queueDepth),
    /no Pod with ocpp_requests_depth, .* while they cannot read Redis/,
  ],
  'a depth that is no number': [
    PROXIES.flatMap((pod) => seriesFor({ pod, values: { [METRIC.queueDepth]: Number.NaN } })),
    /no Pod with ocpp_requests_depth/,
  ],
  'a negative depth': [
    PROXIES.flatMap((pod) => seriesFor({ pod, values: { [METRIC.queueDepth]: -1 } })),
    /no Pod with ocpp_requests_depth/,
  ],
  'no rate': [
    both.filter(({ labels }) => labels[FIGURE] !== COMPUTED.rate),
    /no rate of ocpp_proxy_frames_forwarded_total .* after two scrapes/,
  ],
  'infinite rates': [
    PROXIES.flatMap((pod) => seriesFor({ pod, figures: { [COMPUTED.rate]: Number.POSITIVE_INFINITY } })),
    /no rate of ocpp_proxy_frames_forwarded_total/,
  ],
};

for (const [name, [series, problem]] of Object.entries(UNKNOWN)) {
  test(`unknown, with a reason: ${name}`, (t) => {
    const load = read(series);
    t.regex(load.problem ?? '', problem);
    t.true(load.arrivalRate === undefined || load.queue === undefined);
  });
}

test('a ready ws-proxy without current samples makes the arrivals incomplete, and one that leaves does not', (t) => {
  const one = seriesFor({ pod: a });
  const stale = [...one, ...seriesFor({ pod: b, age: 61 })];
  for (const series of [one, stale]) t.like(read(series), { arrivalRate: 10, arrivalsIncomplete: true });
  t.deepEqual(read(one, new Map(), [b]).arrivalsIncomplete, undefined);
  t.like(read(both, new Map(), [b]), { arrivalRate: 20 });
  const new_ = seriesFor({ pod: b }).filter(({ labels }) => labels[FIGURE] === COMPUTED.sampledProxy);
  t.like(read([...one, ...new_]), { arrivalRate: 10, arrivalsIncomplete: true });
});

test('an old target of a Pod that was found again under other labels does not count as a second one', (t) => {
  const old = seriesFor({ pod: a, age: 70, labels: { instance: 'old' } });
  t.like(read([...both, ...old]), { arrivalRate: 20, problem: undefined });
});

test('figures of the queue that no Pod renews get old, though Prometheus scrapes on', (t) => {
  let memory: Memory = new Map();
  const at = (seconds: number) => {
    const series = PROXIES.flatMap((pod) =>
      seriesFor({ pod, at: T + seconds, values: { [METRIC.queueSampledAt]: T - 2 } }),
    );
    const load = read(series, memory);
    const readings = readingsOf(series, trusted);
    if (typeof readings !== 'string') memory = remembered(memory, readings, PODS, (T + seconds) * 1000);
    return load;
  };
  t.is(at(0).queue?.ageMs, 2000);
  t.is(at(30).queue?.ageMs, 32_000);
  const late = at(65);
  t.is(late.queue, undefined);
  t.regex(late.problem ?? '', /queue that are 67 s old .* The Pods do not read Redis/);
});

/** Two readings of a processor, and what they make of its work. */
function workOf(...readings: readonly Exported[]) {
  let memory: Memory = new Map();
  return readings.map((one) => {
    const found = readingsOf(seriesFor({ component: 'processor', ...one }), trusted);
    if (typeof found === 'string') return found;
    const before = memory;
    memory = remembered(before, found, PODS, (one.at ?? T) * 1000);
    return workBetween(before, memory);
  });
}
const busy = (completed: number, seconds: number) => ({
  [METRIC.processorCompleted]: completed,
  [METRIC.processorBusySeconds]: seconds,
});

test('work counts once for each new sample: the same sample again adds nothing, nor does one of a slower replica', (t) => {
  const [first, second, again, earlier, next] = workOf(
    { pod: PROCESSOR, at: T, age: 1, values: busy(100, 5) },
    { pod: PROCESSOR, at: T + 10, age: 1, values: busy(160, 7) },
    { pod: PROCESSOR, at: T + 15, age: 6, values: busy(160, 7) },
    { pod: PROCESSOR, at: T + 16, age: 9, values: busy(150, 6.6) },
    { pod: PROCESSOR, at: T + 20, age: 1, values: busy(200, 8) },
  );
  t.deepEqual([first, again, earlier], [undefined, undefined, undefined]);
  t.like(second, { completed: 60, busySeconds: 2, seconds: 10 });
  t.like(next, { completed: 40, busySeconds: 1, seconds: 10 });
});

test('a counter of a restarted processor counts from zero', (t) => {
  const [, work] = workOf(
    { pod: PROCESSOR, at: T, values: busy(100, 5) },
    { pod: PROCESSOR, at: T + 10, values: busy(30, 2) },
  );
  t.like(work, { completed: 30, busySeconds: 2 });
});

test('the outcomes of a processor are summed, and are no second series of its Pod', (t) => {
  const outcomes = ['result', 'error'].map((outcome) => ({
    labels: { ...POD, pod: PROCESSOR, __name__: METRIC.processorCompleted, outcome },
    evaluatedAt: T,
    value: 7,
  }));
  const readings = readingsOf(
    [...seriesFor({ pod: PROCESSOR, component: 'processor' }), ...outcomes],
    trusted,
  );
  t.is(typeof readings === 'string' ? readings : readings[0]?.values[METRIC.processorCompleted], 14);
});

test('after a change to a Prometheus whose clock is behind, the samples of the earlier one do not pass as current', (t) => {
  const ahead = seriesFor({ pod: a, at: T + 600 });
  const readings = trustedReadings(ahead);
  const memory = remembered(new Map(), readings, PODS, (T + 600) * 1000);
  const behind = seriesFor({ pod: a, at: T, age: 5, values: { [METRIC.queueDepth]: 3 } });
  t.like(read(behind, memory).queue, { depth: 3, ageMs: 5000 });
});

test('figures of overridden queries replace those of the Pods, and nothing else', (t) => {
  const readings = trustedReadings(both);
  const memory = remembered(new Map(), readings, PODS, T * 1000);
  const sought = { proxies: PROXIES, draining: [], now: T * 1000, staleSeconds: 60 };
  const queue = { depth: 40, oldestSeconds: 1.5, inFlight: 8, ageMs: 2000 };
  t.deepEqual(loadOf(readings, memory, sought, { arrivalRate: 7 }), { arrivalRate: 7, queue });
  t.deepEqual(loadOf(readings, memory, sought, { depth: 0, oldestSeconds: 0 }).queue, {
    ...queue,
    depth: 0,
    oldestSeconds: 0,
  });
});

const vector = (...elements: readonly (readonly [labels: object, value: unknown])[]) => ({
  status: 'success',
  data: { resultType: 'vector', result: elements.map(([metric, value]) => ({ metric, value: [T, value] })) },
});

const ANSWERS: readonly (readonly [name: string, answer: unknown, expected: RegExp])[] = [
  ['an error', { status: 'error', errorType: 'bad_data', error: 'parse error' }, /failed: parse error/],
  ['a long error', { status: 'error', error: 'x'.repeat(5000) }, /^.{1,400}…$/],
  [
    'a warning',
    { ...vector(), warnings: ['store a: unavailable'] },
    /may be incomplete.*store a: unavailable/,
  ],
  ['a part, of VictoriaMetrics', { ...vector(), isPartial: true }, /is partial/],
  ['a matrix', { status: 'success', data: { resultType: 'matrix', result: [] } }, /gives a matrix/],
  ['another API', { hello: 'secret' }, /^the answer is not that of the Prometheus HTTP API/],
  ['null', null, /not that of the Prometheus/],
  ['a text', 'no', /not that of the Prometheus/],
  [
    'an element without a time',
    { status: 'success', data: { resultType: 'vector', result: [{ value: ['x', '1'] }] } },
    /not that/,
  ],
];
for (const [name, answer, expected] of ANSWERS) {
  test(`an answer that gives no series: ${name}`, (t) => {
    const found = seriesOf(answer);
    t.regex(typeof found === 'string' ? found : 'series', expected);
  });
}

test('values are read as Prometheus writes them; a text that is no number is not zero', (t) => {
  const texts = ['1.5e3', '-2', 'NaN', '+Inf', '-Inf', '', ' ', 'x', 3];
  const series = seriesOf(vector(...texts.map((text) => [{}, text] as const)));
  const values = typeof series === 'string' ? series : series.map(({ value }) => value);
  t.deepEqual(values, [1500, -2, NaN, Infinity, -Infinity, NaN, NaN, NaN, NaN]);
  const info = { ...vector([{}, '1']), warnings: ['PromQL info: metric might not be a counter'] };
  t.is(seriesOf(info).length, 1, 'a remark about the query is no warning');
});

test('an overridden query must give one finite number that is not negative', (t) => {
  const of = (...texts: readonly string[]) => {
    const series = seriesOf(vector(...texts.map((text) => [{}, text] as const)));
    return typeof series === 'string' ? series : singleValueOf(series);
  };
  t.is(of('0'), 0);
  t.is(of('12.5'), 12.5);
  t.regex(String(of()), /returned no sample/);
  t.regex(String(of('1', '2')), /returned 2 samples; aggregate/);
  for (const text of ['NaN', '+Inf', '-1']) t.regex(String(of(text)), /which is no figure/);
  const scalar = seriesOf({ status: 'success', data: { resultType: 'scalar', result: [T, '4'] } });
  t.is(typeof scalar === 'string' ? scalar : singleValueOf(scalar), 4);
});

test('every query of the selector names the cluster', (t) => {
  const selector = defaultSelector({ namespace: 'north', name: 'city' });
  const query = loadQuery(selector, 60);
  const matchers = query.match(/\{[^}]*\}/g) ?? [];
  t.true(matchers.length >= 6);
  for (const one of matchers) t.true(one.includes('namespace="north",ocpp_cluster="city"'), one);
  t.regex(loadQuery(selector, 600), /\[1200s\]/, 'two samples of the slowest scrapes lie in the window');
});

test('property: what the answer does not say is unknown, never a number that it does not have', (t) => {
  const value = fc.oneof(fc.constant(Number.NaN), fc.constant(Infinity), fc.double({ min: -5, max: -1e-9 }));
  const names = [
    METRIC.queueDepth,
    METRIC.queueOldestSeconds,
    METRIC.queueInFlight,
    COMPUTED.sampledProxy,
    COMPUTED.rate,
  ];
  const nameOf = ({ labels }: Series) => labels[FIGURE] ?? labels['__name__'] ?? '';
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.option(value), (name, wrong) => {
      const series = both.flatMap((one) =>
        nameOf(one) !== name ? [one] : wrong === null ? [] : [{ ...one, value: wrong }],
      );
      const load = read(series);
      t.truthy(load.problem);
      if (name === COMPUTED.rate) t.is(load.arrivalRate, undefined);
      else t.is(load.queue, undefined);
    }),
  );
  fc.assert(
    fc.property(fc.subarray(both), (series) => {
      const load = read(series);
      t.true(load.problem !== undefined || (load.arrivalRate !== undefined && load.queue !== undefined));
      if (load.queue !== undefined) t.like(load.queue, { depth: 40, oldestSeconds: 1.5, inFlight: 8 });
      if (load.arrivalRate === 10) t.true(load.arrivalsIncomplete);
      t.true([undefined, 10, 20].includes(load.arrivalRate));
    }),
  );
});
