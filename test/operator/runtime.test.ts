/** The controller runtime without a cluster: reflector against faults, work queue, controller. */
import test from 'ava';
import * as fc from 'fast-check';
import { Registry } from 'prom-client';
import { createController } from '../../operator/controller/controller.ts';
import { type ObjectChange, Reflector } from '../../operator/controller/reflector.ts';
import { WorkQueue } from '../../operator/controller/work-queue.ts';
import { KubeHttp } from '../../operator/kube/http.ts';
import { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import { type KubeObject, StoreError } from '../../operator/kube/object-store.ts';
import { OCPP_CLUSTERS } from '../../operator/api/ocpp-cluster.ts';
import { MemoryObjectStore } from '../../operator/local/memory-object-store.ts';
import { sleep, systemClock } from '../../services/runtime/clock.ts';
import { type Fault, type FakeApiServer, startFakeApiServer } from '../support/fake-api-server.ts';

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await sleep(5);
  }
}

interface Line {
  readonly level: string;
  readonly message: string;
}

function memoryLog() {
  const lines: Line[] = [];
  const at = (level: string) => (_fields: object, message: string) => void lines.push({ level, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function reflect(server: FakeApiServer, onChange: (change: ObjectChange) => void = () => {}) {
  const store = new KubeObjectStore(
    new KubeHttp({ server: server.url, authenticate: () => Promise.resolve() }),
    { watchIdleMs: 300 },
  );
  const restarts: string[] = [];
  const log = memoryLog();
  const reflector = new Reflector({
    store,
    resource: CONFIG_MAPS,
    onChange,
    log,
    backoff: { minMs: 5, maxMs: 40 },
    onRestart: (reason) => restarts.push(reason),
  });
  const content = () =>
    Object.fromEntries(reflector.list().map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  return { reflector, restarts, log, content };
}

const same = (a: object, b: object) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (map: object) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));

const status = (code: number, text = '{}', headers: Record<string, string> = {}): Fault['answer'] => {
  return (response) => void response.writeHead(code, headers).end(text);
};
const hang: Fault['answer'] = (response) => response.flushHeaders();
const line = (text: string): Fault['answer'] => {
  return (response) => void response.end(text);
};

/** Name → faults that the next requests meet, and the reason they are counted under. */
const FAULTS: Readonly<Record<string, { faults: readonly Fault[]; reason: string; compact?: boolean }>> = {
  'watch answers 500': { faults: [{ on: 'watch', answer: status(500) }], reason: 'unavailable' },
  'watch answers 500 often': {
    faults: Array.from({ length: 5 }, () => ({ on: 'watch' as const, answer: status(500) })),
    reason: 'unavailable',
  },
  'watch is forbidden for a while': { faults: [{ on: 'watch', answer: status(403) }], reason: 'forbidden' },
  'a proxy answers HTML': {
    faults: [{ on: 'watch', answer: status(502, '<html>Bad Gateway</html>') }],
    reason: 'unavailable',
  },
  'TCP reset before the answer': {
    faults: [{ on: 'watch', answer: (response) => response.socket?.resetAndDestroy() }],
    reason: 'unavailable',
  },
  'TCP reset in the middle': {
    faults: [
      {
        on: 'watch',
        answer: (response) => {
          response.write('{"type":"BOOK', () => response.socket?.resetAndDestroy());
        },
      },
    ],
    reason: 'unavailable',
  },
  'accepted, then silence': { faults: [{ on: 'watch', answer: hang }], reason: 'unavailable' },
  'accepted, not even headers': { faults: [{ on: 'watch', answer: () => {} }], reason: 'unavailable' },
  'ended at once, without an event': { faults: [{ on: 'watch', answer: line('') }], reason: 'unavailable' },
  'half an event, then the end': {
    faults: [{ on: 'watch', answer: line('{"type":"ADDED","object":{"metadata":{"na') }],
    reason: 'unavailable',
  },
  'an event that is no JSON': { faults: [{ on: 'watch', answer: line('what?\n') }], reason: 'unavailable' },
  'an ERROR event': {
    faults: [{ on: 'watch', answer: line('{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n') }],
    reason: 'unavailable',
  },
  'version expired, as status': { faults: [{ on: 'watch', answer: status(410) }], reason: 'expired' },
  'version expired, as event': { faults: [], reason: 'expired', compact: true },
  'expired, and the list answers 500': {
    faults: [
      { on: 'watch', answer: status(410) },
      { on: 'list', answer: status(500) },
      { on: 'list', answer: line('{"metadata":{"resourceVersion":"5"},"items":[{') },
    ],
    reason: 'unavailable',
  },
};

for (const [name, { faults, reason, compact }] of Object.entries(FAULTS)) {
  test(`reflector: ${name}: goes on, no change is lost`, async (t) => {
    await using server = await startFakeApiServer();
    for (const item of ['kept', 'changed', 'removed']) server.put(item);
    const told: string[] = [];
    const { reflector, restarts, content } = reflect(server, ({ before, after }) => {
      const verb = before === undefined ? 'added' : after === undefined ? 'deleted' : 'modified';
      told.push(`${verb} ${(after ?? before)?.metadata.name}`);
    });
    reflector.start();
    await reflector.whenSynced();
    await until(() => server.requests.some(({ what }) => what.startsWith('watch')), 'the first watch');
    told.length = 0;
    server.faults.push(...faults);
    server.cut();
    server.put('added');
    server.put('changed', { n: 1 });
    server.remove('removed');
    if (compact === true) server.compact();
    await until(() => server.faults.length === 0 && same(content(), server.content()), 'the same content');
    t.deepEqual([...told].sort(), ['added added', 'deleted removed', 'modified changed']);
    t.true(restarts.length > faults.length, 'each fault was met');
    t.true(restarts.slice(1).includes(reason), `counted as ${reason}: ${restarts.join()}`);
    server.put('later');
    await until(() => content()['later'] !== undefined, 'the watch lives');
    await reflector.stop();
  });
}

test('reflector: the first list may fail; it is not synced before one was read', async (t) => {
  await using server = await startFakeApiServer();
  server.put('a');
  for (let n = 0; n < 3; n += 1) server.faults.push({ on: 'list', answer: status(500) });
  const { reflector, restarts } = reflect(server);
  t.false(reflector.hasSynced);
  reflector.start();
  await reflector.whenSynced();
  t.true(reflector.hasSynced);
  t.is(restarts.length, 3);
  t.is(reflector.get({ name: 'a', namespace: 'default' })?.metadata.name, 'a');
  await reflector.stop();
});

test('reflector: 429 with Retry-After is not asked again before its time', async (t) => {
  await using server = await startFakeApiServer();
  server.faults.push({ on: 'list', answer: status(429, '{"message":"busy"}', { 'retry-after': '1' }) });
  const { reflector, restarts } = reflect(server);
  reflector.start();
  await reflector.whenSynced();
  const [first, second] = server.requests;
  t.deepEqual(restarts, ['throttled']);
  t.true((second?.at ?? 0) - (first?.at ?? 0) >= 990);
  await reflector.stop();
});

test('reflector: bookmarks alone keep it alive and move the version that it resumes from', async (t) => {
  await using server = await startFakeApiServer();
  const bookmark = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"77"}}}\n';
  server.faults.push({
    on: 'watch',
    answer: (response) => {
      response.write(bookmark);
      setTimeout(() => response.end(bookmark), 50);
    },
  });
  const { reflector, restarts } = reflect(server);
  reflector.start();
  await until(() => server.requests.length >= 3, 'the second watch');
  t.deepEqual(
    server.requests.slice(0, 3).map(({ what }) => what),
    ['list', 'watch 10', 'watch 77'],
  );
  t.deepEqual(restarts, []);
  await reflector.stop();
});

