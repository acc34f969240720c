/** A cluster through its life on a real API server: upgrades of the operator, pauses, its password and its volume. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { RENDER_REVISION } from '../../../operator/render/revision.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import { ALL, eventually, KINDS, Scene } from './operator-scene.ts';

const shared = sharedApiServer(test);

/** A test in a namespace with an operator, where there is an API server. */
const inScene = (title: string, body: (t: ExecutionContext, scene: Scene, api: ApiServer) => Promise<void>) =>
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
const whole = (t: ExecutionContext, scene: Scene) => eventually(t, () => scene.names(...KINDS), ALL);
const annotate = (scene: Scene, annotations: Readonly<Record<string, string | null>>) =>
  scene.patch('ocppclusters/city', { metadata: { annotations } });

inScene(
  'a new operator keeps image and templates of release 0.1.0 until it is asked',
  async (t, scene, api) => {
    await scene[Symbol.asyncDispose]();
    await scene.create({});
    // What the operator of release 0.1.0 has written.
    await scene.patch('ocppclusters/city/status', {
      status: { image: 'example.com/ocpp:0.1.0', imageRequested: ':' },
    });
    await using newer = await Scene.open(api, {
      namespace: scene.namespace,
      image: 'example.com/ocpp:0.2.0',
    });
    await whole(t, newer);
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
    t.true(JSON.stringify(moved[1]).includes('topology.kubernetes.io/zone'));
    t.false(
      JSON.stringify(moved).includes('redis-login'),
      'a Redis without a password stays so: clients and it cannot change at once',
    );
  },
);

inScene(
  'an operator older than the cluster leaves its Pods as they are, and says so',
  async (t, scene, api) => {
    await scene.create({});
    await whole(t, scene);
    await scene.settleAll();
    await scene[Symbol.asyncDispose]();
    const status = { ...(await scene.status()), renderRevision: RENDER_REVISION + 1 };
    await scene.patch('ocppclusters/city/status', { status });
    await using older = await Scene.open(api, { namespace: scene.namespace });
    const held = async () =>
      (await Promise.all(WORKLOADS.map((place) => older.get<Template>(place)))).map(
        (one) => one?.spec.paused ?? one?.spec.updateStrategy?.rollingUpdate?.partition,
      );
    await eventually(t, held, [true, true, 1]);
    // As its controller would: a template that is held has no Pods.
    await older.patch('deployments/city-ws-proxy/status', {
      status: { observedGeneration: 9, replicas: 2, readyReplicas: 2, updatedReplicas: 0 },
    });
    await eventually(t, async () => (await older.condition('Progressing')).reason, 'MadeByNewerOperator');
    t.regex((await older.condition('Progressing')).message ?? '', /Upgrade the operator, or set/);
    t.is((await older.status()).renderRevision, RENDER_REVISION + 1, 'the newer one finds it as it left it');
  },
);

