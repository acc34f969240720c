/**
 * A network as `npm start` runs it, with every feature that the dashboard shows, and a real Prometheus that scrapes its Pods and its operator
 * as the Prometheus operator would. Incidents are up to the test.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { parseManifest } from '../../operator/local/cli/manifest.ts';
import { componentOf } from '../../operator/local/kinds.ts';
import { LocalCluster } from '../../operator/local/local-cluster.ts';
import { showProgram } from '../../operator/program-metrics.ts';
import { ClusterMetrics } from '../../operator/reconcile/metrics.ts';
import { alerts } from '../../operator/render/alerts/alerts.ts';
import { monitoring } from '../../operator/render/monitoring.ts';
import { renderInputOf } from '../../operator/render/render-input.ts';
import type { OcppCluster } from '../../operator/api/ocpp-cluster.ts';
import { PATH, PORT } from '../../services/contract.ts';
import { NAMESPACE, only, template } from '../charts/helm.ts';
import { OPERATOR } from '../charts/values.ts';
import { type PrometheusServer, startPrometheus } from '../faults/prometheus-server.ts';

/** The Prometheus operator names the targets of a PodMonitor after its namespace and name. */
const OPERATOR_JOB = `${NAMESPACE}/ocpp-ocpp-operator`;
const SCRAPE_SECONDS = 1;
const TICK_MS = 500;

/** One series of an instant query, and its value. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface World extends AsyncDisposable {
  readonly local: LocalCluster;
  readonly prometheus: PrometheusServer;
  apply(manifest: string): Promise<void>;
  cluster(): Promise<OcppCluster>;
  /** @throws Error with what Prometheus says */
  query(expr: string): Promise<readonly Series[]>;
  /** The text of `/metrics` of one Pod of each component, and of the operator. */
  metrics(): Promise<ReadonlyMap<string, string>>;
}

/** Groups of rules of Prometheus. */
export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly { readonly alert: string; readonly expr: string; readonly for?: string }[];
}

/**
 * @param manifest one OcppCluster and its Secrets
 * @param changed what Prometheus loads instead of the rules that are shipped
 */
