/** With a Prometheus the load is read there only; what the Pods alone know still comes from them. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { Observed } from '../../../operator/observe/observe.ts';
import type { Pod } from '../../../operator/observe/workloads.ts';
import { loadStaleMs, Measurement } from '../../../operator/reconcile/measure.ts';
import type { ScrapeTarget } from '../../../operator/signals/scrape.ts';
import { METRIC } from '../../../services/contract.ts';

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'city-ws-proxy-a',
    uid: 'u',
    labels: { 'app.kubernetes.io/component': 'ws-proxy' },
  },
  status: { phase: 'Running', podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
};
const observed: Observed = {
  proxy: undefined,
  proxySets: [],
  processor: undefined,
  redis: undefined,
  proxyService: undefined,
  pods: [pod],
};

/** A Pod whose own metrics are complete. @param answers whether it does */
function measure(answers = () => true, seen = observed) {
  let now = 1_800_000_000_000;
  const scrape = (targets: readonly ScrapeTarget[]) =>
    Promise.resolve(
      targets.filter(answers).map(({ pod: uid, component }) => ({
        pod: uid,
        component,
        at: now,
        values: {
          [METRIC.queueDepth]: 1,
          [METRIC.queueOldestSeconds]: 1,
          [METRIC.queueInFlight]: 1,
          [METRIC.queueSampledAt]: now,
          [METRIC.proxyForwarded]: now,
          [METRIC.proxySessions]: 12,
          [METRIC.storeIdentity]: 77,
        },
      })),
    );
  const measurement = new Measurement({
    cluster: { namespace: 'default', name: 'city' },
    scrape,
    store: { get: () => Promise.resolve(undefined) },
    clock: { now: () => now },
    intervalMs: 5000,
  });
  return {
    pass: (seconds: number) => (now += seconds * 1000),
    read: (url?: string) =>
      measurement.read(
        seen,
        [],
        url === undefined ? undefined : { url, timeoutSeconds: 1, staleSeconds: 90 },
      ),
    [Symbol.dispose]: () => measurement.close(),
  };
}

test('a Prometheus that fails leaves no load, though the Pods could be read; sessions and store are there', async (t) => {
  using measurement = measure();
  await measurement.read();
  measurement.pass(5);
  t.like(await measurement.read(), { arrivalRate: 1000, sessions: 12, source: undefined });
  measurement.pass(5);
  const signals = await measurement.read('http://127.0.0.1:1');
  t.deepEqual(Object.keys(signals).sort(), ['problem', 'sessions', 'sessionsOf', 'source', 'store']);
  t.like(signals, { sessions: 12, source: 'Prometheus' });
  t.is(signals.store?.identity, 77);
  t.like(
    await measurement.read(),
    { arrivalRate: 1000, source: undefined, problem: undefined },
    'without it again',
  );
});

test('a ws-proxy that hangs is not ready and does not answer: the arrivals are incomplete, not fewer', async (t) => {
  let hangs = false;
  const conditions = [{ type: 'Ready', status: 'False' }];
  const unready = (started: boolean) => {
    const status = { ...pod.status, conditions, containerStatuses: [{ ready: false, started }] };
    return { ...observed, pods: [{ ...pod, status }] };
  };
  for (const [started, arrivalsIncomplete] of [
    [true, true],
    [false, undefined],
  ] as const) {
    hangs = false;
    using measurement = measure(() => !hangs, unready(started));
    await measurement.read();
    measurement.pass(5);
    t.is((await measurement.read()).arrivalsIncomplete, undefined);
    hangs = true;
    measurement.pass(20);
    t.is((await measurement.read()).arrivalsIncomplete, arrivalsIncomplete, `started: ${started}`);
  }
});

test('a changed setting asks the other server at once, and each one is asked once per interval', async (t) => {
  const asked: string[] = [];
  const serve = async (name: string) => {
    const server = createServer((_, response: ServerResponse) => {
      asked.push(name);
      response.writeHead(503).end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const close = () => {
      server.closeAllConnections();
      server.close();
    };
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.dispose]: close };
  };
  using first = await serve('first');
  using second = await serve('second');
  using measurement = measure();
  for (const { url } of [first, first, second, second]) {
    t.regex(
      (await measurement.read(url)).problem ?? '',
      new RegExp(`^Prometheus ${url} answers with HTTP 503`),
    );
    measurement.pass(1);
  }
  t.deepEqual(asked, ['first', 'second']);
});

test('readings of a Prometheus may be as old as its setting says', (t) => {
  t.is(loadStaleMs(undefined, 5000), 15_000);
  t.is(loadStaleMs({ url: 'http://x', timeoutSeconds: 3, staleSeconds: 90 }, 5000), 90_000);
});
