/** The whole operator on a real API server. */
import test from 'ava';
import { Gauge, Registry } from 'prom-client';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { startAdminServer } from '../../../services/runtime/admin-server.ts';
import { METRIC } from '../../../services/contract.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { ALL, eventually, KINDS, Scene } from './operator-scene.ts';

const shared = commonApiServer(test);
const SET = 'deployments/city-ws-proxy';

test(
  'an empty spec gives all objects, then phase Running, and then costs no request',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({});
    await eventually(t, () => scene.names(...KINDS), ALL);
    await eventually(t, async () => (await scene.status()).phase, 'Pending');
    t.like(await scene.condition('Available'), { status: 'False', reason: 'Starting' });
    t.like(await scene.condition('Progressing'), { status: 'True', observedGeneration: 1 });

    await scene.settleAll();
    await eventually(t, async () => (await scene.status()).phase, 'Running');
    t.like(await scene.status(), {
      observedGeneration: 1,
      image: 'example.com/ocpp:1',
      proxy: { replicas: 2, readyReplicas: 2 },
      processor: { replicas: 1, readyReplicas: 1 },
      endpoints: [`ws://city-ws-proxy.${scene.namespace}.svc:9000/ocpp/{id}`],
    });
    t.is((await scene.status()).queue, undefined, 'an unreported figure is not 0');
    t.like(await scene.condition('AutoscalingActive'), { status: 'False', reason: 'SignalsMissing' });
    t.like(await scene.condition('Degraded'), { status: 'False' });

    const passes = await scene.passes();
    scene.requests = [];
    await eventually(t, async () => (await scene.passes()) >= passes + 10, true);
    t.deepEqual(scene.requestsOfPasses, [], 'ten unchanged passes make no request');
  }),
);

test(
  'drift is repaired: deleted objects are created again, edits are reverted',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({});
    await eventually(t, () => scene.names(...KINDS), ALL);
    const before = await scene.get('deployments/city-ws-proxy');
    await scene.delete('deployments/city-ws-proxy');
    await scene.delete('services/city-redis');
    await eventually(t, () => scene.names(...KINDS), ALL);
    const after = await scene.get('deployments/city-ws-proxy');
    t.not(after?.metadata.uid, before?.metadata.uid);
    t.deepEqual(after?.spec, before?.spec);

    for (const [name, replicas] of [
      ['ws-proxy', 2],
      ['processor', 1],
    ] as const) {
      await scene.patch(`deployments/city-${name}`, { spec: { replicas: 7 } });
      await eventually(
        t,
        async () => (await scene.get(`deployments/city-${name}`))?.spec.replicas,
        replicas,
        name,
      );
    }
  }),
);

test(
  'a change of the spec changes only the affected objects; objects no longer rendered are deleted',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({});
    await eventually(t, () => scene.names(...KINDS), ALL);
    const [first] = await scene.proxySets();
    const all = ALL.map((place) => (place === SET ? `deployments/${first?.metadata.name}` : place));
    const versions = async () =>
      Promise.all(all.map(async (place) => [place, (await scene.get(place))?.metadata.generation]));
    await scene.settleAll();
    const before = await versions();
    await scene.patch('ocppclusters/city', { spec: { proxy: { drain: { ratePerSecond: 150 } } } });
    await eventually(t, async () => (await scene.status()).observedGeneration, 2);
    const settings = await scene.get<KubeObject & { data: object }>('configmaps/city-ws-proxy');
    t.like(settings?.data, { OCPP_DRAIN_RATE: '150' });
    t.deepEqual(await scene.names(...KINDS), ALL, 'Pods take a rate without a rollout');
    t.deepEqual(await versions(), before);

    await scene.patch('ocppclusters/city', { spec: { proxy: { defaultProtocol: 'ocpp1.6' } } });
    await eventually(t, async () => (await scene.status()).observedGeneration, 3);
    t.deepEqual(await scene.names(...KINDS), [...ALL, SET].sort(), 'a second set');
    t.deepEqual(await versions(), before, 'everything else stays as it is');
    await eventually(t, async () => (await scene.condition('Progressing')).reason, 'RollingOut');

    await scene.patch('ocppclusters/city', {
      spec: { processor: { podTemplate: { nodeSelector: { disk: 'ssd' } } } },
    });
    await eventually(t, async () => (await scene.status()).observedGeneration, 4);
    const changed = (await versions()).filter(([, generation], index) => before[index]?.[1] !== generation);
    t.deepEqual(
      changed.map(([place]) => place),
      ['deployments/city-processor'],
    );

    await scene.patch('ocppclusters/city', { spec: { proxy: { replicas: 1 } } });
    const left = [...ALL, SET].filter((place) => !place.startsWith('pod')).sort();
    await eventually(t, () => scene.names(...KINDS), left);
  }),
);

