/** The load from a real Prometheus that scrapes Pods with the labels of our PodMonitors: it arrives, ends, and arrives again. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { LoadSignals, Work } from '../../operator/scaling/demand.ts';
import { monitoring } from '../../operator/render/monitoring.ts';
import { renderInputOf } from '../../operator/render/render-input.ts';
import type { ClusterPods } from '../../operator/signals/load-source.ts';
import { PrometheusLoad } from '../../operator/signals/prometheus/prometheus-load.ts';
import { SecretReader } from '../../operator/signals/prometheus/secrets.ts';
import { METRIC } from '../../services/contract.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { freePort } from '../support/free-port.ts';
import { hasPrometheus, type PrometheusServer, startPrometheus } from './prometheus-server.ts';
import { city } from '../support/rendered.ts';
import { until } from '../support/until.ts';

const prometheusTest = hasPrometheus() ? test : test.skip;
const PROXY = 'city-ws-proxy-a';
const PROCESSOR = 'city-processor-c';
const identity = (name: string) => ({ uid: `uid of ${name}`, name });
const pods: ClusterPods = {
  all: [identity(PROXY), identity(PROCESSOR)],
  proxies: [identity(PROXY)],
  processors: [],
  draining: [],
  targets: [],
};

const begun = Date.now() / 1000;
/** 100 frames arrive per second; the processor is busy for a fifth of the time and completes 50 per second. */
function metricsOf(component: string): Readonly<Record<string, number>> {
  const now = Date.now() / 1000;
  const passed = now - begun;
  const queue = {
    [METRIC.queueDepth]: 7,
    [METRIC.queueOldestSeconds]: 0.5,
    [METRIC.queueInFlight]: 3,
    [METRIC.queueSampledAt]: now,
  };
  if (component === 'ws-proxy') return { ...queue, [METRIC.proxyForwarded]: 1000 + passed * 100 };
  return {
    ...queue,
    [`${METRIC.processorCompleted}{outcome="result"}`]: passed * 40,
    [`${METRIC.processorCompleted}{outcome="none"}`]: passed * 10,
    [METRIC.processorBusySeconds]: passed / 5,
    [METRIC.storeResponseSeconds]: 0.002,
  };
}

/** The metrics port of a Pod, which can be closed and opened again. */
async function startPod(component: string) {
  const port = await freePort();
  const open = async () => {
    const server = createServer((_, response) => {
      const lines = Object.entries(metricsOf(component)).map(([name, value]) => `${name} ${value}\n`);
      response.writeHead(200, { 'content-type': 'text/plain' }).end(lines.join(''));
    });
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    return server;
  };
  let server = await open();
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  const { port: listening } = server.address() as AddressInfo;
  return {
    target: `127.0.0.1:${listening}`,
    close,
    async open() {
      server = await open();
    },
    [Symbol.asyncDispose]: close,
  };
}

interface Relabeling {
  readonly sourceLabels: readonly string[];
  readonly targetLabel: string;
}

/** What the Prometheus operator makes of our PodMonitor: its own labels of the Pod, and ours. */
function scrapeConfig(component: 'ws-proxy' | 'processor', pod: string, target: string): object {
  const context = { image: 'i', redisImage: 'r', processorReplicas: 1, proxyReplicas: 1, renderRevision: 2 };
  const monitors = monitoring({ ...renderInputOf(city({}), context), serves: () => true });
  const monitor = monitors.find(
    ({ kind, metadata }) => kind === 'PodMonitor' && metadata.name === `city-${component}`,
  ) as unknown as { spec: { podMetricsEndpoints: { relabelings: Relabeling[] }[] } };
  const ours = monitor.spec.podMetricsEndpoints[0]?.relabelings ?? [];
  const theirs = ['namespace', 'pod_name'].map((name) => ({
    sourceLabels: [`__meta_kubernetes_${name}`],
    targetLabel: name === 'pod_name' ? 'pod' : name,
  }));
  const labels = {
    __meta_kubernetes_namespace: 'default',
    __meta_kubernetes_pod_name: pod,
    __meta_kubernetes_pod_label_app_kubernetes_io_instance: 'city',
    __meta_kubernetes_pod_label_app_kubernetes_io_component: component,
  };
  return {
    job_name: `default/city-${component}`,
    scrape_interval: '1s',
    static_configs: [{ targets: [target], labels }],
    relabel_configs: [...theirs, ...ours].map(({ sourceLabels, targetLabel }) => ({
      source_labels: sourceLabels,
      target_label: targetLabel,
    })),
  };
}

function sourceOf({ url }: PrometheusServer, more: object = {}) {
  const secrets = new SecretReader({
    store: { get: () => Promise.resolve(undefined) },
    clock: systemClock,
    namespace: 'default',
  });
  const settings = { url, timeoutSeconds: 3, staleSeconds: 5, ...more };
  const cluster = { namespace: 'default', name: 'city' };
  const load = new PrometheusLoad({ settings, cluster, secrets, clock: systemClock });
  return Object.assign(load, { [Symbol.dispose]: () => load.close() });
}

const near = (value: number | undefined, expected: number) =>
  value !== undefined && Math.abs(value - expected) < expected / 5;

