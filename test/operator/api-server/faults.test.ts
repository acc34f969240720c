/** The whole operator with every fault between it and a real API server. */
import test, { type ExecutionContext } from 'ava';
import type { Call } from '../../../operator/kube/request.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import type { Fault } from '../../support/fault-proxy.ts';
import { ANY, status, WATCH, WHOLE } from './faults.ts';
import { sleep } from '../../../services/runtime/clock.ts';
import { FaultScene } from './fault-scene.ts';
import { until } from '../../support/until.ts';

const PATIENCE_MS = 40_000;
/** Tests at the same time. Twenty operators, each with its faults, slow each other down so much on a busy machine that they time out. */
const AT_ONCE = 6;
/** For the tests before it in its lane. */
const LONGEST_WAIT_MS = 10 * PATIENCE_MS;
const EVENTS = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };

const shared = sharedApiServer(test);

const lanes: Promise<void>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
let declared = 0;

function onServer(title: string, run: (t: ExecutionContext, server: ApiServer) => Promise<void>): void {
  const lane = declared++ % AT_ONCE;
  test(
    title,
    shared.on(async (t, server) => {
      const before = lanes[lane];
      const { promise, resolve } = Promise.withResolvers<void>();
      lanes[lane] = promise;
      t.timeout(LONGEST_WAIT_MS);
      await before;
      t.timeout(2 * PATIENCE_MS);
      await run(t, server).finally(resolve);
    }),
  );
}

const on =
  (verb: string, resource: string) =>
  (call: Call): boolean =>
    call.verb === verb && call.resource === resource;

/** After a 410 a watch lists again, whatever version it had. */
const relisted = (resource: string): Fault => ({ on: on('watch', resource), answer: status(410) });

/** Requests of the operator, and the fault injected into each. */
type Place = (answer: Fault['answer']) => readonly Fault[];
const LISTS: Place = (answer) => [
  relisted('ocppclusters'),
  { on: on('list', 'ocppclusters'), answer },
  relisted('services'),
  { on: on('list', 'services'), answer },
];
const WATCHES: Place = (answer) =>
  ['deployments', 'statefulsets'].map((kind) => ({ on: on('watch', kind), answer }));
const WRITES: Place = (answer) => [
  { on: on('apply', 'deployments'), answer },
  { on: on('apply', 'ocppclusters/status'), answer },
  { on: on('update', 'leases'), answer },
];

const TABLE: readonly (readonly [Readonly<Record<string, Fault['answer']>>, readonly Place[]])[] = [
  [ANY, [LISTS, WATCHES, WRITES]],
  [WHOLE, [LISTS, WRITES]],
  [WATCH, [WATCHES]],
];

for (const [answers, places] of TABLE) {
  for (const [name, answer] of Object.entries(answers)) {
    onServer(`${name}: every OcppCluster matches its spec in the end`, async (t, api) => {
      await using scene = await FaultScene.open(api);
      for (const cluster of ['kept', 'doomed']) await scene.apply(cluster, {});
      for (const cluster of ['kept', 'doomed']) await scene.converges(cluster, 2);
      await until(() => scene.leader.leading, 'the lease');
      const { uid } = (await scene.deployment('kept-processor'))?.metadata ?? {};

      scene.proxy.faults.push(...places.flatMap((place) => place(answer)));
      scene.proxy.cut();
      await scene.apply('kept', { proxy: { replicas: 3 } });
      await scene.apply('late', { proxy: { replicas: 4 } });
      await scene.removeDeployment('kept-processor');
      await scene.remove('doomed');

      await scene.converges('kept', 3);
      await scene.converges('late', 4);
      await until(() => !scene.knows('doomed'), 'the deletion', PATIENCE_MS);
      t.not((await scene.deployment('kept-processor'))?.metadata.uid, uid, 'the drift');
      await until(() => scene.proxy.faults.length === 0, 'every fault to be hit', PATIENCE_MS);

      await scene.apply('kept', { proxy: { replicas: 5 } });
      await scene.converges('kept', 5);
      t.deepEqual(scene.history, ['acquired'], 'it leads throughout');
      t.is(scene.operator.healthy(), undefined);
      const refused = scene.log.lines.filter(({ message }) => message.startsWith('objects not applied'));
      t.deepEqual(refused, [], 'no fault counts as a refusal');
    });
  }
}