test(
  'an object of another owner is not touched and reported as NameTaken, until the name is free',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    const theirs = { metadata: { name: 'city-ws-proxy' }, spec: { ports: [{ port: 1 }] } };
    await scene.post('services', theirs);
    await scene.create({});
    await eventually(t, async () => (await scene.status()).phase, 'Degraded');
    const { reason, message } = await scene.condition('Degraded');
    t.is(reason, 'NameTaken');
    t.regex(message ?? '', /Service\/city-ws-proxy already exists and has another owner; delete it or/);
    t.like(await scene.get('services/city-ws-proxy'), theirs);
    t.deepEqual(await scene.names(...KINDS), ALL, 'the other objects are created');
    const degraded = async () => {
      const text = await scene.registry.metrics();
      return /cluster_condition\{[^}]*cluster="city",condition="Degraded"\} (\d)/.exec(text)?.[1];
    };
    t.is(await degraded(), '1');
    await scene.delete('services/city-ws-proxy');
    await eventually(t, async () => (await scene.condition('Degraded')).status, 'False');
    t.like(await scene.get('services/city-ws-proxy'), { spec: { ports: [{ port: 9000 }] } });
    t.is(await degraded(), '0');
    await scene.delete('ocppclusters/city');
    await eventually(t, degraded, undefined, 'a deleted cluster has no series');
  }),
);

test(
  'a new cluster of the same name waits for leftovers of the deleted one without being Degraded',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({});
    await eventually(t, () => scene.names(...KINDS), ALL);
    const [leftover] = await scene.proxySets();
    // No garbage collector runs here, so the owned objects stay.
    await scene.delete('ocppclusters/city');
    await scene.create({});
    await eventually(t, async () => (await scene.condition('Progressing')).reason, 'BeingReplaced');
    t.regex(
      (await scene.condition('Progressing')).message ?? '',
      /creates it again after Kubernetes has removed it/,
    );
    t.is((await scene.condition('Degraded')).status, 'False');
    const leftovers = ALL.filter((place) => place !== SET);
    for (const place of leftovers) await scene.delete(place);
    await scene.delete(`deployments/${leftover?.metadata.name}`);
    await eventually(t, async () => (await scene.condition('Progressing')).reason, 'Updating');
    t.deepEqual(await scene.names(...KINDS), ALL);
  }),
);

test(
  'an object that the API server refuses is reported with the reason and does not block the others',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({ proxy: { podTemplate: { tolerations: [{ operator: 'Sometimes' }] } } });
    await eventually(t, async () => (await scene.condition('Degraded')).reason, 'Refused');
    const { message } = await scene.condition('Degraded');
    t.regex(
      message ?? '',
      /Deployment\/city-ws-proxy-[0-9a-f]{10} was refused: .*tolerations\[0\]\.operator/,
    );
    t.deepEqual(
      await scene.names(...KINDS),
      ALL.filter((place) => place !== 'deployments/city-ws-proxy'),
    );
    await scene.patch('ocppclusters/city', { spec: { proxy: { podTemplate: { tolerations: null } } } });
    await eventually(t, () => scene.names(...KINDS), ALL);
    await eventually(t, async () => (await scene.condition('Degraded')).status, 'False');
  }),
);

