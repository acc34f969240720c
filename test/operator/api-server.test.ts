/** On a real API server: leader election, Events, the reflector while it hangs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import test, { type ExecutionContext } from 'ava';
import { createEventRecorder } from '../../operator/controller/events.ts';
import { LeaderElector } from '../../operator/controller/leader.ts';
import type { LeaseStore } from '../../operator/controller/lease.ts';
import { Reflector } from '../../operator/controller/reflector.ts';
import { KubeHttp, type KubeRequest } from '../../operator/kube/http.ts';
import { KubeLeaseStore } from '../../operator/kube/kube-lease-store.ts';
import { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import type { KubeObject } from '../../operator/kube/object-store.ts';
import { type Operator, runOperator } from '../../operator/operator.ts';
import { type Clock, sleep, systemClock } from '../../services/runtime/clock.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';

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
/** The real ones by ten, so that no test waits for 15 s. */
const TIMINGS = { leaseMs: 3000, renewDeadlineMs: 1500, retryMs: 200 };

let server: ApiServer | undefined;

test.before(async () => {
  server = await startApiServer();
});

test.after.always(async () => {
  await server?.[Symbol.asyncDispose]();
});

const onServer = (title: string, run: (t: ExecutionContext, server: ApiServer) => Promise<void>) =>
  test.serial(title, async (t) => {
    if (server === undefined) t.pass('skipped');
    else await run(t, server);
  });

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await sleep(5);
  }
}

const configMap = (name: string, data: object = {}): KubeObject & { readonly data: object } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels: { suite: 'live' } },
  data,
});

/** A stand-in for another machine: its wall clock is wrong by an hour, its network can be cut. */
function elector(server: ApiServer, lease: string, identity: string, clock: Clock = systemClock) {
  const store = new KubeLeaseStore(server.http, { name: lease, namespace: 'kube-system' });
  const history: string[] = [];
  const away = new AbortController();
  const cutOff = <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) => {
    return (...args: A) => (away.signal.aborted ? Promise.reject<R>(new Error('cut off')) : call(...args));
  };
  const guarded: LeaseStore = {
    get: cutOff((signal) => store.get(signal)),
    create: cutOff((spec, signal) => store.create(spec, signal)),
    update: cutOff((spec, version, signal) => store.update(spec, version, signal)),
  };
  const one = new LeaderElector({
    store: guarded,
    identity,
    onAcquired: () => history.push('acquired'),
    onLost: (reason) => history.push(`lost: ${reason}`),
    log,
    clock,
    timings: TIMINGS,
  });
  return { one, history, store, cutOff: () => away.abort() };
}

onServer(
  'leader: of many that start at once one leads; the rest follow without comparing clocks',
  async (t, server) => {
    const clocks = [0, 3_600_000, -3_600_000, 0].map((wrong) => ({ now: () => Date.now() + wrong }));
    const electors = clocks.map((clock, n) => elector(server, 'race', `operator-${n}`, clock));
    const leaders = () => electors.filter(({ one }) => one.leading);
    const watchedFor = performance.now() + 2 * TIMINGS.leaseMs;
    let most = 0;
    for (const { one } of electors) one.start();
    while (performance.now() < watchedFor) {
      most = Math.max(most, leaders().length);
      await sleep(10);
    }
    t.is(most, 1);
    t.is(leaders().length, 1);
    t.is(electors.flatMap(({ history }) => history).join(), 'acquired', 'it stayed the same one');
    const lease = await electors[0]?.store.get(AbortSignal.timeout(5000));
    t.regex(lease?.spec.renewTime ?? '', /\.\d{6}Z$/);
    for (const { one } of electors) await one.stop();
  },
);

onServer('leader: one that stops hands over at once', async (t, server) => {
  const first = elector(server, 'handover', 'first');
  const second = elector(server, 'handover', 'second');
  first.one.start();
  await until(() => first.one.leading, 'the first leads');
  second.one.start();
  const from = performance.now();
  await first.one.stop();
  await until(() => second.one.leading, 'the second leads');
  t.true(performance.now() - from < TIMINGS.leaseMs, 'before the lease would have ended');
  t.deepEqual(first.history, ['acquired']);
  const lease = await second.store.get(AbortSignal.timeout(5000));
  t.like(lease?.spec, { holderIdentity: 'second', leaseTransitions: 1 });
  await second.one.stop();
});

