/** The life of a cluster on a real API server: operator upgrades, pauses, its password and its volume. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { RENDER_REVISION } from '../../../operator/render/revision.ts';
import type { ApiConnection } from '../../support/api-server.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { until } from '../../support/until.ts';
import { ALL, eventually, KINDS, Scene } from './operator-scene.ts';

const shared = commonApiServer(test);

/** A test in a namespace with an operator; skipped without an API server. */
const inScene = (
  title: string,
  body: (t: ExecutionContext, scene: Scene, api: ApiConnection) => Promise<void>,
) =>
  test(
    title,
    shared.on(async (t, api) => {
      await using scene = await Scene.open(api);
      await body(t, scene, api);
    }),
  );

interface Template extends KubeObject {
  readonly spec: {
    readonly paused?: boolean;
    readonly updateStrategy?: { readonly rollingUpdate?: { readonly partition?: number } };
    readonly replicas: number;
    readonly template: { readonly spec: { containers: readonly { readonly image: string }[] } };
  };
}
const WORKLOADS = ['deployments/city-processor', 'deployments/city-ws-proxy', 'statefulsets/city-redis'];
const templates = (scene: Scene) =>
  Promise.all(WORKLOADS.map(async (place) => (await scene.get<Template>(place))?.spec.template));
/** Of a cluster of release 0.1.0: its Pods have their settings in their templates. */
const ALL_OF_0_1 = ALL.filter((place) => !place.startsWith('configmaps/'));
const whole = (t: ExecutionContext, scene: Scene, all = ALL) =>
  eventually(t, () => scene.names(...KINDS), all);
const annotate = (scene: Scene, annotations: Readonly<Record<string, string | null>>) =>
  scene.patch('ocppclusters/city', { metadata: { annotations } });

inScene(
  'a new operator keeps image and templates of release 0.1.0 until the spec asks for an upgrade',
  async (t, scene, api) => {
    await scene[Symbol.asyncDispose]();
    await scene.create({});
    // As written by the operator of release 0.1.0.
    await scene.patch('ocppclusters/city/status', {
      status: { image: 'example.com/ocpp:0.1.0', imageRequested: ':' },
    });
    await using newer = await Scene.open(api, {
      namespace: scene.namespace,
      image: 'example.com/ocpp:0.2.0',
    });
    await whole(t, newer, ALL_OF_0_1);
    const [first] = await newer.proxySets();
    const found = await templates(newer);
    t.is(found[1]?.spec.containers[0]?.image, 'example.com/ocpp:0.1.0');
    t.false(JSON.stringify(found).includes('topology.kubernetes.io/zone'), 'revision 1 knows no zones');
    t.false(JSON.stringify(found).includes('redis-login'), 'nor a password');
    t.deepEqual(await newer.names('secrets'), []);
    await eventually(t, async () => (await newer.status()).renderRevision, 1);
    await eventually(t, async () => (await newer.status()).redis?.image, 'redis:7');

    await newer.patch('ocppclusters/city', { spec: { upgrade: 'Auto' } });
    await eventually(t, async () => (await newer.status()).image, 'example.com/ocpp:0.2.0');
    await eventually(t, async () => (await newer.status()).renderRevision, RENDER_REVISION);
    const moved = await templates(newer);
    const sets = await newer.proxySets();
    t.is(sets.length, 2, 'the new template is a set of its own');
    const kept = sets.find(({ metadata }) => metadata.name === first?.metadata.name);
    t.deepEqual(kept?.spec, first?.spec);
    t.true(JSON.stringify(moved[1]).includes('topology.kubernetes.io/zone'));
    t.false(
      JSON.stringify(moved).includes('redis-login'),
      'a Redis without a password keeps none: server and clients cannot change at the same moment',
    );
  },
);