inScene('paused: nothing is written, whatever happens; resumed: it is put right', async (t, scene) => {
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
  'pause-rollouts holds Pods and lets everything else through; pause-scale-in only grows',
  async (t, scene) => {
    await scene.create({ processor: { replicas: 4, autoscaling: { mode: 'Off' } } });
    await eventually(t, async () => (await scene.names(...KINDS)).length, ALL.length + 1, 'and a budget');
    await scene.settleAll();
    await annotate(scene, { 'ocpp.dev/pause-rollouts': 'true', 'ocpp.dev/pause-scale-in': 'true' });
    await scene.patch('ocppclusters/city', {
      spec: {
        proxy: { replicas: 3, podTemplate: { nodeSelector: { disk: 'ssd' } } },
        processor: { replicas: 2 },
      },
    });
    await eventually(
      t,
      async () => (await scene.get<Template>('deployments/city-ws-proxy'))?.spec.paused,
      true,
    );
    await eventually(
      t,
      async () => (await scene.get<Template>('deployments/city-ws-proxy'))?.spec.replicas,
      3,
    );
    await eventually(t, async () => (await scene.status()).observedGeneration, 2);
    t.is((await scene.get<Template>('deployments/city-processor'))?.spec.replicas, 4);
    t.regex((await scene.condition('AutoscalingActive')).message ?? '', /pause-scale-in/);
    await annotate(scene, { 'ocpp.dev/pause-rollouts': 'no', 'ocpp.dev/pause-scale-in': null });
    await eventually(
      t,
      async () => (await scene.get<Template>('deployments/city-ws-proxy'))?.spec.paused,
      undefined,
    );
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
  'the password is made once, survives operators, and is made anew only when it is gone',
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
    t.is(await password(), first, 'another operator found it and left it');
    await next.patch(place, { stringData: { password: 'mine' } });
    await next.patch('ocppclusters/city', { spec: { proxy: { replicas: 3 } } });
    await eventually(t, async () => (await next.status()).observedGeneration, 2);
    t.is(await password(), 'mine', 'what a person wrote stays');
    await next.delete(place);
    await eventually(t, async () => (await password()).length, 32, 'what is gone is made anew');
    t.not(await password(), first);
    await next.create({ redis: { embedded: { passwordSecretName: 'own' } } }, 'other');
    await eventually(t, async () => (await next.status('other')).redis?.passwordSecretName, 'own');
    t.deepEqual(await next.names('secrets'), [place], 'a Secret of theirs is theirs to make');
  },
);

inScene(
  'a larger volume is asked for where it is, and the StatefulSet keeps its size',
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
    // A volume that is not bound cannot grow: the API server's word, told on.
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
  'a status that was lost, or taken away, changes nothing and is written anew',
  async (t, scene, api) => {
    await scene[Symbol.asyncDispose]();
    await scene.create({});
    const status = { image: 'example.com/ocpp:0.1.0', imageRequested: ':' };
    await scene.patch('ocppclusters/city/status', { status });
    const older = await Scene.open(api, { namespace: scene.namespace });
    await whole(t, older);
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
  },
);

inScene(
  'a cluster that was deleted with its objects left, and made anew, is the one it was',
  async (t, scene, api) => {
    await scene.create({});
    await whole(t, scene);
    const secret = (await scene.status()).redis?.passwordSecretName;
    const before = await templates(scene);
    await scene[Symbol.asyncDispose]();
    // As the garbage collector does with --cascade=orphan.
    await scene.delete('ocppclusters/city');
    for (const place of ALL) await scene.patch(place, { metadata: { ownerReferences: null } });
    await scene.create({});
    await using newer = await Scene.open(api, {
      namespace: scene.namespace,
      image: 'example.com/ocpp:0.2.0',
    });
    await eventually(t, async () => (await newer.status()).image, 'example.com/ocpp:1');
    t.is((await newer.status()).redis?.passwordSecretName, secret);
    t.deepEqual(await templates(newer), before);
    const [owner] = (await newer.get('deployments/city-ws-proxy'))?.metadata.ownerReferences ?? [];
    t.is(owner?.uid, (await newer.get('ocppclusters/city'))?.metadata.uid, 'and owns them again');
  },
);

inScene('what others add to our objects stays, and costs no write', async (t, scene) => {
  await scene.create({});
  await whole(t, scene);
  await scene.patch('deployments/city-ws-proxy', {
    metadata: { annotations: { 'example.org/theirs': '1' }, labels: { theirs: '1' } },
    spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } },
  });
  await scene.patch('services/city-ws-proxy', { metadata: { annotations: { 'lb.example.org/id': 'x' } } });
  await scene.patch('ocppclusters/city', { spec: { proxy: { drain: { ratePerSecond: 99 } } } });
  await eventually(t, async () => (await scene.status()).observedGeneration, 2);
  const proxy = await scene.get<Template>('deployments/city-ws-proxy');
  t.like(proxy?.metadata, { annotations: { 'example.org/theirs': '1' }, labels: { theirs: '1' } });
  t.like(proxy?.spec.template, { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } });
  t.like((await scene.get('services/city-ws-proxy'))?.metadata.annotations, { 'lb.example.org/id': 'x' });
});

inScene('a pass that began before the deletion makes nothing after it', async (t, scene) => {
  await scene.create({});
  await whole(t, scene);
  await scene.settleAll();
  // Whoever asks it for metrics waits, and the pass with it.
  let asked = 0;
  const silent = createServer(() => (asked += 1)).listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  await scene.pod('ws-proxy', (silent.address() as AddressInfo).port);
  const before = asked;
  await eventually(t, () => Promise.resolve(asked > before), true);
  await scene.delete('ocppclusters/city');
  for (const place of ALL) await scene.delete(place);
  const passes = await scene.passes();
  await eventually(t, async () => (await scene.passes()) > passes, true, 'that pass is over');
  t.deepEqual(await scene.names(...KINDS), []);
});
