/** The line of state: proxies, processors, sessions, queue, each only as far as it is known. */
import { METRIC, PATH } from '../../services/contract.ts';
import type { OcppClusterStatus } from '../api/ocpp-cluster.ts';
import type { Sample, ScrapeTarget } from '../signals/scrape.ts';
import { isReady, type Pod } from './kinds.ts';

const COMPONENT = 'app.kubernetes.io/component';

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
  const phase = status?.phase ?? 'Pending';
  return [
    `${name} ${phase}`,
    `proxies ${count('ws-proxy')}`,
    `processors ${count('processor')}`,
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
