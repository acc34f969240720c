/** The line of state: proxies, processors, sessions, queue, each only as far as it is known. */
import { METRIC, PATH } from '../../../services/contract.ts';
import type { OcppCluster, OcppClusterStatus } from '../../api/ocpp-cluster.ts';
import type { Sample, ScrapeTarget } from '../../signals/scrape.ts';
import { isReady, type Pod } from '../kinds.ts';

const COMPONENT = 'app.kubernetes.io/component';

export function belongsTo({ metadata }: Pod, cluster: OcppCluster): boolean {
  const { name, namespace } = cluster.metadata;
  return metadata.namespace === namespace && metadata.labels?.['app.kubernetes.io/instance'] === name;
}

/** Whether somebody takes connections and somebody answers; a proxy is ready only with Redis behind it. */
export function servesStations(pods: readonly Pod[]): boolean {
  const components = new Set(pods.map((pod) => pod.metadata.labels?.[COMPONENT]));
  const ready = new Set(pods.filter(isReady).map((pod) => pod.metadata.labels?.[COMPONENT]));
  return ready.has('ws-proxy') && [...components].every((component) => ready.has(component));
}

/** Where the ready proxies and processors of one cluster show their metrics. */
export function scrapeTargets(pods: readonly Pod[]): ScrapeTarget[] {
  return pods.filter(isReady).flatMap((pod): ScrapeTarget[] => {
    const component = pod.metadata.labels?.[COMPONENT];
    const host = pod.status?.podIP;
    const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
    const port = ports.find(({ name }) => name === 'admin')?.containerPort;
    if (host === undefined || port === undefined) return [];
    if (component !== 'ws-proxy' && component !== 'processor') return [];
    return [{ pod: pod.metadata.name, component, host, port, path: PATH.metrics }];
  });
}

export function stateLine(
  name: string,
  status: OcppClusterStatus | undefined,
  pods: readonly Pod[],
  samples: readonly Sample[],
): string {
  const count = (component: string) => {
    const found = pods.filter((pod) => pod.metadata.labels?.[COMPONENT] === component);
    return `${found.filter(isReady).length}/${found.length}`;
  };
  return [
    // Without an operator (no Redis) nobody writes a status, and there are no processors.
    status?.phase === undefined ? name : `${name} ${status.phase}`,
    `proxies ${count('ws-proxy')}`,
    ...(status === undefined ? [] : [`processors ${count('processor')}`]),
    `sessions ${sessions(pods, samples)}`,
    `queue ${queue(samples)}`,
  ].join('  ');
}

/** A sum with a part missing is not the sum. */
function sessions(pods: readonly Pod[], samples: readonly Sample[]): string {
  const proxies = pods.filter((pod) => pod.metadata.labels?.[COMPONENT] === 'ws-proxy' && isReady(pod));
  const values = samples.flatMap(({ component, values: { [METRIC.proxySessions]: value } }) =>
    component === 'ws-proxy' && value !== undefined ? [value] : [],
  );
  if (values.length === 0 || values.length < proxies.length) return '?';
  return String(values.reduce((sum, value) => sum + value, 0));
}

/** Everybody reports the same figure: the freshest one counts. */
function queue(samples: readonly Sample[]): string {
  const at = ({ values }: Sample) => values[METRIC.queueSampledAt] ?? 0;
  const freshest = samples
    .filter(({ values }) => values[METRIC.queueDepth] !== undefined)
    .sort((a, b) => at(b) - at(a))[0];
  if (freshest === undefined) return '?';
  const { [METRIC.queueDepth]: depth = 0, [METRIC.queueInFlight]: inFlight = 0 } = freshest.values;
  return inFlight > 0 ? `${depth} (+${inFlight} at work)` : String(depth);
}