const BUSY_MS = 1000;

onServer('after a 429 the request is not repeated before Retry-After', async (t, api) => {
  await using scene = await FaultScene.open(api);
  await scene.apply('busy', {});
  await scene.converges('busy', 2);
  const answer = status(429, { 'retry-after': String(BUSY_MS / 1000) });
  const asked = [on('list', 'services'), on('watch', 'services'), on('apply', 'deployments')];
  const from = scene.proxy.requests.length;
  scene.proxy.faults.push(relisted('services'), ...asked.map((one) => ({ on: one, answer })));
  scene.proxy.cut();
  // Each change enqueues the cluster at once, unless Retry-After delays it.
  for (const replicas of [3, 4, 5, 6, 7]) {
    await scene.apply('busy', { proxy: { replicas } });
    await sleep(100);
  }
  await scene.converges('busy', 7);
  await until(() => scene.proxy.faults.length === 0, 'every fault to be hit', PATIENCE_MS);
  for (const one of asked) {
    const pair = () => {
      const times = scene.proxy.requests.slice(from).filter(one);
      const refused = times.findIndex(({ status: code }) => code === 429);
      return [times[refused], times.slice(refused + 1).find(({ path }) => path === times[refused]?.path)];
    };
    await until(() => pair()[1] !== undefined, 'the request is repeated', PATIENCE_MS);
    const [before, after] = pair();
    const ms = (after?.at ?? 0) - (before?.at ?? 0);
    t.true(ms > BUSY_MS - 20, `${after?.verb} ${after?.resource} after ${ms} ms`);
  }
});

for (const hours of [-1, 1]) {
  onServer(`a clock that is wrong by ${hours} h: it leads, works and hands over`, async (t, api) => {
    await using wrong = await FaultScene.open(api, { clock: { now: () => Date.now() + hours * 3_600_000 } });
    await wrong.apply('skewed', {});
    await wrong.converges('skewed', 2);
    await until(() => wrong.leader.leading, 'the lease');
    const events = async () => (await wrong.user.list(EVENTS, { namespace: wrong.namespace })).items.length;
    // A new image gives an Event.
    await wrong.apply('skewed', { image: { tag: 'other' }, proxy: { replicas: 3 } });
    await wrong.converges('skewed', 3);
    await until(async () => (await events()) > 0, 'its Event');

    await using right = await FaultScene.open(api, { namespace: wrong.namespace });
    await sleep(500);
    t.false(right.leader.leading, 'the Lease has not expired, whatever its time says');
    await wrong.stop();
    await until(() => right.leader.leading, 'the other leads', PATIENCE_MS);
    await right.apply('skewed', { proxy: { replicas: 4 } });
    await right.converges('skewed', 4);
    t.deepEqual([wrong.history, right.history], [['acquired'], ['acquired']]);
    const { status: seen } = (await right.cluster('skewed')) ?? {};
    for (const { lastTransitionTime } of seen?.conditions ?? []) t.regex(lastTransitionTime, /^20\d\d-.*Z$/);
  });
}

onServer('the holder renews the Lease with one write, and reads it only after a refusal', async (t, api) => {
  await using scene = await FaultScene.open(api);
  await until(() => scene.leader.leading, 'the lease');
  const of = (verb: string) => scene.proxy.requests.filter(on(verb, 'leases')).length;
  const [read, written] = [of('get'), of('update')];
  await until(() => of('update') >= written + 5, 'five renewals');
  t.is(of('get'), read);
  const path = `/apis/coordination.k8s.io/v1/namespaces/${scene.namespace}/leases/ocpp-operator`;
  const contentType = 'application/merge-patch+json';
  const body = { metadata: { labels: { touched: 'by-hand' } } };
  await api.http.json({ method: 'PATCH', path, body, contentType });
  await until(() => of('get') > read, 'it reads again');
  const later = of('update');
  await until(() => of('update') >= later + 3, 'the operator continues');
  t.is(of('get'), read + 1);
  t.deepEqual(scene.history, ['acquired']);
});