test('reflector: a handler that throws disturbs nothing', async (t) => {
  await using server = await startFakeApiServer();
  server.put('a');
  const { reflector, log, content } = reflect(server, () => {
    throw new Error('handler');
  });
  reflector.start();
  await reflector.whenSynced();
  server.put('b');
  await until(() => content()['b'] !== undefined, 'b');
  t.is(log.lines.filter(({ level }) => level === 'error').length, 2);
  await reflector.stop();
});

test('work queue: each key once, never with two workers, nothing forgotten', async (t) => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    kind: fc.constantFrom('add', 'after', 'turn'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, workers) => {
        const queue = new WorkQueue();
        const working = new Set<string>();
        /** Changes that happened to a key, and up to which one the last finished work knew. */
        const changed = new Map<string, number>();
        const known = new Map<string, number>();
        const work = async () => {
          for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
            t.false(working.has(key), 'two workers have one key');
            working.add(key);
            const seen = changed.get(key) ?? 0;
            await Promise.resolve();
            await Promise.resolve();
            known.set(key, seen);
            working.delete(key);
            queue.done(key);
          }
        };
        const pool = Array.from({ length: workers }, work);
        for (const { key, kind } of steps) {
          if (kind === 'turn') await Promise.resolve();
          else {
            changed.set(key, (changed.get(key) ?? 0) + 1);
            if (kind === 'add') queue.add(key);
            else queue.addAfter(key, 0);
          }
        }
        await until(
          () => [...changed].every(([key, count]) => known.get(key) === count),
          'all changes known',
        );
        queue.close();
        await Promise.all(pool);
      },
    ),
    { numRuns: 100 },
  );
  t.pass();
});

