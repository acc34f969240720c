/** The ObjectStore suite on both stores, and tests of each store's own behaviour. */
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { SCALE_PATH } from '../../../operator/api/ocpp-cluster.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { KubeObject, ObjectRef, StoreError } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { objectStoreConformance } from '../../conformance/object-store.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';

const HISTORY = 20;
const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

const configMap = (name: string, data: object, owners: readonly KubeObject[] = []) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ownerReferences: owners.map(ownerOf) },
  data,
});
const ownerOf = ({ apiVersion, kind, metadata }: KubeObject) => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid ?? '',
});
const ref = (name: string): ObjectRef => ({ resource: CONFIG_MAPS, name, namespace: 'default' });

const memory = (history?: number) => {
  let uids = 0;
  const newUid = () => `uid-${(uids += 1)}`;
  const scalePath = () => SCALE_PATH;
  const limit = history === undefined ? {} : { history };
  return new MemoryObjectStore({ clock: systemClock, newUid, scalePath, ...limit });
};

const shared = sharedApiServer(test);

objectStoreConformance(test, 'memory', () => {
  const store = memory(HISTORY);
  const forget = async () => {
    for (let n = 0; n <= HISTORY; n += 1) await store.apply(configMap('noise', { n: String(n) }));
  };
  return Promise.resolve({ store, as: (manager) => store.as(manager), forget });
});

objectStoreConformance(test, 'kube-apiserver', () => {
  const server = shared.current;
  if (server === undefined) return Promise.resolve(undefined);
  const { http } = server;
  return Promise.resolve({
    store: new KubeObjectStore(http),
    as: (manager) => new KubeObjectStore(http, { manager }),
    // A starting server reads the current state from etcd and has no history in its watch cache.
    forget: () => server.kill().then(() => server.restart()),
  });
});

test('memory: dependents are deleted with the last of their owners', async (t) => {
  const store = memory();
  const { object: first } = await store.apply(configMap('first', {}));
  const { object: second } = await store.apply(configMap('second', {}));
  const { object: child } = await store.apply(configMap('child', {}, [first, second]));
  await store.apply(configMap('grandchild', {}, [child]));
  await store.delete(ref('first'));
  t.truthy(await store.get(ref('child')), 'one owner is left');
  await store.delete(ref('second'));
  t.is(await store.get(ref('child')), undefined);
  t.is(await store.get(ref('grandchild')), undefined);
  await store.apply(configMap('late', {}, [second]));
  t.is(await store.get(ref('late')), undefined, 'the owner was deleted before the object was created');
});

test('memory: objects are frozen, finalizers refused, objects validated by the schema', async (t) => {
  const admit = (object: KubeObject) => ({ ...object, immutable: true });
  const store = new MemoryObjectStore({ clock: { now: () => 0 }, newUid: () => 'u', admit });
  const { object } = await store.apply(configMap('frozen', { a: { b: 'c' } }));
  t.like(object, { immutable: true, metadata: { creationTimestamp: '1970-01-01T00:00:00Z' } });
  t.throws(() => ((object as unknown as { data: { a: { b: string } } }).data.a.b = 'd'));
  t.false((await store.apply(configMap('frozen', { a: { b: 'c' } }))).changed);
  const held = { ...configMap('held', {}), metadata: { name: 'held', namespace: 'd', finalizers: ['x/y'] } };
  t.is((await t.throwsAsync<StoreError>(store.apply(held)))?.code, 'invalid');
});

const onServer = (title: string, run: (t: ExecutionContext, server: ApiServer) => Promise<void>) =>
  test(`kube-apiserver: ${title}`, shared.on(run));

const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'quiet', namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'quiet' } },
    template: {
      metadata: { labels: { app: 'quiet' } },
      spec: {
        containers: [
          {
            name: 'main',
            image: 'none',
            env: [{ name: 'EMPTY', value: '' }],
            resources: { requests: { cpu: '0.5', memory: '1024Mi' } },
            securityContext: {},
          },
        ],
      },
    },
  },
};
const DEPLOYMENTS = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
};

