/** From the metrics text of a Pod to the signals for scaling. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { Signals } from '../../../operator/scaling/demand.ts';
import { Gauge, Registry } from 'prom-client';
import { readMetrics } from '../../../operator/signals/prometheus-text.ts';
import { createScraper, type Sample, type ScrapeTarget } from '../../../operator/signals/scrape.ts';
import { type History, remember, signalsOf, workSince } from '../../../operator/signals/signals.ts';
import { listen, startAdminServer } from '../../../services/runtime/admin-server.ts';
import { METRIC, PATH } from '../../../services/contract.ts';

test('metrics are read by name: series summed, other names ignored, values that are not numbers omitted', (t) => {
  const text = [
    '# HELP depth Frames waiting',
    '# TYPE depth gauge',
    'depth 12',
    'depth_total 99',
    'forwarded{protocol="ocpp1.6"} 3',
    'forwarded{protocol="a \\" } {b",x="1"} 4 1700000000000',
    'oldest NaN',
    'busy +Inf',
    'sampled 1.7e9',
    'torn{a="b" 5',
    'forwarded_created 1',
    'empty',
    '',
  ].join('\r\n');
  const names = new Set(['depth', 'forwarded', 'oldest', 'busy', 'sampled', 'torn', 'empty', 'absent']);
  t.deepEqual(readMetrics(text, names), { depth: 12, forwarded: 7, sampled: 1.7e9 });
});

const serve = async (handle: Parameters<typeof createServer>[1]): Promise<Server & { port: number }> => {
  const server = createServer(handle);
  await listen(server, 0, '127.0.0.1');
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
};

test('a scrape reads real exporters and omits those that fail, hang or flood', async (t) => {
  const registry = new Registry();
  new Gauge({ name: METRIC.queueDepth, help: 'x', registers: [registry] }).set(7);
  const ready = () => undefined;
  await using good = await startAdminServer({ host: '127.0.0.1', port: 0, registry, live: ready, ready });
  const bad = await serve((_, response) => response.writeHead(503).end('loading'));
  const silent = await serve((_, response) => response.writeHead(200).write('a 1\n'));
  const flood = await serve((_, response) => {
    const more = () => !response.destroyed && response.write('x'.repeat(65_536), more);
    more();
  });
  const target = (pod: string, port: number): ScrapeTarget => ({
    pod,
    component: 'ws-proxy',
    host: '127.0.0.1',
    port,
    path: PATH.metrics,
  });
  const failures = new Map<string, string>();
  const scrape = createScraper(
    () => 42,
    ({ pod }, { message }) => failures.set(pod, message),
  );
  try {
    const many = Array.from({ length: 50 }, (_, index) => target(`good-${index}`, good.port));
    const bads = [target('bad', bad.port), target('silent', silent.port), target('flood', flood.port)];
    const samples = await scrape([...bads, target('gone', 1), ...many]);
    t.deepEqual(samples.map(({ pod }) => pod).sort(), many.map(({ pod }) => pod).sort());
    t.deepEqual(samples[0]?.values, { [METRIC.queueDepth]: 7 });
    t.is(samples[0]?.at, 42);
    t.regex(failures.get('bad') ?? '', /HTTP 503/);
    t.regex(failures.get('silent') ?? '', /no response within 4000 ms/);
    t.regex(failures.get('flood') ?? '', /exceeds 1048576 bytes/);
    t.regex(failures.get('gone') ?? '', /ECONNREFUSED/);
  } finally {
    for (const server of [bad, silent, flood]) {
      server.closeAllConnections();
      server.close();
    }
  }
});

const START = 1_000_000;
const proxy = (pod: string, seconds: number, values: Sample['values']): Sample => ({
  pod,
  component: 'ws-proxy',
  at: START + seconds * 1000,
  values,
});
const processor = (pod: string, seconds: number, completed: number, busySeconds: number): Sample => ({
  ...proxy(pod, seconds, {
    [METRIC.processorCompleted]: completed,
    [METRIC.processorBusySeconds]: busySeconds,
  }),
  component: 'processor',
});
const forwarded = (count: number, sessions = 0) => ({
  [METRIC.proxyForwarded]: count,
  [METRIC.proxySessions]: sessions,
});
const queue = (depth: number, stamp: number) => ({
  [METRIC.queueDepth]: depth,
  [METRIC.queueOldestSeconds]: 1,
  [METRIC.queueInFlight]: 2,
  [METRIC.queueSampledAt]: stamp,
});
/** Consecutive scrapes, each with the Pods that answered. */
function after(scrapes: readonly (readonly Sample[])[], pods = ['a', 'b', 'p', 'q']): History {
  return scrapes.reduce((history: History, samples) => remember(history, samples, pods), new Map());
}
const read = (history: History, proxies: readonly string[], seconds: number) =>
  signalsOf(history, { proxies, now: START + seconds * 1000, staleMs: 15_000 });

function sums(signals: Signals): Signals {
  const { sessionsOf: _, ...rest } = signals;
  return rest;
}

