/**
 * What every ObjectStore does, as one suite over its verbs. Cases share nothing: each works on
 * objects with names of its own.
 */
import type { ExecutionContext, TestFn } from 'ava';
import { OCPP_CLUSTERS } from '../../operator/api/ocpp-cluster.ts';
import type {
  KubeObject,
  ObjectRef,
  ObjectStore,
  Resource,
  StoreError,
  StoreErrorCode,
  WatchEvent,
} from '../../operator/kube/object-store.ts';

export interface Subject {
  readonly store: ObjectStore;
  /** Another client of the same objects, under this field manager. */
  readonly as: (manager: string) => ObjectStore;
  /** Makes the store forget old versions. */
  readonly forget: () => Promise<void>;
}

const NAMESPACE = 'default';
const CONFIG_MAPS: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

type Shown = KubeObject & { readonly data?: object; readonly spec?: object; readonly status?: object };

const configMap = (name: string, data: object, labels: Record<string, string> = {}): Shown => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE, labels },
  data,
});

const cluster = (name: string, processor: object, labels: Record<string, string> = {}): Shown => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name, namespace: NAMESPACE, labels },
  spec: { processor },
});

const mapRef = (name: string): ObjectRef => ({ resource: CONFIG_MAPS, name, namespace: NAMESPACE });
const clusterRef = (name: string): ObjectRef => ({ resource: OCPP_CLUSTERS, name, namespace: NAMESPACE });

const version = (object: KubeObject | undefined) => object?.metadata.resourceVersion;
const dataOf = (object: Shown | undefined) => object?.data;
const statusOf = (object: Shown | undefined) => object?.status;