prometheusTest(
  'the load of a real Prometheus arrives, is unknown with its reason, and resumes',
  async (t) => {
    t.timeout(300_000);
    await using proxy = await startPod('ws-proxy');
    await using processor = await startPod('processor');
    await using prometheus = await startPrometheus([
      scrapeConfig('ws-proxy', PROXY, proxy.target),
      scrapeConfig('processor', PROCESSOR, processor.target),
    ]);
    using source = sourceOf(prometheus);
    const work: Work[] = [];
    const reads = async (fits: (load: LoadSignals) => boolean, what: string): Promise<LoadSignals> => {
      let load: LoadSignals = {};
      const seen = async () => {
        load = await source.read(pods, true);
        if (load.work !== undefined) work.push(load.work);
        return fits(load) || Promise.reject(new Error(JSON.stringify(load)));
      };
      await until(seen, what, 60_000, 100);
      return load;
    };
    const complete = ({ problem, arrivalRate, recentArrivalRate, queue }: LoadSignals) =>
      problem === undefined && queue !== undefined && near(arrivalRate, 100) && near(recentArrivalRate, 100);
    const saying =
      (words: RegExp) =>
      ({ problem, ...figures }: LoadSignals) =>
        words.test(problem ?? '') && Object.keys(figures).length === 0;

    const load = await reads(complete, 'the figures');
    t.like(load, { arrivalsIncomplete: undefined, storeSeconds: 0.002 });
    t.like(load.queue, { depth: 7, oldestSeconds: 0.5, inFlight: 3 });
    await reads(() => work.length >= 3, 'work of three scrapes');
    const sum = (figure: 'completed' | 'busySeconds' | 'seconds') =>
      work.reduce((all, one) => all + one[figure], 0);
    t.true(
      near(sum('completed') / sum('busySeconds'), 250),
      `${sum('completed')} in ${sum('busySeconds')} s`,
    );
    t.true(near(sum('busySeconds') / sum('seconds'), 0.2));

    await proxy.close();
    const alone = await reads(
      ({ arrivalRate }) => arrivalRate === undefined,
      'no arrivals of the only proxy',
    );
    t.true(alone.arrivalsIncomplete);
    t.regex(
      alone.problem ?? '',
      /no rate of ocpp_proxy_frames_forwarded_total .* \(such as city-ws-proxy-a\)/,
    );
    await proxy.open();
    await reads(complete, 'the figures of the proxy again');

    await Promise.all([proxy.close(), processor.close()]);
    await reads(saying(/none with a current sample of the Pods of this cluster/), 'no current sample');
    await Promise.all([proxy.open(), processor.open()]);
    await reads(complete, 'the figures of both again');

    await prometheus.kill();
    await reads(saying(/cannot be reached \(.*ECONNREFUSED/), 'the end of Prometheus');
    await Promise.all([proxy.close(), processor.close()]);
    // A crashed Prometheus marked no series as ended: the old samples are still found, and only their age says so.
    await prometheus.restart();
    await reads(saying(/has a last sample that is \d+ s old \(staleSeconds is 5\)/), 'old samples');
    await Promise.all([proxy.open(), processor.open()]);
    await reads(complete, 'the figures after the restart');
  },
);

prometheusTest(
  'overridden queries, a Pod that is scraped twice, and a bad selector, as a real Prometheus answers',
  async (t) => {
    t.timeout(300_000);
    await using proxy = await startPod('ws-proxy');
    const config = scrapeConfig('ws-proxy', PROXY, proxy.target);
    await using prometheus = await startPrometheus([config, { ...config, job_name: 'second' }]);
    const problemOf = (more: object, words: RegExp) => {
      const source = sourceOf(prometheus, more);
      const said = async () => {
        const { problem = '' } = await source.read(pods, true);
        return words.test(problem) || Promise.reject(new Error(problem));
      };
      return until(said, String(words), 60_000, 100).finally(() => source.close());
    };
    await problemOf(
      {},
      /two series of the Pod city-ws-proxy-a, which differ in the label job \("default\/city-ws-proxy" and "second"\)/,
    );
    await problemOf({ selector: 'pod="other"' }, /has no series with \{pod="other"\}/);
    await problemOf({ selector: '{' }, /HTTP 400: .*parse error/);
    const selector = 'ocpp_cluster="city",job="second"';
    await problemOf(
      { selector, queries: { depth: 'ocpp_requests_depth' } },
      /prometheus\.queries\.depth returned 2 samples; aggregate/,
    );
    await problemOf(
      { selector, queries: { arrivalRate: 'vector(0)/0' } },
      /queries\.arrivalRate returned NaN/,
    );
    await problemOf(
      { selector, queries: { arrivalRate: 'absent_metric' } },
      /queries\.arrivalRate returned no sample/,
    );
    using source = sourceOf(prometheus, {
      selector,
      queries: { arrivalRate: 'vector(42)', depth: 'scalar(vector(9))' },
    });
    const load = await source.read(pods, true);
    t.like(load, { arrivalRate: 42, problem: undefined });
    t.like(load.queue, { depth: 9, inFlight: 3 });
  },
);
