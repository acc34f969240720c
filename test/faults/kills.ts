/**
 * A real API server is killed in a row while writers go on making, changing and deleting objects. What a
 * reflector reported, and what an operator made, is then held against what the writers know to be true.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { OCPP_CLUSTERS, type OcppCluster } from '../../operator/api/ocpp-cluster.ts';
import type { ObjectChange } from '../../operator/controller/diff.ts';
import { Reflector } from '../../operator/controller/reflector.ts';
import { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import { type KubeObject, type Resource, StoreError } from '../../operator/kube/object-store.ts';
import { type Operator, runOperator } from '../../operator/operator.ts';
import { DEPLOYMENTS } from '../../operator/render/resources.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { createLog } from '../../services/runtime/log.ts';
import type { ApiServer } from '../support/api-server.ts';
import { proxySetsOf } from '../support/proxy-set.ts';
import { until } from '../support/until.ts';

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const NAMESPACE = 'default';
const SUITE = { suite: 'kills' };
const log = createLog('test', 'silent');
/** For a last change to arrive when the last kill is over; the longest back-off is 30 s. */
const PATIENCE_MS = 60_000;

/** Name → the number that it was last given; undefined: it was deleted. */
type Truth = Map<string, number | undefined>;

export interface Toll {
  readonly kills: number;
  /** Successful writes, and how often one had to be tried again. */
  readonly writes: number;
  readonly retries: number;
  /** What the reflector has in the end, and what is true. */
  readonly seen: Readonly<Record<string, number>>;
  readonly truth: Readonly<Record<string, number>>;
  /** Objects it reported twice, or did not report as gone, and the like. */
  readonly mistakes: readonly string[];
  /** Deletions that it reported. */
  readonly deletions: number;
  /** OcppCluster that the operator knows of → proxies of its Deployment; and as they are wanted. */
  readonly made: Readonly<Record<string, number>>;
  readonly wanted: Readonly<Record<string, number>>;
}

/** Writes as a user who retries without limit. */
class Writer {
  readonly truth: Truth = new Map();
  writes = 0;
  retries = 0;
  readonly #store: KubeObjectStore;
  readonly #resource: Resource;
  readonly #object: (name: string, n: number) => KubeObject;

  constructor(api: ApiServer, resource: Resource, object: (name: string, n: number) => KubeObject) {
    this.#store = new KubeObjectStore(api.http, { manager: 'kubectl' });
    this.#resource = resource;
    this.#object = object;
  }

  /**
   * Makes and changes `names` in turn and deletes each now and then, until aborted.
   * @param once what was deleted is created again under another name: there is no garbage collector here
   */
  async run(names: readonly string[], ended: () => boolean, pauseMs: number, once = false): Promise<void> {
    const lives = new Map<string, number>();
    for (let step = 1; !ended(); step += 1) {
      const place = names[step % names.length] ?? '';
      const life = lives.get(place) ?? 0;
      const name = once ? `${place}-${life}` : place;
      const n = step % 7 === 0 ? undefined : 1 + (step % 9);
      if (n === undefined) lives.set(place, life + 1);
      await this.#surely(() =>
        n === undefined ? this.#delete(name) : this.#store.apply(this.#object(name, n)),
      );
      this.truth.set(name, n);
      this.writes += 1;
      await delay(pauseMs);
    }
  }

  get existing(): Record<string, number> {
    return sorted([...this.truth].filter((one): one is [string, number] => one[1] !== undefined));
  }

  #delete(name: string): Promise<void> {
    return this.#store.delete({ resource: this.#resource, name, namespace: NAMESPACE });
  }

  async #surely(act: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        return void (await act());
      } catch (error) {
        // A server that has just started refuses some things that it will allow in a moment.
        if (!(error instanceof StoreError)) throw error;
        this.retries += 1;
        await delay(50);
      }
    }
  }
}

/** What a reflector reported, held to its promise: each object once as new, once as gone. */
class Witness {
  readonly mistakes: string[] = [];
  deletions = 0;
  readonly #living = new Map<string, string>();