type Case = (t: ExecutionContext, subject: Subject) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  async 'what does not exist: get is undefined, delete resolves, a status is not-found'(t, { store }) {
    t.is(await store.get(mapRef('absent')), undefined);
    await t.notThrowsAsync(store.delete(mapRef('absent')));
    await refused(t, store.patchStatus(clusterRef('absent'), { phase: 'Running' }), 'not-found');
  },

  async 'a kind without a definition is not served'(t, { store }) {
    const plural = 'widgets';
    t.false(
      await store.serves({ group: 'unknown.test', version: 'v1', kind: 'Widget', plural, namespaced: true }),
    );
  },

  async 'apply makes an object with the marks of a server, and get finds it'(t, { store }) {
    const { object, changed } = await store.apply(configMap('made', { a: '1' }, { app: 'x' }));
    t.true(changed);
    t.regex(object.metadata.uid ?? '', /.+/);
    t.regex(object.metadata.resourceVersion ?? '', /^\d+$/);
    t.regex(object.metadata.creationTimestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    t.like(object, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { labels: { app: 'x' } },
      data: { a: '1' },
    });
    t.deepEqual(await store.get(mapRef('made')), object);
  },

  async 'create makes what is not there, and touches nothing that is'(t, { store }) {
    t.true(await store.create(configMap('once', { a: '1' })));
    const made = await store.get(mapRef('once'));
    t.deepEqual(dataOf(made), { a: '1' });
    t.false(await store.create(configMap('once', { a: '2' })));
    t.deepEqual(await store.get(mapRef('once')), made);
  },

  async 'apply of the same again writes nothing, nor does the first apply of another process'(
    t,
    { store, as },
  ) {
    const first = await store.apply(configMap('same', { a: '1' }));
    const again = await store.apply(configMap('same', { a: '1' }));
    t.false(again.changed);
    const repeated = await as('ocpp-operator').apply(configMap('same', { a: '1' }));
    t.false(repeated.changed);
    t.is(version(await store.get(mapRef('same'))), version(first.object));
  },

  async 'apply with a uid is about that object only, and makes none'(t, { store }) {
    const { object } = await store.apply(configMap('this-one', { a: '1' }));
    const withUid = (name: string, uid: string | undefined) => {
      const { metadata, ...rest } = configMap(name, { a: '2' });
      return { ...rest, metadata: { ...metadata, ...(uid !== undefined && { uid }) } };
    };
    t.deepEqual(dataOf((await store.apply(withUid('this-one', object.metadata.uid))).object), { a: '2' });
    const other = '00000000-0000-4000-8000-000000000000';
    await refused(t, store.apply(withUid('this-one', other)), 'invalid');
    await refused(t, store.apply(withUid('that-one', other)), 'conflict');
    t.is(await store.get(mapRef('that-one')), undefined);
  },

  async 'the store keeps a copy: what a caller does to its object later changes nothing'(t, { store }) {
    const mine = configMap('copied', { a: '1' });
    await store.apply(mine);
    (mine.data as Record<string, string>)['a'] = 'mine';
    t.deepEqual(dataOf(await store.get(mapRef('copied'))), { a: '1' });
  },

  async 'generation rises with the spec, not with labels or status'(t, { store }) {
    const generation = async () => (await store.get(clusterRef('counted')))?.metadata.generation;
    await store.apply(cluster('counted', { callTimeoutSeconds: 20 }));
    t.is(await generation(), 1);
    await store.apply(cluster('counted', { callTimeoutSeconds: 20 }, { team: 'a' }));
    await store.patchStatus(clusterRef('counted'), { phase: 'Running' });
    t.is(await generation(), 1);
    await store.apply(cluster('counted', { callTimeoutSeconds: 21 }, { team: 'a' }));
    t.is(await generation(), 2);
  },

  async 'fields that the next apply leaves out are removed; those of others and the status stay'(
    t,
    { store, as },
  ) {
    await store.apply(configMap('left-out', { ours: '1', dropped: '1' }, { ours: 'x', dropped: 'x' }));
    await as('other').apply(configMap('left-out', { theirs: '1' }, { theirs: 'x' }));
    const { object, changed } = await store.apply(configMap('left-out', { ours: '1' }, { ours: 'x' }));
    t.true(changed);
    t.deepEqual(dataOf(object), { ours: '1', theirs: '1' });
    t.deepEqual(object.metadata.labels, { ours: 'x', theirs: 'x' });
    t.is(version(await store.get(mapRef('left-out'))), version(object));
  },

  async 'a field that two managers own goes when the last of them leaves it out'(t, { store, as }) {
    await store.apply(configMap('shared', { both: '1', mine: '1' }));
    await as('other').apply(configMap('shared', { both: '1' }));
    t.deepEqual(dataOf((await store.apply(configMap('shared', { mine: '1' }))).object), {
      both: '1',
      mine: '1',
    });
    await as('other').apply(configMap('shared', {}));
    t.deepEqual(dataOf(await store.get(mapRef('shared'))), { mine: '1' });
  },

  async 'apply takes over by force: drift is repaired, and the loser no longer owns the field'(
    t,
    { store, as },
  ) {
    await store.apply(configMap('forced', { a: 'ours' }));
    await as('other').apply(configMap('forced', { a: 'theirs' }));
    t.deepEqual(dataOf(await store.get(mapRef('forced'))), { a: 'theirs' });
    const { object, changed } = await store.apply(configMap('forced', { a: 'ours' }));
    t.true(changed);
    t.deepEqual(dataOf(object), { a: 'ours' });
    await store.apply(configMap('forced', { b: 'ours' }));
    t.deepEqual(dataOf(await store.get(mapRef('forced'))), { b: 'ours' });
  },

  async 'status: replaced whole by us, untouched by apply, no write when equal'(t, { store }) {
    await store.apply({ ...cluster('stated', {}), status: { phase: 'Running' } } as KubeObject);
    t.is(statusOf(await store.get(clusterRef('stated'))), undefined);
    await store.patchStatus(clusterRef('stated'), { phase: 'Pending', image: 'x' });
    const second = await store.patchStatus(clusterRef('stated'), { phase: 'Running', observedGeneration: 1 });
    t.deepEqual(statusOf(second), { phase: 'Running', observedGeneration: 1 });
    const third = await store.patchStatus(clusterRef('stated'), { phase: 'Running', observedGeneration: 1 });
    t.is(version(third), version(second));
    const { object } = await store.apply(cluster('stated', { callTimeoutSeconds: 25 }));
    t.deepEqual(statusOf(object), { phase: 'Running', observedGeneration: 1 });
  },

  async 'list: by label and namespace, with kinds, and a version to watch from'(t, { store }) {
    for (const [name, tier] of [
      ['listed-a', 'front'],
      ['listed-b', 'front'],
      ['listed-c', 'back'],
    ] as const) {
      await store.apply(configMap(name, {}, { suite: 'list', tier }));
    }
    const names = async (labelSelector: string, namespace?: string) => {
      const list = await store.list(CONFIG_MAPS, { labelSelector, ...(namespace && { namespace }) });
      t.regex(list.resourceVersion, /^\d+$/);
      t.true(list.items.every(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1'));
      return list.items.map(({ metadata }) => metadata.name);
    };
    t.deepEqual(await names('suite=list,tier=front'), ['listed-a', 'listed-b']);
    t.deepEqual(await names('suite=list', NAMESPACE), ['listed-a', 'listed-b', 'listed-c']);
    t.deepEqual(await names('suite=list', 'kube-system'), []);
    t.deepEqual(await names('suite=list,tier=none'), []);
  },

  async 'list: by field'(t, { store }) {
    await store.apply(configMap('field-a', {}));
    await store.apply(configMap('field-b', {}));
    const { items } = await store.list(CONFIG_MAPS, {
      fieldSelector: `metadata.name=field-b,metadata.namespace=${NAMESPACE}`,
    });
    t.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['field-b'],
    );
  },

  async 'watch from the version of a list: every later change, in order, once'(t, { store }) {
    await store.apply(configMap('watched-before', {}, { suite: 'watch' }));
    const { resourceVersion } = await store.list(CONFIG_MAPS);
    await store.apply(configMap('watched', { n: '1' }, { suite: 'watch' }));
    await store.apply(configMap('watched', { n: '2' }, { suite: 'watch' }));
    const events = collect(store, CONFIG_MAPS, { resourceVersion, labelSelector: 'suite=watch' });
    await store.apply(configMap('watched-other', {}, { suite: 'other' }));
    await store.delete(mapRef('watched'));
    await store.apply(configMap('watched', { n: '3' }, { suite: 'watch' }));
    const seen = await events.until(4);
    t.deepEqual(
      seen.map(({ type, object }) => [type, object.metadata.name, dataOf(object)]),
      [
        ['ADDED', 'watched', { n: '1' }],
        ['MODIFIED', 'watched', { n: '2' }],
        ['DELETED', 'watched', { n: '2' }],
        ['ADDED', 'watched', { n: '3' }],
      ],
    );
    t.not(seen[3]?.object.metadata.uid, seen[0]?.object.metadata.uid);
    const versions = seen.map(({ object }) => Number(version(object)));
    t.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
    );

    const resumed = collect(store, CONFIG_MAPS, {
      resourceVersion: version(seen[1]?.object) ?? '',
      labelSelector: 'suite=watch',
    });
    t.deepEqual(await resumed.until(2), seen.slice(2), 'a watch from an event goes on after it');
  },

  async 'watch with a selector: what leaves it is deleted, what enters it is added'(t, { store }) {
    const { resourceVersion } = await store.list(CONFIG_MAPS);
    const events = collect(store, CONFIG_MAPS, { resourceVersion, labelSelector: 'shade=blue' });
    for (const shade of ['red', 'blue', 'green', 'blue'])
      await store.apply(configMap('moved', {}, { shade }));
    const seen = await events.until(3);
    t.deepEqual(
      seen.map(({ type }) => type),
      ['ADDED', 'DELETED', 'ADDED'],
    );
  },

  async 'watch from a version that is long gone is expired, and a new list helps'(t, { store, forget }) {
    const watch = (resourceVersion: string) => {
      const signal = AbortSignal.timeout(20_000);
      return store.watch(CONFIG_MAPS, { resourceVersion, signal })[Symbol.asyncIterator]();
    };
    await store.apply(configMap('forgotten', {}));
    await forget();
    await refused(t, watch('1').next(), 'expired');
    const resumed = watch((await store.list(CONFIG_MAPS)).resourceVersion);
    await store.apply(configMap('remembered', {}));
    t.like(await resumed.next(), { value: { type: 'ADDED', object: { metadata: { name: 'remembered' } } } });
    await resumed.return?.();
  },

  async 'watch ends quietly when it is aborted'(t, { store }) {
    const { resourceVersion } = await store.list(CONFIG_MAPS);
    const abort = new AbortController();
    const watch = store.watch(CONFIG_MAPS, {
      resourceVersion,
      labelSelector: 'never=seen',
      signal: abort.signal,
    });
    const next = watch[Symbol.asyncIterator]().next();
    abort.abort();
    t.true((await next).done);
  },

  async 'delete with a uid deletes that object only'(t, { store }) {
    const { object } = await store.apply(configMap('reborn', {}));
    await refused(
      t,
      store.delete(mapRef('reborn'), { uid: '00000000-0000-0000-0000-000000000000' }),
      'conflict',
    );
    await store.delete(mapRef('reborn'), { uid: object.metadata.uid ?? '' });
    t.is(await store.get(mapRef('reborn')), undefined);
    const reborn = await store.apply(configMap('reborn', {}));
    t.true(reborn.changed);
    t.not(reborn.object.metadata.uid, object.metadata.uid);
  },

  async 'scale writes the number of replicas and no other field, which keep their owners'(t, { store, as }) {
    await refused(t, store.scale(clusterRef('absent-scale'), 3), 'not-found');
    const person = as('person');
    const { object } = await person.apply(cluster('scaled', { unknownTokens: 'Accept', replicas: 1 }));
    await store.scale(clusterRef('scaled'), 3);
    const after: Shown | undefined = await store.get(clusterRef('scaled'));
    t.like(after?.spec, { processor: { unknownTokens: 'Accept', replicas: 3 } });
    t.not(version(after), version(object));
    await person.apply(cluster('scaled', { unknownTokens: 'Reject' }));
    const merged: Shown | undefined = await store.get(clusterRef('scaled'));
    t.like(merged?.spec, { processor: { unknownTokens: 'Reject', replicas: 3 } }, 'it stays scaled');
    await person.apply(cluster('scaled', { replicas: 2 }));
    const taken: Shown | undefined = await store.get(clusterRef('scaled'));
    t.like(taken?.spec, { processor: { replicas: 2 } }, 'a manifest that names the number applies it');
    await person.apply(cluster('never-scaled', {}));
    await store.scale(clusterRef('never-scaled'), 4);
    const first: Shown | undefined = await store.get(clusterRef('never-scaled'));
    t.like(first?.spec, { processor: { replicas: 4 } }, 'the first number needs no earlier one');
  },

  async 'bad names and missing namespaces are invalid'(t, { store }) {
    for (const metadata of [
      { name: 'Upper', namespace: NAMESPACE },
      { name: 'with space', namespace: NAMESPACE },
      { name: '../up', namespace: NAMESPACE },
      { name: '', namespace: NAMESPACE },
      { name: 'homeless' },
    ]) {
      await refused(t, store.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata }), 'invalid');
    }
  },
};

