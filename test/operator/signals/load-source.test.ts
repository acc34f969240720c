/** Both sources of the load make the same of what the Pods export. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { ScrapeTarget } from '../../../operator/signals/scrape.ts';
import { PodMetrics } from '../../../operator/signals/pod-metrics.ts';
import { PrometheusLoad } from '../../../operator/signals/prometheus/prometheus-load.ts';
import { COMPUTED, FIGURE, RAW } from '../../../operator/signals/prometheus/queries.ts';
import { SecretReader } from '../../../operator/signals/prometheus/secrets.ts';
import { METRIC } from '../../../services/contract.ts';
import { type Exports, type LoadSubject, testLoadSource } from '../../conformance/load-source.ts';

const BEGIN = 1_800_000_000;

function openPods(): Promise<LoadSubject> {
  let [now, exports]: [number, Exports] = [BEGIN * 1000, {}];
  const scrape = (targets: readonly ScrapeTarget[]) => {
    const samples = targets.flatMap(({ pod, component }) => {
      const values = exports[pod.replace('uid-', '')]?.values;
      const finite = Object.entries(values ?? {}).filter(([, value]) => Number.isFinite(value));
      return values === undefined ? [] : [{ pod, component, at: now, values: Object.fromEntries(finite) }];
    });
    return Promise.resolve(samples);
  };
  const source = new PodMetrics({ scrape, clock: { now: () => now }, staleMs: 15_000 });
  return Promise.resolve({
    source,
    pass(seconds, after) {
      [now, exports] = [now + seconds * 1000, after];
    },
    [Symbol.asyncDispose]: () => Promise.resolve(source.close()),
  });
}

/** What a Prometheus answers that scraped the Pods at each moment; the last two samples of a Pod give its rates. */
function answerOf(now: number, scrapes: readonly (readonly [at: number, exports: Exports])[]): object {
  const result: object[] = [];
  const put = (pod: string, label: string, name: string, value: number) => {
    const text = Number.isFinite(value) || Number.isNaN(value) ? String(value) : '+Inf';
    result.push({ metric: { [label]: name, pod, namespace: 'default' }, value: [now, text] });
  };
  const [[before, earlier], [at, current]] = [scrapes.at(-2) ?? [0, {}], scrapes.at(-1) ?? [0, {}]];
  for (const [pod, { component, values }] of Object.entries(current)) {
    for (const name of RAW) if (values[name] !== undefined) put(pod, '__name__', name, values[name]);
    put(pod, FIGURE, component === 'ws-proxy' ? COMPUTED.sampledProxy : COMPUTED.sampledProcessor, at);
    const [from, to] = [earlier[pod]?.values[METRIC.proxyForwarded], values[METRIC.proxyForwarded]];
    if (from === undefined || to === undefined) continue;
    const rate = (to >= from ? to - from : to) / (at - before);
    for (const figure of [COMPUTED.rate, COMPUTED.recentRate]) put(pod, FIGURE, figure, rate);
  }
  return { status: 'success', data: { resultType: 'vector', result } };
}

/** The clock of the server is an hour ahead of that of the operator. */
async function openPrometheus(): Promise<LoadSubject> {
  let now = BEGIN;
  const scrapes: (readonly [number, Exports])[] = [];
  const server = createServer((_, response) => void response.end(JSON.stringify(answerOf(now, scrapes))));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = { now: () => (now - 3600) * 1000 };
  const cluster = { namespace: 'default', name: 'city' };
  const secrets = new SecretReader({
    store: { get: () => Promise.resolve(undefined) },
    clock,
    namespace: 'default',
  });
  const settings = { url, timeoutSeconds: 10, staleSeconds: 15 };
  const source = new PrometheusLoad({ settings, cluster, secrets, clock });
  return {
    source,
    pass(seconds, exports) {
      now += seconds;
      scrapes.push([now, exports]);
    },
    async [Symbol.asyncDispose]() {
      source.close();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

testLoadSource('scrape of the Pods', test, openPods);
testLoadSource('Prometheus', test, openPrometheus);