onServer('leader: one that is cut off says so before another may lead', async (t, server) => {
  const first = elector(server, 'cut', 'first');
  const second = elector(server, 'cut', 'second');
  first.one.start();
  await until(() => first.one.leading, 'the first leads');
  second.one.start();
  first.cutOff();
  let both = false;
  await until(() => {
    both ||= first.one.leading && second.one.leading;
    return second.one.leading;
  }, 'the second leads');
  t.false(both);
  t.deepEqual(first.history, ['acquired', 'lost: the lease was not renewed in time']);
  await first.one.stop();
  t.true(second.one.leading, 'the loser does not release what is no longer its own');
  await second.one.stop();
});

onServer('leader: one that was paused past its lease does not believe to lead', async (t, server) => {
  let skipped = 0;
  const { store } = elector(server, 'paused', 'x');
  const history: string[] = [];
  const paused = new LeaderElector({
    store,
    identity: 'paused',
    onAcquired: () => history.push('acquired'),
    onLost: (reason) => history.push(reason),
    log,
    clock: systemClock,
    monotonic: { now: () => performance.now() + skipped },
    timings: { ...TIMINGS, retryMs: 10_000 },
  });
  paused.start();
  await until(() => paused.leading, 'it leads');
  skipped = 60_000;
  t.false(paused.leading, 'no timer ran yet, the clock alone tells');
  await until(() => history.length === 2, 'it is told');
  t.deepEqual(history, ['acquired', 'the lease was not renewed in time']);
  await paused.stop();
});

onServer('leader: a lease taken by force ends the leadership', async (t, server) => {
  const robbed = elector(server, 'robbed', 'robbed');
  robbed.one.start();
  await until(() => robbed.one.leading, 'it leads');
  await until(() => robbed.history.length > 0, 'it was told');
  for (let done = false; !done;) {
    const lease = await robbed.store.get(AbortSignal.timeout(5000));
    if (lease === undefined) throw new Error('no lease');
    const spec = { ...lease.spec, holderIdentity: 'thief' };
    done = await robbed.store.update(spec, lease.version, AbortSignal.timeout(5000)).then(
      () => true,
      () => false,
    );
  }
  await until(() => robbed.history.length === 2, 'it noticed');
  t.deepEqual(robbed.history, ['acquired', 'lost: thief took the lease']);
  await robbed.one.stop();
});

onServer('reflector: an API server that hangs is noticed, and the watch goes on', async (t, server) => {
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
  await until(() => restarts.length > 0, 'silence was noticed');
  server.signal('SIGCONT');
  await store.apply(configMap('after-silence'));
  await until(
    () => reflector.get({ name: 'after-silence', namespace: 'default' }) !== undefined,
    'the change',
  );
  t.deepEqual([...new Set(restarts)], ['unavailable']);
  await reflector.stop();
});

onServer('list: more than a page comes whole', async (t, server) => {
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
  t.is(reflector.list().length, names.length, 'a list that expires between two pages is begun anew');
  t.is(proxy.requests.filter(({ verb }) => verb === 'list').length, 4);
  await reflector.stop();
});

onServer('events: the same again counts up, failures and floods disturb nobody', async (t, server) => {
  const store = new KubeObjectStore(server.http);
  const { object } = await store.apply(configMap('subject'));
  let writes = 0;
  const recorder = createEventRecorder({
    store: {
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
  t.true(writes <= 5, `${writes} writes`);
  const { items } = await store.list(EVENTS, { namespace: 'default' });
  const about = items.filter((event) => event.metadata.name.startsWith('subject.')) as (KubeObject & {
    reason: string;
    count: number;
    message: string;
    involvedObject: object;
  })[];
  t.deepEqual(about.map(({ reason, count }) => `${reason} ${count}`).sort(), ['RedisAway 500', 'ScaledUp 1']);
  t.is(about.find(({ reason }) => reason === 'RedisAway')?.message, 'no answer, 500');
  t.like(about[0]?.involvedObject, { kind: 'ConfigMap', name: 'subject', uid: object.metadata.uid });
});

onServer('operator: a quiet cluster costs the API server nothing, drift is repaired', async (t, server) => {
  await server.installCrd(readFileSync(join(import.meta.dirname, '../../crds/ocppclusters.yaml'), 'utf8'));
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
  /** What was requested during the last five reconciles, once it is nothing or after many of them. */
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
  await until(() => ![undefined, uid].includes(operator.caches.get(ref)?.metadata.uid), 'made again');
  t.deepEqual(await settled(), []);
  await operator.stop();
});