test(
  'an operator upgrade keeps the image of existing clusters; new clusters get the new image',
  shared.on(async (t, api) => {
    const imageOf = async (scene: Scene, name: string) =>
      (await scene.get(`deployments/${name}-ws-proxy`))?.spec.template.spec.containers[0]?.['image'];
    const first = await Scene.open(api, { image: 'localhost:5000/ocpp:1' });
    await first.create({}, 'old');
    await eventually(t, async () => (await first.status('old')).image, 'localhost:5000/ocpp:1');
    await first[Symbol.asyncDispose]();

    await using second = await Scene.open(api, {
      namespace: first.namespace,
      image: 'localhost:5000/ocpp:2',
    });
    await second.create({ image: { repository: 'mirror/ocpp' } }, 'fresh');
    await eventually(t, () => imageOf(second, 'fresh'), 'mirror/ocpp:2');
    await eventually(t, async () => (await second.passes()) > 10, true);
    t.is(await imageOf(second, 'old'), 'localhost:5000/ocpp:1');
    await second.patch('ocppclusters/old', { spec: { image: { tag: '3' } } });
    await eventually(t, () => imageOf(second, 'old'), 'localhost:5000/ocpp:3');
  }),
);

test(
  'a backlog raises the number of processors; a lost Redis is reported; missing readings hold the number',
  shared.on(async (t, api) => {
    const registry = new Registry();
    const gauge = (name: string) => new Gauge({ name, help: name, registers: [registry] });
    const depth = gauge(METRIC.queueDepth);
    const readings: Readonly<Record<string, number>> = {
      [METRIC.queueOldestSeconds]: 1,
      [METRIC.queueInFlight]: 3,
      [METRIC.proxySessions]: 17,
      [METRIC.proxyForwarded]: 100,
    };
    for (const [name, value] of Object.entries(readings)) gauge(name).set(value);
    const stamp: Gauge = new Gauge({
      name: METRIC.queueSampledAt,
      help: 'x',
      registers: [registry],
      collect: () => stamp.set(Date.now() / 1000),
    });
    const well = () => undefined;
    await using admin = await startAdminServer({
      host: '127.0.0.1',
      port: 0,
      registry,
      live: well,
      ready: well,
    });
    const first = await Scene.open(api);
    await first.create({});
    await eventually(t, () => first.names(...KINDS), ALL);
    await first.settleAll();
    await first.pod('ws-proxy', admin.port);
    await eventually(t, async () => (await first.condition('AutoscalingActive')).status, 'True');
    await eventually(t, async () => (await first.status()).phase, 'Running');

    const before = (await first.get('ocppclusters/city'))?.metadata.resourceVersion;
    await first[Symbol.asyncDispose]();
    await using scene = await Scene.open(api, { namespace: first.namespace });
    await eventually(t, async () => (await scene.passes()) >= 10, true);
    const after = (await scene.get('ocppclusters/city'))?.metadata.resourceVersion;
    t.is(after, before, 'an operator that has just started reports no missing signals');

    depth.set(12_000);
    await eventually(t, async () => (await scene.get('deployments/city-processor'))?.spec.replicas, 3);
    await eventually(t, async () => (await scene.status()).autoscaling?.desiredReplicas, 3);
    t.like(await scene.status(), {
      proxy: { sessions: 17 },
      queue: { depth: 12_000, inFlight: 3 },
      autoscaling: { lastScaleDirection: 'Up' },
    });

    await scene.settleAll();
    await scene.settle('statefulsets/city-redis', 0);
    await eventually(t, async () => (await scene.condition('RedisReady')).status, 'False');
    await eventually(t, async () => (await scene.status()).phase, 'Degraded');
    const reasons = async () => {
      const { items = [] } = (await scene.get<{ items: { reason: string }[] }>('events')) ?? {};
      return ['Available', 'ScaledProcessors', 'RedisLost'].filter((one) =>
        items.some(({ reason }) => reason === one),
      );
    };
    await eventually(t, reasons, ['Available', 'ScaledProcessors', 'RedisLost']);

    await scene.delete('pods/city-ws-proxy-0');
    await eventually(t, async () => (await scene.condition('AutoscalingActive')).reason, 'SignalsMissing');
    t.is((await scene.get('deployments/city-processor'))?.spec.replicas, 3);
  }),
);