inScene(
  'an operator older than the cluster does not replace its Pods, and says so',
  async (t, scene, api) => {
    await scene.create({});
    await whole(t, scene);
    await scene.settleAll();
    await scene[Symbol.asyncDispose]();
    const status = { ...(await scene.status()), renderRevision: RENDER_REVISION + 1 };
    await scene.patch('ocppclusters/city/status', { status });
    // As the newer operator would: a template that this one does not render.
    await scene.patch('deployments/city-ws-proxy', {
      metadata: { annotations: { 'ocpp.dev/template-hash': 'of-another-operator' } },
      spec: { replicas: 3, template: { metadata: { annotations: { newer: '1' } } } },
    });
    const template = (await scene.get<Template>('deployments/city-ws-proxy'))?.spec.template;
    await using older = await Scene.open(api, { namespace: scene.namespace });
    const held = async () =>
      (await Promise.all(WORKLOADS.map((place) => older.get<Template>(place)))).map(
        (one) => one?.spec.paused ?? one?.spec.updateStrategy?.rollingUpdate?.partition ?? one?.spec.replicas,
      );
    await eventually(t, held, [true, 2, 1], 'a proxy set keeps its template and gets its replicas');
    await eventually(t, async () => (await older.condition('Progressing')).reason, 'MadeByNewerOperator');
    t.deepEqual((await older.get<Template>('deployments/city-ws-proxy'))?.spec.template, template);
    t.is((await older.proxySets()).length, 1);
    t.regex((await older.condition('Progressing')).message ?? '', /Upgrade the operator, or set/);
    t.is(
      (await older.status()).renderRevision,
      RENDER_REVISION + 1,
      'the newer operator finds the cluster unchanged',
    );
  },
);

inScene('paused: nothing but the status is written; resumed: drift is repaired', async (t, scene) => {
  await scene.create({});
  await whole(t, scene);
  await scene.settleAll();
  await eventually(t, async () => (await scene.status()).phase, 'Running');
  await annotate(scene, { 'ocpp.dev/paused': 'true' });
  await eventually(t, async () => (await scene.status()).phase, 'Paused');
  t.regex((await scene.condition('Progressing')).message ?? '', /ocpp\.dev\/paused is "true"/);
  await scene.delete('services/city-redis');
  await scene.patch('ocppclusters/city', { spec: { proxy: { replicas: 3 } } });
  await eventually(t, async () => (await scene.status()).observedGeneration, 2);
  const passes = await scene.passes();
  await eventually(t, async () => (await scene.passes()) > passes + 3, true);
  t.is(await scene.get('services/city-redis'), undefined);
  t.is((await scene.get<Template>('deployments/city-ws-proxy'))?.spec.replicas, 2);
  await annotate(scene, { 'ocpp.dev/paused': null });
  await whole(t, scene);
  await eventually(t, async () => (await scene.get<Template>('deployments/city-ws-proxy'))?.spec.replicas, 3);
  const reasons = async () => {
    const { items = [] } = (await scene.get<{ items: { reason: string }[] }>('events')) ?? {};
    return ['Paused', 'Resumed'].every((reason) => items.some((one) => one.reason === reason));
  };
  await eventually(t, reasons, true);
});

inScene(
  'pause-rollouts keeps Pods and applies everything else; pause-scale-in allows only scale-out',
  async (t, scene) => {
    await scene.create({ processor: { replicas: 4, autoscaling: { mode: 'Off' } } });
    await eventually(t, async () => (await scene.names(...KINDS)).length, ALL.length + 1, 'and a budget');
    await scene.settleAll();
    const [before] = await scene.proxySets();
    await annotate(scene, { 'ocpp.dev/pause-rollouts': 'true', 'ocpp.dev/pause-scale-in': 'true' });
    await scene.patch('ocppclusters/city', {
      spec: {
        proxy: { replicas: 3, podTemplate: { nodeSelector: { disk: 'ssd' } } },
        processor: { replicas: 2 },
      },
    });
    await eventually(t, async () => (await scene.condition('Progressing')).reason, 'RolloutsPaused');
    const replicasOf = async () => (await scene.proxySets()).map(({ spec }) => spec.replicas);
    await eventually(t, replicasOf, [3]);
    t.deepEqual((await scene.proxySets())[0]?.spec.template, before?.spec.template);
    await eventually(t, async () => (await scene.status()).observedGeneration, 2);
    t.is((await scene.get<Template>('deployments/city-processor'))?.spec.replicas, 4);
    t.regex((await scene.condition('AutoscalingActive')).message ?? '', /pause-scale-in/);
    await annotate(scene, { 'ocpp.dev/pause-rollouts': 'no', 'ocpp.dev/pause-scale-in': null });
    await eventually(t, replicasOf, [3, 3], 'the rollout begins');
    t.like((await scene.get<Template>('deployments/city-ws-proxy'))?.spec.template.spec, {
      nodeSelector: { disk: 'ssd' },
    });
    await eventually(
      t,
      async () => (await scene.get<Template>('deployments/city-processor'))?.spec.replicas,
      2,
    );
  },
);

