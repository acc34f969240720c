/** The controller on a store in memory: which changes enqueue an object, and how liveness reports a hang. */
import test from 'ava';
import { Registry } from 'prom-client';
import { createController } from '../../../operator/controller/controller.ts';
import { type KubeObject, StoreError } from '../../../operator/kube/object-store.ts';
import { OCPP_CLUSTERS } from '../../../operator/api/ocpp-cluster.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { sleep, systemClock } from '../../../services/runtime/clock.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

const owned = (
  name: string,
  cluster: KubeObject | string,
  labels: Record<string, string> = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    namespace: 'default',
    labels: {
      'app.kubernetes.io/managed-by': 'ocpp-operator',
      ...(typeof cluster === 'string' && { 'app.kubernetes.io/instance': cluster }),
      ...labels,
    },
    ...(typeof cluster !== 'string' && {
      ownerReferences: [
        {
          apiVersion: cluster.apiVersion,
          kind: cluster.kind,
          name: cluster.metadata.name,
          uid: cluster.metadata.uid ?? '',
        },
      ],
    }),
  },
});

test('controller: changes of a cluster and its objects enqueue it, a change of its status does not', async (t) => {
  let uids = 0;
  const store = new MemoryObjectStore({ clock: systemClock, newUid: () => `uid-${(uids += 1)}` });
  const cluster = (name: string, spec: object) => ({
    apiVersion: 'ocpp.dev/v1alpha1',
    kind: 'OcppCluster',
    metadata: { name, namespace: 'default' },
    spec,
  });
  const { object: first } = await store.apply(cluster('first', {}));
  const calls: string[] = [];
  let failures = 0;
  const registry = new Registry();
  const controller = createController({
    store,
    primary: OCPP_CLUSTERS,
    owned: [CONFIG_MAPS],
    ownedSelector: 'app.kubernetes.io/managed-by=ocpp-operator',
    namespaces: [],
    reconcile: (key) => {
      calls.push(key);
      if (failures > 0) {
        failures -= 1;
        return Promise.reject(new StoreError('unavailable', 'away', { retryAfterMs: 1 }));
      }
      return Promise.resolve({});
    },
    log: memoryLog(),
    registry,
    random: () => 0,
  });
  t.is(controller.unsynced(), 'all namespaces: ocppclusters were not listed yet');
  controller.start();
  /** Runs the action, and waits for exactly these reconciles. */
  const enqueues = async (what: () => Promise<unknown> | void, expected: readonly string[]) => {
    calls.length = 0;
    await what();
    await until(() => calls.length >= expected.length, expected.join());
    await sleep(20);
    t.deepEqual([...new Set(calls)], [...new Set(expected)]);
  };
  const ref = { resource: OCPP_CLUSTERS, name: 'first', namespace: 'default' };
  await enqueues(() => {}, ['default/first']);
  t.is(controller.unsynced(), undefined);
  await enqueues(() => store.apply(cluster('second', {})), ['default/second']);
  await enqueues(() => store.patchStatus(ref, { phase: 'Running' }), []);
  await enqueues(() => store.apply(cluster('first', { protocols: ['ocpp1.6'] })), ['default/first']);
  await enqueues(() => store.apply(owned('mine', first)), ['default/first']);
  await enqueues(() => store.apply(owned('pod', 'second')), ['default/second']);
  await enqueues(() => store.apply(owned('foreign', 'second', { 'app.kubernetes.io/managed-by': 'x' })), []);
  t.deepEqual(
    controller.caches.list(CONFIG_MAPS).map(({ metadata }) => metadata.name),
    ['mine', 'pod'],
  );
  t.is(controller.caches.get(ref)?.metadata.generation, 2);
  await enqueues(
    () => store.delete({ resource: CONFIG_MAPS, name: 'mine', namespace: 'default' }),
    ['default/first'],
  );
  failures = 1;
  await enqueues(() => controller.enqueue('default/first'), ['default/first', 'default/first']);
  await enqueues(() => store.delete(ref), ['default/first']);
  t.is(controller.healthy(), undefined);
  await controller.stop();
  await enqueues(() => store.apply(cluster('third', {})).then(() => {}), []);
  const metrics = await registry.metrics();
  t.regex(metrics, /ocpp_operator_reconciles_total\{result="error"\} 1/);
  t.regex(metrics, /ocpp_operator_queue_depth 0/);
});

test('controller: liveness reports a watch that hangs, and stop() does not wait for it', async (t) => {
  const store = {
    serves: () => Promise.resolve(true),
    list: () => new Promise<never>(() => {}),
    watch: () => {
      throw new Error('never reached');
    },
  };
  const controller = createController({
    store,
    primary: OCPP_CLUSTERS,
    owned: [],
    ownedSelector: '',
    namespaces: ['one', 'two'],
    reconcile: () => Promise.resolve({}),
    log: memoryLog(),
    registry: new Registry(),
    relistMs: 10,
  });
  controller.start();
  await until(() => controller.healthy() !== undefined, 'liveness reports the hang');
  t.regex(controller.healthy() ?? '', /^the watch of ocppclusters has hung for \d+ s$/);
  t.is(controller.unsynced(), 'namespace one: ocppclusters were not listed yet');
  await controller.stop();
});

test('controller: liveness reports a reconcile that never ends', async (t) => {
  const store = new MemoryObjectStore({ clock: systemClock, newUid: () => 'uid' });
  const metadata = { name: 'stuck', namespace: 'default' };
  await store.apply({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata });
  const release = new AbortController();
  const registry = new Registry();
  const controller = createController({
    store,
    primary: OCPP_CLUSTERS,
    owned: [],
    ownedSelector: '',
    namespaces: ['default'],
    reconcile: () => sleep(60_000, release.signal).then(() => ({})),
    log: memoryLog(),
    registry,
    relistMs: 50,
  });
  controller.start();
  const message = /^the reconcile of default\/stuck has hung for \d+ s$/;
  await until(() => message.test(controller.healthy() ?? ''), 'liveness reports it');
  const metrics = await registry.metrics();
  t.regex(metrics, /ocpp_operator_reconciles_running 1$/m);
  t.regex(metrics, /ocpp_operator_reconcile_longest_running_seconds 0\.[1-9]/);
  t.regex(metrics, /ocpp_operator_queue_seconds_count 1$/m);
  t.regex(metrics, /ocpp_operator_watch_last_event_age_seconds\{resource="ocppclusters"\} \d/);
  release.abort();
  await controller.stop();
  t.notRegex(controller.healthy() ?? '', message);
});

test('controller: a slow reconcile (Pods on a lost node) does not block other clusters', async (t) => {
  const store = new MemoryObjectStore({ clock: systemClock, newUid: () => 'uid' });
  const names = [...Array.from({ length: 10 }, (_, index) => `slow-${index}`), 'well'];
  for (const name of names) {
    const metadata = { name, namespace: 'default' };
    await store.apply({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata });
  }
  const release = new AbortController();
  let passes = 0;
  const controller = createController({
    store,
    primary: OCPP_CLUSTERS,
    owned: [],
    ownedSelector: '',
    namespaces: ['default'],
    async reconcile(key) {
      if (key === 'default/well') passes += 1;
      else await sleep(60_000, release.signal);
      return { requeueAfterMs: 10 };
    },
    log: memoryLog(),
    registry: new Registry(),
  });
  controller.start();
  await until(() => passes > 3, 'the other cluster is reconciled repeatedly');
  release.abort();
  await controller.stop();
  t.true(passes > 3);
});