test('arrivals and sessions are sums over all ready proxies, or marked incomplete', (t) => {
  const two = after([
    [proxy('a', 0, forwarded(100, 10)), proxy('b', 0, forwarded(500, 20))],
    [proxy('a', 5, forwarded(150, 11)), proxy('b', 5, forwarded(600, 22))],
  ]);
  t.like(read(two, ['a', 'b'], 5), { arrivalRate: 30, recentArrivalRate: 30, sessions: 33 });
  t.like(read(two, ['a'], 5), { arrivalRate: 10, sessions: 11 }, 'a Pod that is not ready does not count');
  t.like(
    read(two, ['a', 'b', 'c'], 5),
    { arrivalRate: 30, arrivalsIncomplete: true, sessions: undefined },
    'one was never read',
  );
  t.is(read(two, ['a', 'b'], 5).arrivalsIncomplete, undefined);
  t.deepEqual(sums(read(two, ['a', 'b'], 21)), { arrivalsIncomplete: true }, 'read too long ago');
  t.is(read(two, [], 5).arrivalRate, undefined, 'no proxies do not mean no arrivals');
  const now = START + 5000;
  const moving = signalsOf(two, { proxies: ['a'], draining: ['b', 'c'], now, staleMs: 15_000 });
  t.deepEqual(
    moving,
    {
      arrivalRate: 30,
      recentArrivalRate: 30,
      sessions: 33,
      sessionsOf: new Map([
        ['a', 11],
        ['b', 22],
      ]),
    },
    'stations of a draining Pod count until they leave',
  );
  const replaced = after([
    [proxy('a', 0, forwarded(7, 0)), proxy('b', 0, forwarded(0, 9))],
    [proxy('b', 5, forwarded(50, 9))],
  ]);
  t.deepEqual(
    sums(signalsOf(replaced, { proxies: ['a'], draining: ['b'], now, staleMs: 15_000 })),
    { arrivalRate: 10, recentArrivalRate: 10, arrivalsIncomplete: true, sessions: 9 },
    'a rollout does not make the signals missing',
  );
  const young = after([[proxy('a', 0, forwarded(100, 10))]]);
  t.deepEqual(
    sums(read(young, ['a'], 1)),
    { arrivalsIncomplete: true, sessions: 10 },
    'one sample has no rate',
  );
  const without = after([[proxy('a', 0, {})], [proxy('a', 5, {})]]);
  t.deepEqual(sums(read(without, ['a'], 5)), { arrivalsIncomplete: true }, 'a missing metric is not 0');
});

test('a counter reset gives no negative rate, and a deleted Pod is dropped', (t) => {
  const restarted = after([
    [proxy('a', 0, forwarded(1000))],
    [proxy('a', 5, forwarded(1050))],
    [proxy('a', 10, forwarded(30))],
  ]);
  t.is(read(restarted, ['a'], 10).arrivalRate, 8);
  const long = after(
    Array.from({ length: 20 }, (_, n) => [proxy('a', n * 5, forwarded(n < 10 ? 0 : n * 50))]),
  );
  t.is(read(long, ['a'], 95).arrivalRate, 10, 'the rate is that of the last 20 s');
  t.is(remember(long, [], ['b']).size, 0);
});

test('the most recent reading of the queue counts, by the clock of the operator', (t) => {
  const frozen = after([
    [proxy('a', 0, queue(5, 9e9)), proxy('p', 0, queue(5, 100))],
    [proxy('a', 5, queue(5, 9e9)), proxy('p', 5, queue(8, 105))],
    [proxy('a', 10, queue(5, 9e9)), proxy('p', 10, queue(9, 110))],
  ]);
  t.deepEqual(read(frozen, [], 11).queue, { depth: 9, oldestSeconds: 1, inFlight: 2, ageMs: 1000 });
  const alone = after([[proxy('a', 0, queue(5, 9e9))], [proxy('a', 20, queue(5, 9e9))]]);
  t.is(
    read(alone, [], 20).queue?.ageMs,
    20_000,
    'the reading of an exporter without Redis becomes stale although it responds',
  );
  const partial = after([[proxy('a', 0, { [METRIC.queueDepth]: 5, [METRIC.queueSampledAt]: 1 })]]);
  t.is(read(partial, [], 0).queue, undefined);
});

test('work counts once what processors did since the last decision, across restarts', (t) => {
  const history = after([
    [processor('p', 0, 100, 10), processor('q', 0, 50, 1)],
    [processor('p', 5, 300, 12), processor('q', 5, 20, 0.5)],
  ]);
  t.deepEqual(workSince(history, START), {
    completed: 220,
    busySeconds: 2.5,
    seconds: 10,
  });
  t.is(workSince(history, START + 5000), undefined);
  t.is(workSince(after([[processor('p', 0, 100, 10)]]), 0), undefined, 'a first sample gives no work');
  const loaded = (seconds: number, completed: number, depth: number): Sample => ({
    ...processor('p', seconds, completed, seconds / 10),
    values: { ...processor('p', seconds, completed, seconds / 10).values, [METRIC.queueDepth]: depth },
  });
  const backlog = after([[loaded(0, 0, 5000)], [loaded(5, 1000, 4000)]]);
  t.deepEqual(
    workSince(backlog, START),
    { completed: 1000, busySeconds: 5, seconds: 5 },
    'with a backlog it worked at capacity',
  );
  const burst = after([[loaded(0, 0, 0)], [loaded(5, 1000, 4000)]]);
  t.is(workSince(burst, START)?.busySeconds, 0.5);
  const halves = after([
    [processor('p', 0, 1, 1)],
    [{ ...processor('p', 5, 2, 2), values: { [METRIC.processorBusySeconds]: 9 } }],
  ]);
  t.is(workSince(halves, START), undefined, 'busy time without completions would look like a slow processor');
});