test('work queue: back-off doubles to its limit, a success resets it, an event cuts it short', async (t) => {
  const queue = new WorkQueue({ random: () => 0.5 });
  const delays = Array.from({ length: 9 }, () => queue.retry('a'));
  t.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  t.is(queue.retry('b', 5000), 5000, 'the server asked for more');
  queue.forget('a');
  t.is(queue.retry('a'), 500);
  t.is(queue.depth, 0);
  queue.add('a');
  t.is(await queue.take(), 'a');
  queue.close();
  t.is(await queue.take(), undefined);
  t.false(queue.add('c'));
});

test('work queue: more than the limit is refused', (t) => {
  const queue = new WorkQueue({ limit: 2 });
  t.deepEqual(
    ['a', 'b', 'b', 'c'].map((key) => queue.add(key)),
    [true, true, true, false],
  );
  t.is(queue.depth, 2);
  queue.close();
});

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

test('controller: what concerns a cluster brings it up, its own status does not', async (t) => {
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
  t.false(controller.synced());
  controller.start();
  /** Does it, and waits for exactly these reconciles. */
  const brings = async (what: () => Promise<unknown> | void, expected: readonly string[]) => {
    calls.length = 0;
    await what();
    await until(() => calls.length >= expected.length, expected.join());
    await sleep(20);
    t.deepEqual([...new Set(calls)], [...new Set(expected)]);
  };
  const ref = { resource: OCPP_CLUSTERS, name: 'first', namespace: 'default' };
  await brings(() => {}, ['default/first']);
  t.true(controller.synced());
  await brings(() => store.apply(cluster('second', {})), ['default/second']);
  await brings(() => store.patchStatus(ref, { phase: 'Running' }), []);
  await brings(() => store.apply(cluster('first', { protocols: ['ocpp1.6'] })), ['default/first']);
  await brings(() => store.apply(owned('mine', first)), ['default/first']);
  await brings(() => store.apply(owned('pod', 'second')), ['default/second']);
  await brings(() => store.apply(owned('foreign', 'second', { 'app.kubernetes.io/managed-by': 'x' })), []);
  t.deepEqual(
    controller.caches.list(CONFIG_MAPS).map(({ metadata }) => metadata.name),
    ['mine', 'pod'],
  );
  t.is(controller.caches.get(ref)?.metadata.generation, 2);
  await brings(
    () => store.delete({ resource: CONFIG_MAPS, name: 'mine', namespace: 'default' }),
    ['default/first'],
  );
  failures = 1;
  await brings(() => controller.enqueue('default/first'), ['default/first', 'default/first']);
  await brings(() => store.delete(ref), ['default/first']);
  t.is(controller.healthy(), undefined);
  await controller.stop();
  await brings(() => store.apply(cluster('third', {})).then(() => {}), []);
  const metrics = await registry.metrics();
  t.regex(metrics, /ocpp_operator_reconciles_total\{result="error"\} 1/);
  t.regex(metrics, /ocpp_operator_queue_depth 0/);
});

test('controller: what stands still is told to liveness, and holds up no stop', async (t) => {
  const store = {
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
  await until(() => controller.healthy() !== undefined, 'the standstill is told');
  t.regex(controller.healthy() ?? '', /^the watch of ocppclusters stands still for \d+ s$/);
  t.false(controller.synced());
  await controller.stop();
});

test('controller: a reconcile that never ends is told to liveness', async (t) => {
  const store = new MemoryObjectStore({ clock: systemClock, newUid: () => 'uid' });
  const metadata = { name: 'stuck', namespace: 'default' };
  await store.apply({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata });
  const release = new AbortController();
  const controller = createController({
    store,
    primary: OCPP_CLUSTERS,
    owned: [],
    ownedSelector: '',
    namespaces: ['default'],
    reconcile: () => sleep(60_000, release.signal).then(() => ({})),
    log: memoryLog(),
    registry: new Registry(),
    relistMs: 50,
  });
  controller.start();
  const told = /^the reconcile of default\/stuck stands still for \d+ s$/;
  await until(() => told.test(controller.healthy() ?? ''), 'it is told');
  release.abort();
  await controller.stop();
  t.notRegex(controller.healthy() ?? '', told);
});

test('controller: objects that take long (Pods on a lost node) do not hold up the others', async (t) => {
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
  await until(() => passes > 3, 'the one that is well is looked at again and again');
  release.abort();
  await controller.stop();
  t.true(passes > 3);
});