interface Secret extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

inScene(
  'the password is created once, survives operator upgrades, and is created again only when it is gone',
  async (t, scene, api) => {
    await scene.create({});
    await whole(t, scene);
    const [place = ''] = await scene.names('secrets');
    const password = async () => {
      const data: Secret['data'] = (await scene.get<Secret>(place))?.data ?? {};
      return Buffer.from(data['password'] ?? '', 'base64').toString();
    };
    const first = await password();
    t.regex(first, /^[\w-]{32}$/);
    t.is(`secrets/${(await scene.status()).redis?.passwordSecretName}`, place);
    await scene[Symbol.asyncDispose]();
    await using next = await Scene.open(api, { namespace: scene.namespace });
    await eventually(t, async () => (await next.passes()) > 3, true);
    t.is(await password(), first, 'another operator found it and did not change it');
    await next.patch(place, { stringData: { password: 'mine' } });
    await next.patch('ocppclusters/city', { spec: { proxy: { replicas: 3 } } });
    await eventually(t, async () => (await next.status()).observedGeneration, 2);
    t.is(await password(), 'mine', 'fields of the user stay');
    await next.delete(place);
    await eventually(t, async () => (await password()).length, 32, 'a deleted password is created again');
    t.not(await password(), first);
    await next.create({ redis: { embedded: { passwordSecretName: 'own' } } }, 'other');
    await eventually(t, async () => (await next.status('other')).redis?.passwordSecretName, 'own');
    t.deepEqual(await next.names('secrets'), [place], 'a Secret named by the user is not created');
  },
);

inScene(
  'a larger size is requested from the volume claim, and the StatefulSet keeps its size',
  async (t, scene, api) => {
    const storageClass = {
      metadata: { name: scene.namespace },
      provisioner: 'example.org/none',
      allowVolumeExpansion: true,
    };
    await api.http.json({
      method: 'POST',
      path: '/apis/storage.k8s.io/v1/storageclasses',
      body: storageClass,
    });
    const storage = { size: '1Gi', storageClassName: scene.namespace };
    await scene.create({ redis: { embedded: { storage } } });
    await whole(t, scene);
    const place = 'persistentvolumeclaims/data-city-redis-0';
    await scene.post('persistentvolumeclaims', {
      metadata: { name: 'data-city-redis-0' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        storageClassName: scene.namespace,
        volumeName: 'somewhere',
      },
    });
    const grow = (size: string) =>
      scene.patch('ocppclusters/city', { spec: { redis: { embedded: { storage: { size } } } } });
    // An unbound volume cannot grow: the condition quotes the API server.
    await grow('2Gi');
    await eventually(t, async () => (await scene.condition('Degraded')).reason, 'Refused');
    t.regex(
      (await scene.condition('Degraded')).message ?? '',
      /PersistentVolumeClaim\/data-city-redis-0 was refused: /,
    );
    await scene.patch(`${place}/status`, { status: { phase: 'Bound' } });
    await eventually(t, async () => (await scene.condition('Degraded')).status, 'False');
    await grow('3Gi');
    await eventually(t, async () => (await scene.status()).redis?.storage, '3Gi');
    const claim = await scene.get<KubeObject & { readonly spec: object }>(place);
    t.like(claim?.spec, { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '3Gi' } } });
    t.is((await scene.get('statefulsets/city-redis'))?.metadata.generation, 1, 'not touched');
  },
);

inScene(
  'a deleted volume claim of the embedded Redis is reported while its Pod still keeps it',
  async (t, scene) => {
    t.timeout(90_000);
    await scene.create({});
    await whole(t, scene);
    await scene.post('persistentvolumeclaims', {
      metadata: { name: 'data-city-redis-0', finalizers: ['example.org/in-use'] },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        volumeName: 'pv-7',
      },
    });
    await scene.delete('persistentvolumeclaims/data-city-redis-0');
    await until(
      async () => (await scene.condition('Degraded')).reason === 'VolumeTerminating',
      'the report',
      60_000,
    );
    t.regex((await scene.condition('Degraded')).message ?? '', /data-city-redis-0 .*patch pv pv-7/);
  },
);