export async function startWorld(
  manifest: string,
  changed: (groups: readonly RuleGroup[]) => readonly RuleGroup[] = (groups) => groups,
): Promise<World> {
  const stack = new AsyncDisposableStack();
  try {
    const path = process.env['PATH'] ?? '';
    const local = stack.adopt(
      await LocalCluster.start({
        path,
        logLevel: 'info',
        redis: true,
        data: undefined,
        say: () => undefined,
      }),
      (one) => one.stop(),
    );
    const parsed = parseManifest(manifest, 'world.yaml');
    await local.apply(parsed);
    const [cluster] = parsed.clusters;
    if (cluster === undefined) throw new Error('the manifest has no OcppCluster');
    const targets = stack.adopt(mkdtempSync(join(tmpdir(), 'ocpp-targets-')), (folder) => {
      rmSync(folder, { recursive: true });
    });
    const file = join(targets, 'pods.json');
    const operator = await exportOperator(local, stack);
    const follow = async () => {
      await operator.follow();
      // Prometheus reads it at any moment.
      writeFileSync(`${file}.new`, JSON.stringify(await targetsOf(local)));
      renameSync(`${file}.new`, file);
    };
    await follow();
    const following = setInterval(() => void follow().catch(() => undefined), TICK_MS);
    stack.defer(() => clearInterval(following));
    const scrapes = [podScrape(cluster, file), operatorScrape(operator.port)];
    const prometheus = stack.use(await startPrometheus(scrapes, changed(rulesOf(cluster))));
    return {
      local,
      prometheus,
      apply: (next) => local.apply(parseManifest(next, 'world.yaml')),
      async cluster() {
        const [now] = await local.clusters();
        return now ?? cluster;
      },
      query: (expr) => ask(prometheus, expr),
      metrics: () => metricsOf(local, operator.port),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** The metrics of the operator over HTTP, as operator/main.ts puts them together; `npm start` exports none. */
async function exportOperator(local: LocalCluster, stack: AsyncDisposableStack) {
  const clusters = new Registry();
  const ofClusters = new ClusterMetrics(clusters);
  showProgram(local.registry, () => true);
  const server = createServer((_, response) => {
    void Promise.all([local.registry.metrics(), clusters.metrics()]).then((texts) => {
      response.writeHead(200, { 'content-type': local.registry.contentType }).end(texts.join('\n'));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    async follow() {
      for (const cluster of await local.clusters())
        ofClusters.show(cluster, local.readings.statusOf(cluster) ?? {}, Date.now());
    },
  };
}

const SCRAPED = new Set(['ws-proxy', 'processor', 'api', 'bill-sink']);

async function scrapedPods(local: LocalCluster) {
  const pods = await local.pods();
  return pods.flatMap((pod) => {
    const component = componentOf(pod) ?? '';
    const host = pod.status?.podIP;
    if (!SCRAPED.has(component) || host === undefined || pod.status?.phase !== 'Running') return [];
    return [{ pod, component, at: `${host}:${PORT.admin}` }];
  });
}

async function targetsOf(local: LocalCluster): Promise<object[]> {
  return (await scrapedPods(local)).map(({ pod, component, at }) => ({
    targets: [at],
    labels: {
      __meta_kubernetes_namespace: pod.metadata.namespace,
      __meta_kubernetes_pod_name: pod.metadata.name,
      __meta_kubernetes_pod_label_app_kubernetes_io_instance:
        pod.metadata.labels?.['app.kubernetes.io/instance'],
      __meta_kubernetes_pod_label_app_kubernetes_io_component: component,
    },
  }));
}

const contextOf = (cluster: OcppCluster) => ({
  ...renderInputOf(cluster, {
    image: 'i',
    redisImage: 'r',
    processorReplicas: 1,
    proxyReplicas: 1,
    renderRevision: 3,
  }),
  serves: () => true,
});

interface Relabeling {
  readonly sourceLabels: readonly string[];
  readonly targetLabel: string;
}

/** What the Prometheus operator makes of the PodMonitors of the cluster: its own labels of the Pod, and ours. */
function podScrape(cluster: OcppCluster, file: string): object {
  const monitor = monitoring(contextOf(cluster)).find(({ kind }) => kind === 'PodMonitor') as unknown as {
    spec: { podMetricsEndpoints: { relabelings: Relabeling[] }[] };
  };
  const ours = monitor.spec.podMetricsEndpoints[0]?.relabelings ?? [];
  const theirs = [
    { sourceLabels: ['__meta_kubernetes_namespace'], targetLabel: 'namespace' },
    { sourceLabels: ['__meta_kubernetes_pod_name'], targetLabel: 'pod' },
  ];
  return {
    job_name: 'pods',
    scrape_interval: `${SCRAPE_SECONDS}s`,
    file_sd_configs: [{ files: [file], refresh_interval: '1s' }],
    relabel_configs: [...theirs, ...ours].map(({ sourceLabels, targetLabel }) => ({
      source_labels: sourceLabels,
      target_label: targetLabel,
    })),
  };
}

/** With the labels of the chart's PodMonitor. */
export const operatorScrape = (port: number): object => ({
  job_name: OPERATOR_JOB,
  honor_labels: true,
  scrape_interval: `${SCRAPE_SECONDS}s`,
  static_configs: [{ targets: [`127.0.0.1:${port}`], labels: { namespace: NAMESPACE, pod: 'operator-0' } }],
});

/** The rules of the chart, and those that the operator makes for the cluster. */
function rulesOf(cluster: OcppCluster): readonly RuleGroup[] {
  const metrics = { podMonitor: { enabled: true }, prometheusRule: { enabled: true } };
  const chart = only(template(OPERATOR, { crd: { install: false }, metrics }), 'PrometheusRule');
  const { groups } = chart.spec as { groups: readonly RuleGroup[] };
  return [...groups, { name: 'cluster', rules: alerts(contextOf(cluster)) }];
}

/** @throws Error with what Prometheus says */
export async function ask({ url }: PrometheusServer, expr: string): Promise<readonly Series[]> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const answer = (await response.json()) as {
    error?: string;
    data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  if (answer.data === undefined) throw new Error(`${expr}: ${answer.error}`);
  return answer.data.result.map(({ metric, value: [, text] }) => ({
    labels: metric,
    value: text === '+Inf' ? Infinity : Number(text),
  }));
}

async function metricsOf(local: LocalCluster, operatorPort: number): Promise<ReadonlyMap<string, string>> {
  const places = new Map((await scrapedPods(local)).map(({ component, at }) => [component, at]));
  places.set('operator', `127.0.0.1:${operatorPort}`);
  const texts = [...places].map(async ([component, at]) => {
    const text = await (await fetch(`http://${at}${PATH.metrics}`)).text();
    return [component, text] as const;
  });
  return new Map(await Promise.all(texts));
}