onServer(
  'an unchanged object costs no write, however the server normalizes its fields',
  async (t, server) => {
    const writes: string[] = [];
    const http = new Proxy(server.http, {
      get(target, name) {
        if (name !== 'json') return Reflect.get(target, name) as unknown;
        return (request: Parameters<typeof target.json>[0]) => {
          if (request.method !== 'GET') writes.push(`${request.method} ${request.path}`);
          return target.json(request);
        };
      },
    });
    const store = new KubeObjectStore(http);
    t.true((await store.apply(DEPLOYMENT)).changed);
    for (let n = 0; n < 3; n += 1) t.false((await store.apply(DEPLOYMENT)).changed);
    t.is(writes.length, 1, 'the server stores 500m for 0.5, which is no change');

    const { apiVersion, kind, metadata } = DEPLOYMENT;
    const scaled = { apiVersion, kind, metadata, spec: { replicas: 5 } };
    await new KubeObjectStore(server.http, { manager: 'kubectl' }).apply(scaled);
    t.true((await store.apply(DEPLOYMENT)).changed, 'drift is repaired');
    t.is(writes.length, 2);
    const [main] = DEPLOYMENT.spec.template.spec.containers;
    const template = { ...DEPLOYMENT.spec.template, spec: { containers: [{ ...main, env: undefined }] } };
    const bare = { ...DEPLOYMENT, spec: { ...DEPLOYMENT.spec, template } };
    const { object } = await store.apply(bare);
    const { spec } = object as unknown as typeof bare;
    t.is(spec.replicas, 1);
    t.is(spec.template.spec.containers[0]?.env, undefined, 'a field dropped from the rendering is removed');

    const collection = '/apis/apps/v1/namespaces/default/deployments';
    await server.http.json({ method: 'DELETE', path: `${collection}/quiet` });
    await server.http.json({ method: 'POST', path: collection, body: bare });
    const before = writes.length;
    await store.apply(bare);
    t.is(writes.length, before + 1, 'created by another client: equal, but not applied by this store yet');
    await store.delete({ resource: DEPLOYMENTS, name: 'quiet', namespace: 'default' });
    t.true((await store.apply(bare)).changed, 'deleted: created again');
  },
);

onServer('a process that may no longer write sends no write', async (t, server) => {
  const ref = { resource: CONFIG_MAPS, name: 'fenced', namespace: 'default' };
  let may = true;
  const store = new KubeObjectStore(server.http, { mayWrite: () => may });
  await store.apply(configMap('fenced', { a: '1' }));
  may = false;
  const writes: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['apply', () => store.apply(configMap('fenced', { a: '2' }))],
    ['create', () => store.create(configMap('fenced-too', {}))],
    ['status', () => store.patchStatus(ref, { a: '2' })],
    ['scale', () => store.scale(ref, 2)],
    ['delete', () => store.delete(ref)],
  ];
  for (const [verb, write] of writes) {
    const error = await t.throwsAsync<StoreError>(write, undefined, verb);
    t.true(error?.retryable, verb);
    t.regex(error?.message ?? '', /not sent/, verb);
  }
  t.like(await store.get(ref), { data: { a: '1' } });
  t.is(
    (await store.list(CONFIG_MAPS)).items.filter(({ metadata }) => metadata.name === 'fenced-too').length,
    0,
  );
});

onServer('refusals name the field, the kind and the verb', async (t, server) => {
  const store = new KubeObjectStore(server.http);
  // The server may need a moment to serve a new definition.
  const apply = async (object: object) => {
    for (let left = 50; ; left--) {
      const error = await t.throwsAsync<StoreError>(store.apply(object as KubeObject));
      if (error === undefined || !error.retryable || left === 0) return error;
      t.log(error.message);
      await delay(100);
    }
  };
  const unknownField = await apply({ ...configMap('odd', {}), datum: { a: '1' } });
  t.is(unknownField?.code, 'invalid', unknownField?.message);
  t.regex(unknownField?.message ?? '', /configmaps\/odd.*\.datum/);
  t.false(unknownField?.retryable);
  const unknownKind = await apply({ ...configMap('odd', {}), kind: 'Widget' });
  t.is(unknownKind?.code, 'not-found');
  t.regex(unknownKind?.message ?? '', /does not serve Widget of v1/);
  const wrongValue = await apply({
    apiVersion: 'ocpp.dev/v1alpha1',
    kind: 'OcppCluster',
    metadata: { name: 'wrong', namespace: 'default' },
    spec: { proxy: { replicas: -1 } },
  });
  t.is(wrongValue?.code, 'invalid');
  t.regex(wrongValue?.message ?? '', /spec\.proxy\.replicas/);
});