/** Declares the suite, case after case, as `forget` disturbs what runs beside it. `subject` resolves to undefined where the store cannot run here. */
export function objectStoreConformance(
  test: TestFn,
  name: string,
  subject: () => Promise<Subject | undefined>,
): void {
  for (const [title, run] of Object.entries(CASES)) {
    test.serial(`${name}: ${title}`, async (t) => {
      const ready = await subject();
      if (ready === undefined) t.pass('skipped');
      else await run(t, ready);
    });
  }
}

async function refused(t: ExecutionContext, promise: Promise<unknown>, code: StoreErrorCode): Promise<void> {
  const error = await t.throwsAsync<StoreError>(promise);
  t.is(error?.code, code, error?.message);
}

type ObjectEvent = Exclude<WatchEvent, { type: 'BOOKMARK' }>;

/** Watches in the background. */
function collect(
  store: ObjectStore,
  resource: Resource,
  scope: { readonly resourceVersion: string; readonly labelSelector: string },
) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 20_000);
  const watch = store.watch(resource, { ...scope, signal: abort.signal });
  return {
    /** The first `count` events, or fewer when no more come. */
    async until(count: number): Promise<ObjectEvent[]> {
      const events: ObjectEvent[] = [];
      for await (const event of watch) {
        if (event.type === 'BOOKMARK') continue;
        events.push(event);
        if (events.length === count) break;
      }
      clearTimeout(timer);
      return events;
    },
  };
}
