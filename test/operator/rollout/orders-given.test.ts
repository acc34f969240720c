/** Scale-in and rebalance by orders to the Pods: the whole operator on a real API server, with the admin ports of simulated Pods. */
import test, { type ExecutionContext } from 'ava';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { DELETION_COST } from '../../../operator/reconcile/pod-deletion-costs.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';
import { FakeProxy } from './fake-proxy.ts';

const shared = commonApiServer(test);
const KEY = { adminKey: Buffer.alloc(32, 7) };

/** A cluster with one ready ws-proxy Pod for each number of stations. */
async function running(t: ExecutionContext, ...sessions: readonly number[]) {
  const server = shared.given(t);
  if (server === undefined) return undefined;
  const scene = await Scene.open(server, KEY);
  t.teardown(() => scene[Symbol.asyncDispose]());
  await scene.create({ proxy: { replicas: sessions.length } });
  const proxies: FakeProxy[] = [];
  const wanted = async (at = scene) => (await at.get('deployments/city-ws-proxy'))?.spec.replicas;
  await eventually(t, () => wanted(), sessions.length);
  for (const [number, count] of sessions.entries()) {
    const proxy = await FakeProxy.start(count);
    t.teardown(() => proxy[Symbol.asyncDispose]());
    proxies.push(proxy);
    await scene.pod('ws-proxy', proxy.port, 'city', number);
  }
  await scene.settleAll();
  await eventually(
    t,
    async () => (await scene.status()).proxy?.sessions,
    sessions.reduce((sum, one) => sum + one, 0),
  );
  const scale = (replicas: number) => scene.patch('ocppclusters/city', { spec: { proxy: { replicas } } });
  /** As the kubelet and the endpoints some time after the order. */
  const unready = async (number: number) => {
    await eventually(t, async () => proxies[number]?.order?.leaving, true);
    t.is(proxies[number]?.order?.mode, 'accepting', 'stations still arrive');
    const lastTransitionTime = new Date(Date.now() - 6000).toISOString();
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime }];
    await scene.patch(`pods/city-ws-proxy-${number}/status`, { status: { conditions } });
    await eventually(t, async () => proxies[number]?.order?.mode, 'draining');
  };
  return { server, scene, proxies, wanted, scale, unready };
}

test('the emptiest Pod leaves and moves its stations before the Deployment gets smaller, and is the first to end', async (t) => {
  const it = await running(t, 90, 60, 80);
  if (it === undefined) return;
  const { scene, proxies, wanted, scale, unready } = it;
  const [first, emptiest] = proxies;
  if (first === undefined || emptiest === undefined) throw new Error('no Pods');
  emptiest.isStuck = true;
  await scale(2);
  await unready(1);
  t.true(emptiest.order?.leaving);
  const { scaleIn } = (await scene.status()).proxy ?? {};
  t.like(scaleIn, { pods: ['city-ws-proxy-1'], id: emptiest.order?.rollout });
  t.like(await scene.condition('Progressing'), { status: 'True', reason: 'ScalingIn' });
  const passes = await scene.passes();
  await eventually(t, async () => (await scene.passes()) > passes + 5, true);
  t.is(await wanted(), 3, 'it has stations');
  emptiest.isStuck = false;
  await eventually(t, () => wanted(), 2);
  t.is(emptiest.sessions, 0);
  const costs = await Promise.all(
    [0, 1, 2].map(
      async (i) =>
        (await scene.get<KubeObject>(`pods/city-ws-proxy-${i}`))?.metadata.annotations?.[DELETION_COST],
    ),
  );
  t.deepEqual(costs, ['90', '-1', '80']);
  t.deepEqual([first.orders, proxies[2]?.orders], [[], []]);
  t.deepEqual(emptiest.orders.length, 2, 'an order is given once');
  await scene.delete('pods/city-ws-proxy-1');
  await eventually(t, async () => (await scene.status()).proxy?.scaleIn, undefined);
});

test('the next leader continues a scale-in under the same id, and a pause of scale-in takes it back', async (t) => {
  const it = await running(t, 90, 60);
  if (it === undefined) return;
  const { server, scene, proxies, wanted, unready } = it;
  const emptiest = proxies[1];
  if (emptiest === undefined) throw new Error('no Pods');
  emptiest.isStuck = true;
  const autoscaling = {
    minReplicas: 1,
    maxReplicas: 3,
    targetSessionsPerPod: 200,
    scaleDownStabilizationSeconds: 1,
  };
  await scene.patch('ocppclusters/city', { spec: { proxy: { autoscaling } } });
  await unready(1);
  await scene[Symbol.asyncDispose]();
  await using next = await Scene.open(server, { ...KEY, namespace: scene.namespace });
  await eventually(t, async () => (await next.passes()) > 5, true);
  t.is(await wanted(next), 2);
  t.like((await next.status()).proxy, {
    autoscaling: { desiredReplicas: 1 },
    scaleIn: { id: emptiest.order?.rollout },
  });
  t.is(emptiest.orders.length, 2);
  t.is((await next.status()).proxy?.sessions, 150, 'a Pod that leaves still counts');
  await next.patch('ocppclusters/city', { metadata: { annotations: { 'ocpp.dev/pause-scale-in': 'true' } } });
  await eventually(t, async () => emptiest.order?.mode, 'accepting');
  await eventually(t, async () => (await next.status()).proxy?.scaleIn, undefined);
  t.is(await wanted(next), 2);
  t.is(emptiest.sessions, 60);
});

test('a value of the annotation evens out the stations once, and an Event has the figures', async (t) => {
  const it = await running(t, 226, 87, 87);
  if (it === undefined) return;
  const { scene, proxies } = it;
  let next = 0;
  for (const proxy of proxies) {
    proxy.onMoved = (stations) => {
      for (let i = 0; i < stations; i += 1) {
        const to = proxies[(next += 1) % proxies.length];
        if (to !== undefined) to.sessions += 1;
      }
    };
  }
  const annotate = (value: string) =>
    scene.patch('ocppclusters/city', { metadata: { annotations: { 'ocpp.dev/rebalance': value } } });
  const report = async () => (await scene.status()).proxy?.rebalance;
  await annotate('first');
  await eventually(t, async () => (await report())?.finishedTime !== undefined, true);
  t.like(await report(), {
    value: 'first',
    round: 1,
    before: [226, 87, 87],
    message: 'the stations are even',
  });
  t.deepEqual(
    (await report())?.after,
    proxies.map(({ sessions }) => sessions).sort((a, b) => b - a),
  );
  t.true(proxies.every(({ sessions }) => Math.abs(sessions - 400 / 3) <= 0.2 * (400 / 3)));
  t.true(proxies.every(({ order }) => order?.mode === 'accepting' && order.leaving === undefined));
  t.deepEqual(
    proxies.map(({ orders }) => orders.map(({ mode }) => mode)),
    proxies.map(() => ['shedding', 'accepting']),
  );
  const messages = async () => {
    const { items } = (await scene.get<{ items: { reason: string; message: string }[] }>('events')) ?? {
      items: [],
    };
    return items.filter(({ reason }) => reason === 'Rebalanced').map(({ message }) => message);
  };
  await eventually(t, async () => (await messages()).length, 1);
  t.regex(
    (await messages())[0] ?? '',
    /before 226, 87, 87; after 1\d\d, 1\d\d, 1\d\d; the stations are even/,
  );
  const passes = await scene.passes();
  await eventually(t, async () => (await scene.passes()) > passes + 3, true);
  t.is(proxies[0]?.orders.length, 2, 'nothing happens again');
});
