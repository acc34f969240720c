/** On a real API server: Events, pages of a list, a reflector whose server hangs, requests of an unchanged cluster. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import test from 'ava';
import { createEventRecorder } from '../../../operator/controller/events.ts';
import { Reflector } from '../../../operator/controller/reflector.ts';
import { KubeHttp } from '../../../operator/kube/http.ts';
import type { KubeRequest } from '../../../operator/kube/request.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { type Operator, runOperator } from '../../../operator/operator.ts';
import { sleep, systemClock } from '../../../services/runtime/clock.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const DEPLOYMENTS = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
};
const EVENTS = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };
const log = { debug() {}, info() {}, warn() {}, error() {} };
const shared = sharedApiServer(test);

const onServer = (title: string, run: Parameters<typeof shared.on>[0]) => test.serial(title, shared.on(run));

const configMap = (name: string, data: object = {}): KubeObject & { readonly data: object } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels: { suite: 'live' } },
  data,
});

onServer('reflector: it detects an API server that hangs, and the watch continues', async (t, server) => {
  const store = new KubeObjectStore(server.http, { watchIdleMs: 1000 });
  const restarts: string[] = [];
  const reflector = new Reflector({
    store,
    resource: CONFIG_MAPS,
    onChange: () => {},
    log,
    backoff: { minMs: 20, maxMs: 100 },
    onRestart: (reason) => restarts.push(reason),
  });
  reflector.start();
  await reflector.whenSynced();
  server.signal('SIGSTOP');
  await until(() => restarts.length > 0, 'the silence was detected');
  server.signal('SIGCONT');
  await store.apply(configMap('after-silence'));
  await until(
    () => reflector.get({ name: 'after-silence', namespace: 'default' }) !== undefined,
    'the change',
  );
  t.deepEqual([...new Set(restarts)], ['unavailable']);
  await reflector.stop();
});

onServer('list: several pages give the complete list', async (t, server) => {
  const store = new KubeObjectStore(server.http);
  const names = Array.from({ length: 520 }, (_, n) => `page-${String(n).padStart(3, '0')}`);
  for (let n = 0; n < names.length; n += 20) {
    await Promise.all(
      names.slice(n, n + 20).map((name) =>
        server.http.json({
          method: 'POST',
          path: '/api/v1/namespaces/kube-public/configmaps',
          body: { metadata: { name, labels: { suite: 'pages' } } },
        }),
      ),
    );
  }
  const { items } = await store.list(CONFIG_MAPS, { labelSelector: 'suite=pages' });
  t.deepEqual(
    items.map(({ metadata }) => metadata.name),
    names,
  );

  await using proxy = await startFaultProxy(server.url, server.token());
  let pages = 0;
  proxy.faults.push({
    on: ({ verb }) => verb === 'list' && (pages += 1) === 2,
    answer: ({ response }) => response.writeHead(410).end('{"message":"the continue token is too old"}'),
  });
  const reflector = new Reflector({
    store: new KubeObjectStore(new KubeHttp({ server: proxy.url, authenticate: () => Promise.resolve() })),
    resource: CONFIG_MAPS,
    labelSelector: 'suite=pages',
    onChange: () => {},
    log,
    backoff: { minMs: 5, maxMs: 10 },
  });
  reflector.start();
  await reflector.whenSynced();
  t.is(reflector.list().length, names.length, 'a list that expires between two pages is restarted');
  t.is(proxy.requests.filter(({ verb }) => verb === 'list').length, 4);
  await reflector.stop();
});

onServer('events: repeated Events increment the count; failures and floods do no harm', async (t, server) => {
  const store = new KubeObjectStore(server.http);
  const { object } = await store.apply(configMap('subject'));
  let writes = 0;
  const recorder = createEventRecorder({
    store: {
      get: (ref) => store.get(ref),
      apply: (event) => {
        writes += 1;
        return writes === 1 ? Promise.reject(new Error('away')) : store.apply(event);
      },
    },
    component: 'ocpp-operator',
    instance: 'pod-1',
    log,
    clock: systemClock,
    quietMs: 50,
  });
  recorder.record(object, 'Normal', 'LostOne', 'never seen');
  for (let n = 1; n <= 500; n += 1) recorder.record(object, 'Warning', 'RedisAway', `no answer, ${n}`);
  recorder.record(object, 'Normal', 'ScaledUp', 'x'.repeat(5000));
  await recorder.stop();
  recorder.record(object, 'Normal', 'TooLate', 'stopped');
  t.true(writes <= 30, `${writes} writes`);
  const { items } = await store.list(EVENTS, { namespace: 'default' });
  const about = items.filter((event) => event.metadata.name.startsWith('subject.')) as (KubeObject & {
    reason: string;
    count: number;
    message: string;
    involvedObject: object;
  })[];
  const flood = about.filter(({ reason }) => reason === 'RedisAway');
  t.is(flood.length, 25, 'the burst, and one for all others');
  t.is(
    flood.reduce((sum, { count }) => sum + count, 0),
    500,
  );
  t.true(flood.some(({ message }) => message === '(combined from similar events): no answer, 500'));
  t.deepEqual(
    about.flatMap(({ reason, count }) => (reason === 'ScaledUp' ? [count] : [])),
    [1],
  );
  t.like(about[0]?.involvedObject, { kind: 'ConfigMap', name: 'subject', uid: object.metadata.uid });
});

onServer('operator: an unchanged cluster costs no request, drift is repaired', async (t, server) => {
  await server.installCrd(readFileSync(join(import.meta.dirname, '../../../crds/ocppclusters.yaml'), 'utf8'));
  const requests: string[] = [];
  const http = new Proxy(server.http, {
    get(target, name) {
      if (name !== 'json') return Reflect.get(target, name).bind(target) as unknown;
      return (request: KubeRequest) => {
        requests.push(`${request.method} ${request.path}`);
        return target.json(request);
      };
    },
  });
  const registry = new Registry();
  const store = new KubeObjectStore(http, { cached: (ref) => operator.caches.get(ref) });
  const operator: Operator = runOperator({
    store,
    namespaces: ['default'],
    defaultImage: 'ocpp-cluster:test',
    redisImage: 'redis:7',
    scrapeIntervalMs: 100,
    instance: 'test',
    clock: systemClock,
    log,
    registry,
  });
  const reconciles = async () => {
    const metric = await registry.getSingleMetric('ocpp_operator_reconciles_total')?.get();
    return metric?.values[0]?.value ?? 0;
  };
  /** The requests of the last five reconciles, once there are none or after many reconciles. */
  const settled = async () => {
    for (let round = 0; round < 20; round += 1) {
      requests.length = 0;
      const last = (await reconciles()) + 5;
      while ((await reconciles()) < last) await sleep(20);
      if (requests.length === 0) break;
    }
    return requests;
  };
  const user = new KubeObjectStore(server.http, { manager: 'kubectl' });
  const metadata = { name: 'quiet', namespace: 'default' };
  await user.apply({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata });
  const ref = { resource: DEPLOYMENTS, name: 'quiet-processor', namespace: 'default' };
  await until(() => operator.caches.get(ref) !== undefined, 'the Deployment');
  t.deepEqual(await settled(), []);

  const { uid } = operator.caches.get(ref)?.metadata ?? {};
  await user.delete(ref);
  await until(() => ![undefined, uid].includes(operator.caches.get(ref)?.metadata.uid), 'created again');
  t.deepEqual(await settled(), []);
  await operator.stop();
});