  note({ before, after }: ObjectChange): void {
    const { name = '', uid = '' } = (after ?? before)?.metadata ?? {};
    const known = this.#living.get(name);
    const fault = (what: string) => this.mistakes.push(`${name} (${uid}) ${what}`);
    if (after === undefined) {
      if (known !== uid) fault('deleted, though it was not known');
      this.#living.delete(name);
      this.deletions += 1;
    } else if (before === undefined) {
      if (known !== undefined) fault('added, though it was known');
      this.#living.set(name, uid);
    } else if (known !== uid) fault('modified, though it was not known');
  }
}

export async function killInARow(api: ApiServer, kills: number): Promise<Toll> {
  const witness = new Witness();
  const reflector = new Reflector({
    store: new KubeObjectStore(api.http),
    resource: CONFIG_MAPS,
    labelSelector: 'suite=kills',
    onChange: (change) => witness.note(change),
    log,
  });
  const operator = operate(api);
  reflector.start();
  const maps = new Writer(api, CONFIG_MAPS, configMap);
  const clusters = new Writer(api, OCPP_CLUSTERS, ocppCluster);
  let ended = false;
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
  const writing = [
    ...['a', 'b', 'c'].map((prefix) => maps.run(names(prefix, 10), () => ended, 5)),
    clusters.run(names('city', 3), () => ended, 50, true),
  ];
  for (let kill = 0; kill < kills; kill += 1) {
    // Not in step with anything: into lists, watches and writes alike.
    const from = maps.writes;
    await until(() => maps.writes > from + 20, 'writers at work', PATIENCE_MS);
    await delay(Math.random() * 300);
    await api.kill();
    await api.restart();
  }
  ended = true;
  await Promise.all(writing);
  const seen = () => sorted(reflector.list().map((one) => [one.metadata.name, Number(dataOf(one)['n'])]));
  const made = () =>
    sorted(
      operator.caches
        .list(OCPP_CLUSTERS)
        .map(({ metadata: { name } }) => [name, proxiesOf(operator, name) ?? 0]),
    );
  await settled(() => same(seen(), maps.existing) && same(made(), clusters.existing));
  await Promise.all([reflector.stop(), operator.stop()]);
  return {
    kills,
    writes: maps.writes + clusters.writes,
    retries: maps.retries + clusters.retries,
    seen: seen(),
    truth: maps.existing,
    mistakes: witness.mistakes,
    deletions: witness.deletions,
    made: made(),
    wanted: clusters.existing,
  };
}

function operate(api: ApiServer): Operator {
  const operator: Operator = runOperator({
    store: new KubeObjectStore(api.http, { cached: (ref) => operator.caches.get(ref) }),
    namespaces: [NAMESPACE],
    defaultImage: 'example.com/ocpp:1',
    redisImage: 'redis:7',
    scrapeIntervalMs: 1000,
    instance: randomUUID(),
    clock: systemClock,
    log,
    registry: new Registry(),
  });
  return operator;
}

/** Or not, in time: the figures tell. */
const settled = (condition: () => boolean) =>
  until(condition, 'the end state', PATIENCE_MS).catch(() => undefined);

const configMap = (name: string, n: number): KubeObject & { readonly data: object } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE, labels: SUITE },
  data: { n: String(n) },
});

const ocppCluster = (name: string, n: number): OcppCluster => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name, namespace: NAMESPACE },
  spec: { proxy: { replicas: n } },
});

const dataOf = (object: KubeObject) => (object as unknown as { readonly data: Record<string, string> }).data;

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas: number };
}

/** As it stands in the operator's own cache, fed by its watches. */
function proxiesOf({ caches }: Operator, cluster: string): number | undefined {
  const deployments = caches.list(DEPLOYMENTS, { namespace: NAMESPACE });
  const [found] = proxySetsOf(deployments as Deployment[], cluster);
  return found?.spec.replicas;
}

const sorted = (entries: readonly (readonly [string, number])[]) =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
const same = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b);
