/** The pipeline to a collector: what it sends, and what it drops while the collector is slow, away or refuses. */
import test from 'ava';
import { openTelemetry, type SpanCounts } from '../../services/runtime/tracing/open-telemetry.ts';
import type { StartSpan } from '../../services/runtime/tracing/spans.ts';
import { until } from '../support/until.ts';
import { startCollector } from './collector.ts';

const SPAN = { name: 'Heartbeat', kind: 'server', attributes: { 'ocpp.station.id': 'CP-1' } } as const;
const MOST_WAITING = 4096;

function pipeline(url: string, headers = () => Promise.resolve({})) {
  const errors: string[] = [];
  const onError = ({ message }: Error) => void errors.push(message);
  const resource = { 'service.name': 'test' };
  return { errors, ...openTelemetry({ url: `${url}/v1/traces`, resource, headers, onError }) };
}

function endMany(start: StartSpan, count: number): void {
  for (let i = 0; i < count; i += 1) start(SPAN).end();
}

const sum = ({ exported, overflowed, failed }: SpanCounts) => exported + overflowed + failed;

test('a span has its parent, times to the microsecond, an event, and the word of its error', async (t) => {
  await using collector = await startCollector();
  const { start, stop } = pipeline(collector.url);
  const root = start({ ...SPAN, at: 1_764_504_909_123.25 });
  const child = start({ ...SPAN, kind: 'producer', parent: root.traceparent, at: 1_764_504_909_123.5 });
  child.set({ 'ocpp.delivery.count': 2 });
  child.event('redelivered');
  child.end('timeout', 1_764_504_909_124);
  // Before its start: a clock that was set back.
  root.end(undefined, 1);
  await stop();
  const [second, first] = collector.spans;
  t.like(second, {
    service: 'test',
    traceId: first?.traceId,
    parentId: first?.spanId,
    kind: 'producer',
    start: 1_764_504_909_123_500_000n,
    end: 1_764_504_909_124_000_000n,
    attributes: { 'ocpp.station.id': 'CP-1', 'ocpp.delivery.count': 2, 'error.type': 'timeout' },
    events: ['redelivered'],
    isError: true,
  });
  t.like(first, { parentId: '', start: 1_764_504_909_123_250_000n, end: 1_764_504_909_123_250_000n });
  t.false(first?.isError);
  t.is(root.traceparent, `00-${first?.traceId}-${first?.spanId}-01`);
});

test('a collector that hangs costs dropped spans: no more than 4096 wait, and a stop takes a second', async (t) => {
  await using collector = await startCollector('hang');
  const { start, stop, counts } = pipeline(collector.url);
  endMany(start, 10_000);
  t.is(counts.overflowed, 10_000 - MOST_WAITING);
  await until(() => collector.requests.length > 0, 'the first batch');
  endMany(start, 100);
  t.is(counts.overflowed, 10_100 - MOST_WAITING, 'a batch that the collector has still counts');
  const begun = performance.now();
  await stop();
  t.true(performance.now() - begun < 2000, `${performance.now() - begun} ms`);
});

test('a slow collector takes what fits; each span is counted once', async (t) => {
  await using collector = await startCollector();
  const { start, stop, counts, errors } = pipeline(collector.url);
  endMany(start, 5000);
  await until(() => counts.exported === MOST_WAITING, 'those that waited');
  endMany(start, 10);
  await stop();
  t.deepEqual({ ...counts }, { exported: MOST_WAITING + 10, overflowed: 5000 - MOST_WAITING, failed: 0 });
  t.is(collector.spans.length, counts.exported);
  t.deepEqual(errors, []);
});

test('a collector that refuses, and headers that cannot be read, fail the batch and nothing else', async (t) => {
  await using collector = await startCollector(401);
  const refused = pipeline(collector.url);
  endMany(refused.start, 3);
  await refused.stop();
  t.deepEqual({ ...refused.counts }, { exported: 0, overflowed: 0, failed: 3 });
  const withoutHeaders = pipeline(collector.url, () => Promise.reject(new Error('/etc/headers is empty')));
  endMany(withoutHeaders.start, 3);
  await withoutHeaders.stop();
  t.is(withoutHeaders.counts.failed, 3);
  t.deepEqual([refused.errors.length, withoutHeaders.errors], [1, ['/etc/headers is empty']]);
});

test('a collector that is away: its batch is given up in seconds, and the next one is tried', async (t) => {
  t.timeout(60_000);
  const gone = await startCollector();
  await gone[Symbol.asyncDispose]();
  const { start, counts, errors, stop } = pipeline(gone.url);
  endMany(start, 2);
  await until(() => counts.failed === 2, 'the first batch to fail');
  t.regex(errors[0] ?? '', /ECONNREFUSED/);
  endMany(start, 1);
  await until(() => sum(counts) === 3, 'the second one');
  await stop();
});