inScene('a lost or removed status changes nothing and is written again', async (t, scene, api) => {
  await scene[Symbol.asyncDispose]();
  await scene.create({});
  const status = { image: 'example.com/ocpp:0.1.0', imageRequested: ':' };
  await scene.patch('ocppclusters/city/status', { status });
  const older = await Scene.open(api, { namespace: scene.namespace });
  await whole(t, older, ALL_OF_0_1);
  await eventually(t, async () => (await older.status()).renderRevision, 1);
  await older[Symbol.asyncDispose]();
  const before = await templates(scene);
  await scene.patch('ocppclusters/city/status', { status: null });
  await using newer = await Scene.open(api, {
    namespace: scene.namespace,
    image: 'example.com/ocpp:0.2.0',
  });
  await eventually(t, async () => (await newer.status()).image, 'example.com/ocpp:0.1.0');
  t.is((await newer.status()).renderRevision, 1);
  t.is((await newer.status()).redis?.passwordSecretName, undefined, 'a Redis without a password gets none');
  t.deepEqual(await templates(newer), before);
});

inScene(
  'a cluster deleted without its objects and created again adopts them unchanged',
  async (t, scene, api) => {
    await scene.create({});
    await whole(t, scene);
    const secretName = async (at: Scene) => (await at.status()).redis?.passwordSecretName;
    await eventually(t, async () => typeof (await secretName(scene)), 'string');
    const secret = await secretName(scene);
    const before = await templates(scene);
    await scene[Symbol.asyncDispose]();
    // As the garbage collector does for --cascade=orphan.
    await scene.delete('ocppclusters/city');
    for (const place of ALL) await scene.patch(place, { metadata: { ownerReferences: null } });
    await scene.create({});
    await using newer = await Scene.open(api, {
      namespace: scene.namespace,
      image: 'example.com/ocpp:0.2.0',
    });
    await eventually(t, async () => (await newer.status()).image, 'example.com/ocpp:1');
    t.is(await secretName(newer), secret);
    t.deepEqual(await templates(newer), before);
    const [owner] = (await newer.get('deployments/city-ws-proxy'))?.metadata.ownerReferences ?? [];
    t.is(owner?.uid, (await newer.get('ocppclusters/city'))?.metadata.uid, 'the objects have the new owner');
  },
);

inScene('fields that others add to objects stay, and cost no write', async (t, scene) => {
  await scene.create({});
  await whole(t, scene);
  await scene.patch('deployments/city-ws-proxy', {
    metadata: { annotations: { 'example.org/theirs': '1' }, labels: { theirs: '1' } },
    spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } },
  });
  await scene.patch('services/city-ws-proxy', { metadata: { annotations: { 'lb.example.org/id': 'x' } } });
  await scene.patch('ocppclusters/city', { spec: { proxy: { replicas: 3 } } });
  await eventually(t, async () => (await scene.get('deployments/city-ws-proxy'))?.spec.replicas, 3);
  const proxy = await scene.get<Template>('deployments/city-ws-proxy');
  t.like(proxy?.metadata, { annotations: { 'example.org/theirs': '1' }, labels: { theirs: '1' } });
  t.like(proxy?.spec.template, { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } });
  t.like((await scene.get('services/city-ws-proxy'))?.metadata.annotations, { 'lb.example.org/id': 'x' });
});

inScene('a pass that began before the deletion creates nothing after it', async (t, scene) => {
  await scene.create({});
  await whole(t, scene);
  await scene.settleAll();
  // A scrape of its metrics waits, and the pass with it.
  let asked = 0;
  const silent = createServer(() => (asked += 1)).listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  await scene.pod('ws-proxy', (silent.address() as AddressInfo).port);
  const before = asked;
  await eventually(t, () => Promise.resolve(asked > before), true);
  // Read now: on a slow machine the pass has ended when all is deleted.
  const passes = await scene.passes();
  await scene.delete('ocppclusters/city');
  for (const place of ALL) await scene.delete(place);
  await eventually(t, async () => (await scene.passes()) > passes, true, 'that pass has ended');
  t.deepEqual(await scene.names(...KINDS), []);
});
