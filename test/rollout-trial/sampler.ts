/** Reads each second how many stations each ws-proxy Pod has, from the Pods' metrics, and the phase of the rollout. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OcppCluster } from '../../operator/api/ocpp-cluster.ts';
import { METRIC, PATH, PORT } from '../../services/contract.ts';
import type { RedisPod } from '../e2e/redis.ts';
import type { ApiProxy } from '../e2e/api-proxy.ts';
import type { Mark, PodSessions, Sample } from './chart.ts';

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
}

const EVERY_MS = 1000;
/** A Pod that ends does not answer, and must not hold up the others. */
const READ_MS = 700;
/** Two hours; later samples are dropped. */
const MOST_SAMPLES = 7200;

/** Of the text that Prometheus reads; undefined where the metric is not in it. */
export function metricOf(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

export class Sampler {
  readonly samples: Sample[] = [];
  readonly marks: Mark[] = [];
  /** Each reason for which the cluster was Degraded at any time. */
  readonly degraded = new Set<string>();
  /** Most ws-proxy Pods of the first sample that were ending at the same time. */
  mostEnding = 0;
  /** Greatest age of the oldest frame in the queue; seconds. Undefined: no Pod has reported one. */
  oldestSeconds: number | undefined;
  readonly #api: ApiProxy;
  readonly #at: RedisPod;
  #startedAt = performance.now();
  readonly #stopping = new AbortController();
  /** Names of the Pods of the first sample. */
  #olds: ReadonlySet<string> | undefined;
  #phase = '';
  #done: Promise<void> | undefined;

  constructor(api: ApiProxy, at: RedisPod) {
    this.#api = api;
    this.#at = at;
  }

  /** Resolves when the first sample is there: its Pods are the old ones. */
  async start(): Promise<void> {
    this.#startedAt = performance.now();
    await this.#sample();
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  mark(label: string): void {
    this.marks.push({ seconds: this.#seconds(), label });
  }

  /** Stations of the Pods now, read from the Pods. */
  async now(patienceMs = 5000): Promise<readonly PodSessions[]> {
    const { namespace, cluster } = this.#at;
    const selector = encodeURIComponent(
      `app.kubernetes.io/instance=${cluster},app.kubernetes.io/component=ws-proxy`,
    );
    const { items } = await this.#api.json<{ items: readonly Pod[] }>(
      `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`,
    );
    this.#olds ??= new Set(items.map(({ metadata }) => metadata.name));
    const isEnding = ({ metadata: { name, deletionTimestamp } }: Pod) =>
      deletionTimestamp !== undefined && this.#olds?.has(name);
    this.mostEnding = Math.max(this.mostEnding, items.filter(isEnding).length);
    const read = async ({ metadata: { name } }: Pod) => {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}:${PORT.admin}/proxy${PATH.metrics}`;
      const text = await this.#api.text(path, patienceMs).catch(() => '');
      const sessions = metricOf(text, METRIC.proxySessions);
      const oldest = metricOf(text, METRIC.queueOldestSeconds);
      if (oldest !== undefined) this.oldestSeconds = Math.max(this.oldestSeconds ?? 0, oldest);
      return sessions === undefined ? [] : [{ pod: name, isOld: this.#olds?.has(name) === true, sessions }];
    };
    return (await Promise.all(items.map(read))).flat();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && this.samples.length < MOST_SAMPLES) {
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
      // The API server may be slow for a while; the next second has another sample.
      await this.#sample().catch(() => undefined);
    }
  }

  async #sample(): Promise<void> {
    const { namespace, cluster } = this.#at;
    const path = `/apis/ocpp.dev/v1alpha1/namespaces/${namespace}/ocppclusters/${cluster}`;
    const [pods, { status }] = await Promise.all([this.now(READ_MS), this.#api.json<OcppCluster>(path)]);
    this.samples.push({ seconds: this.#seconds(), pods });
    for (const { type, status: is, reason, message } of status?.conditions ?? []) {
      if (type !== 'Degraded' || is !== 'True') continue;
      this.degraded.add(
        reason === 'PodsNotStarting' && isOfRedis(message, cluster) ? 'RedisNotStarting' : reason,
      );
    }
    const phase = status?.rollout?.phase ?? '';
    if (phase !== this.#phase) this.mark(phase);
    this.#phase = phase;
  }

  #seconds(): number {
    return Math.round((performance.now() - this.#startedAt) / 100) / 10;
  }
}

/** Whether the Pod of Redis is the only one that does not start. */
export function isOfRedis(message: string, cluster: string): boolean {
  const pods = [...message.matchAll(/Pod (\S+) does not start/g)].map(([, name]) => name);
  return pods.length > 0 && pods.every((name) => name === `${cluster}-redis-0`);
}
