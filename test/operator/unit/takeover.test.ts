/** The order in which a new leader reconciles. */
import test from 'ava';
import { Registry } from 'prom-client';
import { OCPP_CLUSTERS } from '../../../operator/api/ocpp-cluster.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { runOperator } from '../../../operator/operator.ts';
import { DEPLOYMENTS } from '../../../operator/render/resources.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { until } from '../../support/until.ts';

const NAMES = ['aachen', 'berlin', 'celle', 'dresden'];
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** Runs until every cluster has a status. @returns the applied objects, in their order */
async function lead(store: MemoryObjectStore): Promise<readonly string[]> {
  const applied: string[] = [];
  const recording: MemoryObjectStore = Object.assign(Object.create(store) as MemoryObjectStore, {
    list: store.list.bind(store),
    watch: store.watch.bind(store),
    get: store.get.bind(store),
    create: store.create.bind(store),
    serves: store.serves.bind(store),
    patchStatus: store.patchStatus.bind(store),
    delete: store.delete.bind(store),
    apply(...args: Parameters<MemoryObjectStore['apply']>) {
      if (args[0].kind !== 'Event') applied.push(`${args[0].kind}/${args[0].metadata.name}`);
      return store.apply(...args);
    },
  });
  const operator = runOperator({
    store: recording,
    namespaces: [],
    defaultImage: 'example.com/ocpp:1',
    redisImage: 'redis:7',
    scrapeIntervalMs: 60_000,
    instance: 'test',
    clock: systemClock,
    log,
    registry: new Registry(),
  });
  const last = (name: string) => applied.includes(`PodDisruptionBudget/${name}-ws-proxy`);
  await until(() => NAMES.every(last), 'all clusters to be reconciled');
  await operator.stop();
  return applied;
}

test('a cluster that lacks a workload is reconciled before complete ones', async (t) => {
  let uids = 0;
  const store = new MemoryObjectStore({ clock: systemClock, newUid: () => `uid-${(uids += 1)}` });
  for (const name of NAMES) {
    const metadata = { name, namespace: 'default' };
    await store.apply({ apiVersion: 'ocpp.dev/v1alpha1', kind: OCPP_CLUSTERS.kind, metadata });
  }
  await lead(store);
  await store.delete({ resource: DEPLOYMENTS, name: 'dresden-processor', namespace: 'default' });
  const [first] = await lead(store);
  t.regex(first ?? '', /\/dresden-/);
  t.truthy(await store.get({ resource: DEPLOYMENTS, name: 'dresden-processor', namespace: 'default' }));
});
