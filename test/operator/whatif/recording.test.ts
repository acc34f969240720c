/** A recording becomes the conditions that it was made in; one that cannot be used says what is wrong with it. */
import test from 'ava';
import { METRIC } from '../../../services/contract.ts';
import { hpa } from '../../../operator/whatif/hpa.ts';
import { METRICS, recordingOf } from '../../../operator/whatif/recording.ts';
import { CAPACITY } from '../../../operator/whatif/shapes.ts';
import { type Conditions, run } from '../../../operator/whatif/world.ts';
import { answerOf, BEGIN, type SeriesOfAnswer, seriesOfRun } from './answer.ts';

const SECONDS = 3600;
const STEP = 15;
const conditions: Conditions = {
  seconds: SECONDS,
  arrivals: (second) => (second >= 600 && second < 2400 ? 180 : 30),
  capacity: () => CAPACITY,
  startupSeconds: () => 8,
  concurrency: 1,
};
const made = run(conditions, hpa({ minReplicas: 1, maxReplicas: 20, target: 50 }), 1);
const series = () => seriesOfRun(made, CAPACITY, STEP);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** With the value of each pair, or without the pair if it is undefined. */
const changed = (change: (name: string, at: number, value: string) => string | undefined): SeriesOfAnswer[] =>
  series().map(({ metric, values }) => ({
    metric,
    values: values.flatMap(([at, value]) => {
      const next = change(metric['__name__'] ?? '', at - BEGIN, value);
      return next === undefined ? [] : [[at, next] as [number, string]];
    }),
  }));

test('arrivals and capacity are those of the cluster that was recorded', (t) => {
  const recording = recordingOf(answerOf(series()));
  t.is(recording.seconds, SECONDS - STEP);
  t.is(recording.begin, BEGIN * 1000);
  t.true(Math.abs(mean(recording.arrivals.slice(0, 580)) - 30) < 0.1);
  t.true(Math.abs(mean(recording.arrivals.slice(620, 2380)) - 180) < 0.1);
  for (const capacity of recording.capacity) t.true(Math.abs(capacity - CAPACITY) < 1, String(capacity));
  t.false(recording.blind.includes(true));
  const most = Math.max(...made.moments.map(({ replicas }) => replicas));
  t.is(Math.max(...recording.recorded.map(({ replicas }) => replicas)), most);
});

test('the answers of consecutive ranges are one recording, and may overlap', (t) => {
  const part = (from: number, to: number) =>
    changed((_, at, value) => (at >= from && at <= to ? value : undefined));
  const parts = [part(1800, SECONDS), part(0, 1830)].map((one) => JSON.parse(answerOf(one)) as unknown);
  t.deepEqual(recordingOf(JSON.stringify(parts)), recordingOf(answerOf(series())));
});

test('a gap is blind time, in which the arrivals of its counter are spread evenly', (t) => {
  const gap = changed((_, at, value) => (at > 1000 && at < 1600 ? undefined : value));
  const recording = recordingOf(answerOf(gap));
  t.false(recording.blind[900]);
  t.true(recording.blind[1200]);
  t.false(recording.blind[1700]);
  t.true(Math.abs((recording.arrivals[1200] ?? 0) - 180) < 1);
});

test('NaN and Inf are no figures: their time is blind', (t) => {
  for (const value of ['NaN', '+Inf']) {
    const nan = changed((name, at, known) =>
      name === METRIC.proxyForwarded && at > 1000 && at < 1200 ? value : known,
    );
    t.true(recordingOf(answerOf(nan)).blind[1100], value);
  }
});

test('a counter that begins at 0 again counts from there', (t) => {
  const [at, known] = [1500, 0];
  const before = series().find(({ metric }) => metric['__name__'] === METRIC.proxyForwarded);
  const sum = Number(before?.values.find(([time]) => time === BEGIN + at)?.[1] ?? known);
  const reset = changed((name, time, value) =>
    name === METRIC.proxyForwarded && time > at ? String(Number(value) - sum) : value,
  );
  const { arrivals } = recordingOf(answerOf(reset));
  t.true(arrivals.every((rate) => rate >= 0 && rate < 200));
  t.true(Math.abs((arrivals[at + 20] ?? 0) - 180) < 1);
});

const without = (name: string) => answerOf(series().filter(({ metric }) => metric['__name__'] !== name));
const only = (first: SeriesOfAnswer) => answerOf([first, ...series().slice(1)]);
const [forwarded] = series();
const BAD: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ['an empty file', ' \n', /empty/],
  ['no JSON', '<html>Not found</html>', /not JSON; it begins with "<html>/],
  ['something else', '7', /not an answer of Prometheus/],
  [
    'an error of Prometheus',
    '{"status":"error","error":"query timed out"}',
    /with an error: query timed out/,
  ],
  ['an instant query', '{"status":"success","data":{"resultType":"vector","result":[]}}', /query_range/],
  ['no series', answerOf([]), /matched nothing/],
  ...METRICS.map((name) => [`without ${name}`, without(name), new RegExp(`lacks ${name}`)] as const),
  [
    'only NaN',
    answerOf(changed((name, _, value) => (name === METRIC.queueDepth ? 'NaN' : value))),
    /lacks ocpp_requests_depth/,
  ],
  ['rate() instead of the counter', only({ metric: {}, values: [] }), /without rate\(\) or sum\(\)/],
  ['one time only', answerOf(changed((_, at, value) => (at === 30 ? value : undefined))), /one time only/],
  [
    'times that fall',
    only({ metric: forwarded?.metric ?? {}, values: (forwarded?.values ?? []).toReversed() }),
    /must rise/,
  ],
  [
    'a time twice',
    only({
      metric: forwarded?.metric ?? {},
      values: [
        [BEGIN, '1'],
        [BEGIN, '2'],
      ],
    }),
    /must rise/,
  ],
  [
    'a value that is no number',
    answerOf(changed((_, __, value) => (value === '0' ? 'zero' : value))),
    /"zero" is no value/,
  ],
  [
    'a pair that is none',
    only({ metric: forwarded?.metric ?? {}, values: [['x', 1] as never] }),
    /no pair of a time and a value/,
  ],
  [
    'two clusters',
    answerOf([
      ...series(),
      ...series().map(({ metric, values }) => ({ metric: { ...metric, ocpp_cluster: 'b' }, values })),
    ]),
    /2 clusters \(charging\/b, charging\/city\)/,
  ],
  [
    'two answers that disagree',
    `[${answerOf(series())},${answerOf(changed((_, __, value) => `${value}1`))}]`,
    /different values/,
  ],
  [
    'processors that completed nothing',
    answerOf(changed((name, _, value) => (name === METRIC.processorCompleted ? '0' : value))),
    /completed no messages/,
  ],
];

for (const [name, text, says] of BAD) {
  test(`a recording cannot be used: ${name}`, (t) => {
    t.throws(() => recordingOf(text), { name: 'RecordingError', message: says });
  });
}
