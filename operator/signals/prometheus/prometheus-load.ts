/**
 * The load of one cluster from a Prometheus that scrapes its Pods. One query per reading; a slow server delays a pass by
 * a second at most. A reading that fails leaves nothing of the one before: every figure is unknown until the next one.
 */
import { type Clock, sleep } from '../../../services/runtime/clock.ts';
import type { DefaultedProcessorAutoscalingPrometheus } from '../../api/ocpp-cluster.ts';
import type { LoadSignals, Work } from '../../scaling/demand.ts';
import type { ClusterPods, LoadSource } from '../load-source.ts';
import { type Series, seriesOf, singleValueOf } from './answer.ts';
import { type PrometheusAccess, PrometheusClient, QueryError } from './client.ts';
import { loadOf, type Memory, type Overrides, remembered, workBetween } from './figures.ts';
import { type ClusterName, defaultSelector, loadQuery } from './queries.ts';
import { SecretError, type SecretReader } from './secrets.ts';
import { readingsOf } from './targets.ts';

export interface PrometheusLoadOptions {
  readonly settings: DefaultedProcessorAutoscalingPrometheus;
  readonly cluster: ClusterName;
  readonly secrets: SecretReader;
  readonly clock: Clock;
}

/** The longest that a pass waits for an answer, ms; later ones count in the next pass. */
const PATIENCE_MS = 1000;

/** What is wrong, for a person; the message follows the name of the server. */
class Unknown extends Error {}

export class PrometheusLoad implements LoadSource {
  readonly #options: PrometheusLoadOptions;
  readonly #client = new PrometheusClient();
  #memory: Memory = new Map();
  #load: LoadSignals;
  #loadAt = 0;
  /** Of readings that no pass has used yet. */
  #work: Work | undefined;
  #reading: Promise<void> | undefined;
  /** The last one that was sent. */
  #token: string | undefined;

  constructor(options: PrometheusLoadOptions) {
    this.#options = options;
    this.#load = { problem: this.#named('has not answered yet') };
  }

  async read(pods: ClusterPods, due: boolean): Promise<LoadSignals> {
    if (due && this.#reading === undefined) {
      this.#reading = this.#update(pods).finally(() => {
        this.#reading = undefined;
      });
    }
    if (due && this.#reading !== undefined) await atMost(this.#reading, PATIENCE_MS);
    const work = this.#work;
    this.#work = undefined;
    const { queue } = this.#load;
    const passedMs = Math.max(0, this.#options.clock.now() - this.#loadAt);
    return {
      ...this.#load,
      ...(queue !== undefined && { queue: { ...queue, ageMs: queue.ageMs + passedMs } }),
      ...(work !== undefined && { work }),
    };
  }

  close(): void {
    this.#client.close();
  }

  async #update(pods: ClusterPods): Promise<void> {
    try {
      this.#load = await this.#ask(pods);
    } catch (error) {
      this.#work = undefined;
      this.#load = { problem: this.#named(this.#wordsOf(error)) };
    }
    this.#loadAt = this.#options.clock.now();
  }

  async #ask(pods: ClusterPods): Promise<LoadSignals> {
    const { settings, cluster } = this.#options;
    const { staleSeconds, selector = defaultSelector(cluster) } = settings;
    const access = await this.#access();
    const [series, overrides] = await Promise.all([
      this.#series(loadQuery(selector, staleSeconds), access),
      this.#overrides(access),
    ]);
    const names = (of: ClusterPods['all']) => of.map(({ name }) => name);
    const readings = readingsOf(series, { pods: names(pods.all), staleSeconds, selector });
    if (typeof readings === 'string') throw new Unknown(readings);
    const before = this.#memory;
    const now = (series[0]?.evaluatedAt ?? 0) * 1000;
    this.#memory = remembered(before, readings, names(pods.all), now);
    this.#work = workBetween(before, this.#memory) ?? this.#work;
    const sought = {
      proxies: names(pods.proxies),
      processors: pods.processors.map(({ name: pod, readyMs }) => ({ pod, readyMs })),
      draining: names(pods.draining),
      now,
      staleSeconds,
    };
    const load = loadOf(readings, this.#memory, sought, overrides);
    return load.problem === undefined ? load : { ...load, problem: this.#named(load.problem) };
  }

  async #access(): Promise<PrometheusAccess> {
    const { settings, secrets } = this.#options;
    const { url, timeoutSeconds, caSecretRef, tokenSecretRef } = settings;
    // One after the other: the keys may be of one Secret, which is then read once.
    const ca = caSecretRef && (await secrets.certificates(caSecretRef));
    const token = tokenSecretRef && (await secrets.token(tokenSecretRef));
    this.#token = token;
    return { url, timeoutMs: timeoutSeconds * 1000, ca, token };
  }

  async #series(query: string, access: PrometheusAccess): Promise<readonly Series[]> {
    const series = seriesOf(await this.#client.query(query, access));
    if (typeof series === 'string') throw new Unknown(`gives no figures: ${series}`);
    return series;
  }

  async #overrides(access: PrometheusAccess): Promise<Overrides> {
    const given = Object.entries(this.#options.settings.queries ?? {});
    const figures = given.map(async ([name, query]: [string, string]) => {
      const value = singleValueOf(await this.#series(query, access));
      if (typeof value === 'string')
        throw new Unknown(`answered, but the query prometheus.queries.${name} ${value}`);
      return [name, value] as const;
    });
    return Object.fromEntries(await Promise.all(figures));
  }

  /** A server may repeat the token in its error. */
  #named(words: string): string {
    const safe = this.#token === undefined ? words : words.replaceAll(this.#token, '***');
    return `Prometheus ${this.#options.settings.url} ${safe}`;
  }

  #wordsOf(error: unknown): string {
    const { caSecretRef, tokenSecretRef } = this.#options.settings;
    if (error instanceof Unknown) return error.message;
    if (error instanceof SecretError) return `was not asked: ${error.message}`;
    if (!(error instanceof QueryError))
      return `was not asked: ${error instanceof Error ? error.message : String(error)}`;
    if (error.reason === 'denied') return `${error.message}. ${tokenHint(tokenSecretRef)}`;
    if (error.reason === 'certificate') return `${error.message}. ${caHint(caSecretRef)}`;
    return error.message;
  }
}

type SecretRef = DefaultedProcessorAutoscalingPrometheus['tokenSecretRef'];

const tokenHint = (ref: SecretRef) =>
  ref === undefined
    ? 'Set prometheus.tokenSecretRef'
    : `Check the token in key ${ref.key} of Secret ${ref.name} (prometheus.tokenSecretRef), and what it permits`;

const caHint = (ref: SecretRef) =>
  ref === undefined
    ? 'The CAs of the system are used: set prometheus.caSecretRef to that of the server'
    : `Check the CA in key ${ref.key} of Secret ${ref.name} (prometheus.caSecretRef), and the host name in prometheus.url`;

/** Waits for work that goes on if it takes longer. */
async function atMost(work: Promise<void>, ms: number): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, sleep(ms, done.signal)]);
  done.abort();
}
