/**
 * The signals of one cluster: the metrics of its Pods, and the load from its Prometheus where it names one. Each is read once
 * per interval. Passes in between get the same figures, but without `work`, which must be counted once.
 */
import type { Clock } from '../../services/runtime/clock.ts';
import { PATH, PORT } from '../../services/contract.ts';
import type { DefaultedProcessorAutoscalingPrometheus } from '../api/ocpp-cluster.ts';
import type { ObjectStore } from '../kube/object-store.ts';
import type { Signals } from '../scaling/demand.ts';
import type { ClusterPods, PodIdentity } from '../signals/load-source.ts';
import { PodMetrics } from '../signals/pod-metrics.ts';
import { PrometheusLoad } from '../signals/prometheus/prometheus-load.ts';
import type { ClusterName } from '../signals/prometheus/queries.ts';
import { SecretReader } from '../signals/prometheus/secrets.ts';
import type { Scrape, ScrapeTarget } from '../signals/scrape.ts';
import { idOf, type Observed, podsOf } from '../observe/observe.ts';
import { hasStarted, isReady, type Pod, readySince } from '../observe/workloads.ts';

export interface Measuring {
  readonly cluster: ClusterName;
  readonly scrape: Scrape;
  /** For the Secrets of a Prometheus. */
  readonly store: Pick<ObjectStore, 'get'>;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Of the admin ports. */
  readonly token?: string | undefined;
}

/** A reading that is older than this many intervals counts as missing. */
const STALE_INTERVALS = 3;

/** Of samples of the Pods. */
export const staleMs = (intervalMs: number) => STALE_INTERVALS * Math.max(intervalMs, 5000);

/** Of the load, from its source. */
export const loadStaleMs = (prometheus: PrometheusSettings | undefined, intervalMs: number): number =>
  prometheus === undefined ? staleMs(intervalMs) : prometheus.staleSeconds * 1000;

type PrometheusSettings = DefaultedProcessorAutoscalingPrometheus;

export class Measurement {
  readonly #options: Measuring;
  readonly #pods: PodMetrics;
  readonly #secrets: SecretReader;
  #prometheus: { readonly settings: string; readonly load: PrometheusLoad } | undefined;
  #readAt = -Infinity;

  constructor(options: Measuring) {
    this.#options = options;
    const { scrape, clock, store, intervalMs, cluster } = options;
    this.#pods = new PodMetrics({ scrape, clock, staleMs: staleMs(intervalMs) });
    this.#secrets = new SecretReader({ store, clock, namespace: cluster.namespace });
  }

  /**
   * @param leaving names of ws-proxy Pods that a scale-in made unready: they count until their last station has left
   * @param settings spec.processor.autoscaling.prometheus; with it the whole load is read there
   */
  async read(
    observed: Observed,
    leaving: readonly string[] = [],
    settings?: PrometheusSettings,
  ): Promise<Signals> {
    const { clock, intervalMs, token } = this.#options;
    const prometheus = this.#prometheusOf(settings);
    // A requeue that fires slightly early still counts as due.
    const due = clock.now() - this.#readAt >= intervalMs * 0.9;
    if (due) this.#readAt = clock.now();
    const pods = clusterPods(observed, leaving, { token, now: clock.now() });
    const [signals, load] = await Promise.all([this.#pods.read(pods, due), prometheus?.read(pods, due)]);
    if (load === undefined) return signals;
    const { sessions, sessionsOf, inFlightOf, store, security } = signals;
    return {
      ...load,
      source: 'Prometheus',
      ...(sessions !== undefined && { sessions }),
      ...(sessionsOf !== undefined && { sessionsOf }),
      ...(inFlightOf !== undefined && { inFlightOf }),
      ...(store !== undefined && { store }),
      ...(security !== undefined && { security }),
    };
  }

  close(): void {
    this.#pods.close();
    this.#prometheus?.load.close();
  }

  /** With other settings the figures of the earlier ones are of no use. */
  #prometheusOf(settings: PrometheusSettings | undefined): PrometheusLoad | undefined {
    const text = JSON.stringify(settings);
    if (this.#prometheus?.settings === text) return this.#prometheus?.load;
    this.#prometheus?.load.close();
    this.#prometheus = undefined;
    if (settings === undefined) return undefined;
    // Its first reading is due now.
    this.#readAt = -Infinity;
    const { cluster, clock } = this.#options;
    const load = new PrometheusLoad({ settings, cluster, secrets: this.#secrets, clock });
    this.#prometheus = { settings: text, load };
    return load;
  }
}

function clusterPods(
  observed: Observed,
  leaving: readonly string[],
  { token, now }: { readonly token: string | undefined; readonly now: number },
): ClusterPods {
  const identity = (pod: Pod): PodIdentity => ({ uid: idOf(pod), name: pod.metadata.name });
  const leaves = ({ metadata: { name, deletionTimestamp } }: Pod) =>
    deletionTimestamp !== undefined || leaving.includes(name);
  const proxies = podsOf(observed, 'ws-proxy');
  return {
    all: observed.pods.map(identity),
    proxies: proxies.filter((pod) => (isReady(pod) || hasStarted(pod)) && !leaves(pod)).map(identity),
    processors: podsOf(observed, 'processor')
      .filter((pod) => isReady(pod) && !leaves(pod))
      .map((pod) => Object.assign(identity(pod), { readyMs: now - (readySince(pod) ?? now) })),
    draining: proxies.filter(leaves).map(identity),
    targets: observed.pods.flatMap((pod) => targetOf(pod, token)),
  };
}

/** @param token of the admin port */
export function targetOf(pod: Pod, token?: string): ScrapeTarget[] {
  const component = pod.metadata.labels?.['app.kubernetes.io/component'];
  const host = pod.status?.podIP;
  if (component !== 'ws-proxy' && component !== 'processor') return [];
  if (host === undefined || pod.status?.phase !== 'Running') return [];
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const port = ports.find(({ name }) => name === 'admin')?.containerPort ?? PORT.admin;
  return [
    { pod: idOf(pod), component, host, port, path: PATH.metrics, ...(token !== undefined && { token }) },
  ];
}
