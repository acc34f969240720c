/** Kinds of add-ons on a real API server: CRDs are installed and removed while the controller runs. */
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { Registry } from 'prom-client';
import { stringify } from 'yaml';
import { type Controller, createController } from '../../../operator/controller/controller.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import { type ObjectStore, type Resource, StoreError } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { startApiServer } from '../../support/api-server.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const SERVICES: Resource = { ...CONFIG_MAPS, kind: 'Service', plural: 'services' };
const WIDGETS: Resource = {
  group: 'addon.test',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};
const OURS = { 'managed-by': 'us', owner: 'one' };
const CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.addon.test' },
  spec: {
    group: 'addon.test',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace: 'default' } };
const widget = (name: string) => ({
  apiVersion: 'addon.test/v1',
  kind: 'Widget',
  metadata: { name, namespace: 'default', labels: OURS },
});

const GADGETS: Resource = { ...WIDGETS, kind: 'Gadget', plural: 'gadgets' };

/** Reconciles ConfigMaps, which own Services and Widgets. Records each reconcile. */
function control(
  store: Pick<ObjectStore, 'list' | 'watch' | 'serves'>,
  optional: readonly Resource[] = [WIDGETS],
) {
  const calls: string[] = [];
  const log = memoryLog();
  const controller: Controller = createController({
    store,
    primary: CONFIG_MAPS,
    owned: [SERVICES],
    optional,
    ownedSelector: 'managed-by=us',
    ownerLabel: 'owner',
    namespaces: ['default'],
    reconcile(key) {
      calls.push(`${key} ${controller.caches.serves(WIDGETS) ? 'with' : 'without'}`);
      return Promise.resolve({});
    },
    log,
    registry: new Registry(),
    discoveryMs: 100,
  });
  const names = () => controller.caches.list(WIDGETS).map(({ metadata }) => metadata.name);
  return { controller, calls, log, names };
}

test('an installed CRD is watched, a removed one is dropped; both enqueue all objects', async (t) => {
  await using server = await startApiServer();
  if (server === undefined) {
    t.pass('skipped');
    return;
  }
  const { http } = server;
  const store = new KubeObjectStore(http);
  await store.apply(configMap);
  const { controller, calls, names } = control(store);
  const { caches } = controller;
  controller.start();
  await until(() => calls.length > 0, 'the first reconcile');
  t.is(calls[0], 'default/one without');
  t.is(controller.unsynced(), undefined, 'readiness does not wait for add-ons');
  t.false(caches.serves(WIDGETS));
  t.true(caches.serves(SERVICES));
  t.deepEqual([names(), caches.get({ resource: WIDGETS, name: 'a', namespace: 'default' })], [[], undefined]);

  for (const round of ['first', 'second']) {
    calls.length = 0;
    await server.installCrd(stringify(CRD));
    await until(() => caches.serves(WIDGETS), 'it is served');
    await until(() => calls.includes('default/one with'), 'all objects are enqueued');

    calls.length = 0;
    await retried(() => store.apply(widget(round)));
    await until(() => names().join() === round, 'it is seen');
    await until(() => calls.includes('default/one with'), 'its owner is enqueued');
    t.not(caches.get({ resource: WIDGETS, name: round, namespace: 'default' }), undefined);

    calls.length = 0;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD.metadata.name}`;
    await http.json({ method: 'DELETE', path });
    await until(() => calls.includes('default/one without'), 'all objects are enqueued again');
    t.false(caches.serves(WIDGETS));
    t.deepEqual(names(), []);
    await store.delete({ resource: WIDGETS, name: round, namespace: 'default' });
    t.is(await store.get({ resource: WIDGETS, name: round, namespace: 'default' }), undefined);
  }
  t.is(controller.healthy(), undefined);
  await controller.stop();
});

/** The API server serves a new kind shortly before it can store its objects. */
async function retried(act: () => Promise<unknown>): Promise<void> {
  for (let left = 100; ; left -= 1) {
    try {
      return void (await act());
    } catch (error) {
      if (left === 0) throw error;
      await delay(50);
    }
  }
}

const memory = (serves: () => boolean) =>
  new MemoryObjectStore({ clock: systemClock, newUid: () => 'uid', serves });

test('a failed discovery ends no watch', async (t) => {
  const inner = memory(() => true);
  await inner.apply(configMap);
  await inner.apply(widget('a'));
  let asked = 0;
  let answer = () => Promise.resolve(true);
  const { controller, names } = control({
    list: inner.list.bind(inner),
    watch: inner.watch.bind(inner),
    serves() {
      asked += 1;
      return answer();
    },
  });
  controller.start();
  await until(() => controller.caches.serves(WIDGETS), 'it is served');
  answer = () => Promise.reject(new StoreError('unavailable', 'away'));
  const before = asked;
  await until(() => asked > before + 2, 'discovery ran again');
  t.true(controller.caches.serves(WIDGETS));
  t.deepEqual(names(), ['a']);
  answer = () => Promise.resolve(false);
  await until(() => !controller.caches.serves(WIDGETS), 'it is gone');
  t.deepEqual(names(), []);
  answer = () => new Promise(() => {});
  const last = asked;
  await until(() => asked > last, 'discovery runs again, without a response');
  await controller.stop();
});

test('at the start no add-on counts as served before all are known', async (t) => {
  const inner = memory(() => true);
  await inner.apply(configMap);
  const answer = Promise.withResolvers<boolean>();
  const list = Promise.withResolvers<void>();
  const { controller, calls } = control(
    {
      watch: inner.watch.bind(inner),
      async list(resource, options) {
        if (resource === GADGETS) await list.promise;
        return inner.list(resource, options);
      },
      serves: (resource) => (resource === GADGETS ? answer.promise : inner.serves(resource)),
    },
    [WIDGETS, GADGETS],
  );
  const { caches } = controller;
  const serves = () => [WIDGETS, GADGETS].map((kind) => caches.serves(kind));
  controller.start();
  await until(() => calls.length > 1, 'reconciles, also when the first is listed');
  t.deepEqual(serves(), [false, false], 'discovery of the other has not run yet');
  answer.resolve(true);
  await delay(50);
  t.deepEqual(serves(), [false, false], 'the other was not listed yet');
  list.resolve();
  await until(() => caches.serves(GADGETS), 'both are known');
  t.deepEqual(serves(), [true, true]);
  await until(() => calls.includes('default/one with'), 'all objects are enqueued');
  await controller.stop();
});

test('a kind that the operator may not list counts as absent, and blocks nothing', async (t) => {
  const inner = memory(() => true);
  await inner.apply(configMap);
  const { controller, calls, log } = control({
    list: (resource, options) =>
      resource === WIDGETS
        ? Promise.reject(new StoreError('forbidden', 'no rights'))
        : inner.list(resource, options),
    watch: inner.watch.bind(inner),
    serves: inner.serves.bind(inner),
  });
  controller.start();
  await until(() => log.lines.some(({ level }) => level === 'warn'), 'the warning is logged');
  await until(() => calls.length > 0, 'reconciles continue');
  t.deepEqual(calls, ['default/one without']);
  t.is(controller.unsynced(), undefined);
  await controller.stop();
});
