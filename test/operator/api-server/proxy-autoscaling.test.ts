/** Autoscaling of proxies by their stations: the whole operator on a real API server, with simulated Pod metrics. */
import test from 'ava';
import { Gauge, Registry } from 'prom-client';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { DELETION_COST } from '../../../operator/reconcile/pod-deletion-costs.ts';
import { METRIC } from '../../../services/contract.ts';
import { type AdminServer, startAdminServer } from '../../../services/runtime/admin-server.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from './operator-scene.ts';

const shared = commonApiServer(test);

/** The admin port of a ws-proxy with this number of stations. */
async function proxyWith(sessions: number): Promise<AdminServer & { has(sessions: number): void }> {
  const registry = new Registry();
  const gauge = new Gauge({ name: METRIC.proxySessions, help: 'x', registers: [registry] });
  gauge.set(sessions);
  const well = () => undefined;
  const admin = await startAdminServer({ host: '127.0.0.1', port: 0, registry, live: well, ready: well });
  return Object.assign(admin, { has: (now: number) => gauge.set(now) });
}

test('proxies follow the stations; scale-in removes one at a time, the emptiest first', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  await using one = await proxyWith(150);
  await using two = await proxyWith(120);
  const first = await Scene.open(server);
  const wanted = async (scene: Scene) => (await scene.get('deployments/city-ws-proxy'))?.spec.replicas;
  const autoscaling = {
    minReplicas: 1,
    maxReplicas: 5,
    targetSessionsPerPod: 100,
    scaleDownStabilizationSeconds: 2,
  };
  await first.create({ proxy: { replicas: 4, autoscaling } });
  await eventually(t, () => wanted(first), 1, 'replicas is ignored');
  const remembered = async (scene: Scene) => (await scene.status()).proxy?.autoscaling;
  await eventually(t, async () => (await remembered(first))?.desiredReplicas, 1);
  t.regex((await remembered(first))?.reason ?? '', /holding 1: the metrics of a ws-proxy Pod are missing/);
  await first.settleAll();
  await first.pod('ws-proxy', one.port);
  await first.pod('ws-proxy', two.port, 'city', 1);
  await eventually(t, () => wanted(first), 3);
  await eventually(t, async () => (await remembered(first))?.desiredReplicas, 3);
  t.like((await first.status()).proxy, {
    sessions: 270,
    autoscaling: { desiredReplicas: 3, reason: '270 stations, 100 per Pod: 3 recommended' },
  });
  t.regex(await first.registry.metrics(), /ocpp_operator_proxies_wanted\{.*\} 3/);
  await first[Symbol.asyncDispose]();

  one.has(5);
  two.has(40);
  await using next = await Scene.open(server, { namespace: first.namespace });
  await eventually(t, async () => (await next.passes()) > 3, true);
  t.is(await wanted(next), 3, 'the Deployment has not shown that its Pods are ready');
  await next.settleAll();
  await eventually(t, () => wanted(next), 2);
  const costOf = async (pod: string) =>
    (await next.get<KubeObject>(`pods/${pod}`))?.metadata.annotations?.[DELETION_COST];
  t.is(await costOf('city-ws-proxy-0'), '5');
  t.is(await costOf('city-ws-proxy-1'), '40');
  await next.settleAll();
  await eventually(t, () => wanted(next), 1);
  const eventRecorded = async () => {
    const { items } = (await next.get<{ items: { reason: string; message: string }[] }>('events')) ?? {
      items: [],
    };
    return items.some(
      ({ reason, message }) => reason === 'ScaledProxies' && message.startsWith('scaled from 3 to 2: 45'),
    );
  };
  await eventually(t, eventRecorded, true);
});

test('the next leader keeps a scale-out whose status was never written', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  const first = await Scene.open(server);
  const autoscaling = { minReplicas: 1, maxReplicas: 5 };
  await first.create({ proxy: { autoscaling }, processor: { autoscaling } });
  const desired = async (scene: Scene) => {
    const { proxy, autoscaling: processor } = await scene.status();
    return [proxy?.autoscaling?.desiredReplicas, processor?.desiredReplicas];
  };
  await eventually(t, () => desired(first), [1, 1]);
  await first[Symbol.asyncDispose]();
  const places = ['deployments/city-ws-proxy', 'deployments/city-processor'];
  for (const place of places) await first.patch(place, { spec: { replicas: 3 } });

  await using second = await Scene.open(server, { namespace: first.namespace });
  await eventually(t, () => desired(second), [3, 3]);
  const wanted = places.map(async (place) => (await second.get(place))?.spec.replicas);
  t.deepEqual(await Promise.all(wanted), [3, 3], 'without readings the number stays');
});
