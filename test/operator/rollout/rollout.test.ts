/** Rollouts with two proxy sets on a real API server: the operator is whole, controllers, Pods and stations are simulated. */
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import { adminAccess } from '../../../operator/render/admin-access.ts';
import { renderObjects } from '../../../operator/render/objects.ts';
import type { ApiConnection } from '../../support/api-server.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { SimulatedPods } from './simulated-pods.ts';
import { eventually, Scene, type SceneOptions } from '../api-server/operator-scene.ts';

const shared = commonApiServer(test);

const IMAGE = 'example.com/ocpp:0.2.0';
const PLAIN = 'city-ws-proxy';
const adminKey = Buffer.alloc(32, 'k');
/** The stations of a move of 10 stations and more. */
const STATIONS = 30;
const SPEC = { proxy: { rollout: { minReadySeconds: 0, revisionHistoryLimit: 1 } } };

/** A clock that tests move on. */
class SteppedClock {
  #ahead = 0;
  now(): number {
    return Date.now() + this.#ahead;
  }
  advance(ms: number): void {
    this.#ahead += ms;
  }
}

interface Stage {
  readonly api: ApiConnection;
  readonly clock: SteppedClock;
  readonly options: SceneOptions;
}

/** A namespace with a cluster, and no operator. */
async function stage(
  api: ApiConnection,
): Promise<Stage & { readonly cluster: OcppCluster; readonly idle: Scene }> {
  const clock = new SteppedClock();
  const idle = await Scene.open(api);
  await idle[Symbol.asyncDispose]();
  await idle.create(SPEC);
  const cluster = (await idle.get<OcppCluster>('ocppclusters/city')) as OcppCluster;
  return { api, clock, idle, cluster, options: { namespace: idle.namespace, image: IMAGE, adminKey, clock } };
}

/** What release 0.2.0 made of it. */
async function asRelease020(api: ApiConnection, idle: Scene, cluster: OcppCluster): Promise<void> {
  const redisPasswordSecret = 'city-redis-1';
  const context = {
    image: IMAGE,
    redisImage: 'redis:7',
    processorReplicas: 1,
    renderRevision: 2,
    redisPasswordSecret,
  };
  const store = new KubeObjectStore(api.http);
  for (const object of renderObjects(cluster, context)) await store.apply(object);
  const redis = { image: 'redis:7', passwordSecretName: redisPasswordSecret, storage: '1Gi' };
  const status = { image: IMAGE, imageRequested: ':', renderRevision: 2, redis };
  await idle.patch('ocppclusters/city/status', { status });
}

const podsOf = (scene: Scene, cluster: OcppCluster, legacy?: string) =>
  new SimulatedPods(scene, {
    token: adminAccess(cluster, adminKey).token,
    stations: STATIONS,
    ...(legacy !== undefined && { legacy }),
  });

const phase = async (scene: Scene) => (await scene.status()).rollout?.phase;
const setNames = async (scene: Scene) =>
  (await scene.proxySets()).map(({ metadata }) => metadata.name).sort();

/** Until the rollout to this set has ended; time passes faster than it does. */
async function finish(t: ExecutionContext, scene: Scene, { clock }: Stage, set: string): Promise<void> {
  const seen = async () => {
    clock.advance(2000);
    const { toSet, phase: reached, message } = (await scene.status()).rollout ?? {};
    return [toSet, reached, message];
  };
  await eventually(t, seen, [set, 'Completed', 'all stations have moved']);
}

/** Changes the image. Resolves to the name of the new set when its Deployment exists; it is younger than all others. */
async function changeImage(t: ExecutionContext, scene: Scene, tag: string): Promise<string> {
  await eventually(t, async () => (await scene.condition('Progressing')).reason, 'Settled');
  const before = await setNames(scene);
  // Times of creation have whole seconds.
  await delay(1000);
  await scene.patch('ocppclusters/city', { spec: { image: { tag } } });
  const added = async () => (await setNames(scene)).filter((name) => !before.includes(name));
  await eventually(t, async () => (await added()).length, 1, 'a second set');
  return (await added())[0] ?? '';
}

test(
  'the Deployment of release 0.2.0 is adopted as it is; a changed image moves its stations to a second set',
  shared.on(async (t, api) => {
    const given = await stage(api);
    const { idle, cluster } = given;
    await asRelease020(api, idle, cluster);
    const [before] = await idle.proxySets();
    t.like(before?.metadata, { name: PLAIN, generation: 1 });
    await using pods = podsOf(idle, cluster, PLAIN);
    await eventually(t, () => Promise.resolve(pods.stations), { [PLAIN]: STATIONS });

    await using scene = await Scene.open(api, given.options);
    const adopted = async () =>
      (await scene.proxySets()).map(({ metadata }) => metadata.annotations?.['ocpp.dev/template-hash']);
    await eventually(t, async () => (await adopted()).every((hash) => hash !== undefined), true);
    await eventually(t, async () => (await scene.condition('Progressing')).reason, 'Settled');
    const [after] = await scene.proxySets();
    t.is(after?.metadata.uid, before?.metadata.uid);
    t.deepEqual(after?.spec, before?.spec);
    t.is(after?.metadata.generation, 2, 'for the annotation: the API server counts those too');
    t.is((await scene.status()).renderRevision, 2);
    t.deepEqual(pods.history, [`every set: selected`, `${PLAIN}: 2 Pods`]);

    scene.requests = [];
    const added = await changeImage(t, scene, '0.3.0');
    const writes = scene.requests.filter((one) =>
      /^PATCH .*\/(services|deployments)\/city-ws-proxy/.test(one),
    );
    t.deepEqual(
      writes.slice(0, 2).map((one) => one.split('/').slice(-2).join('/')),
      [`services/${PLAIN}`, `deployments/${added}`],
      'the Service is pinned before new Pods can exist',
    );
    await finish(t, scene, given, added);
    t.deepEqual(pods.history.slice(2), [
      `hash of-${PLAIN}: selected`,
      `${added}: 2 Pods`,
      `${added}: tested`,
      `${added}: selected`,
      `${PLAIN}: 1 Pods`,
      `${PLAIN}: 0 Pods`,
    ]);
    t.deepEqual(pods.stations, { [added]: STATIONS });
    t.is(pods.moves, STATIONS, 'each moved once');
    t.like((await scene.status()).proxy, { servingSet: added, readyReplicas: 2 });
    t.deepEqual(await setNames(scene), [PLAIN, added], 'the old one is kept for a way back');
  }),
);

test(
  'a set whose Pods take orders: some stations move first, then Pod after Pod; its Deployment ends with 0 replicas',
  shared.on(async (t, api) => {
    const given = await stage(api);
    const { idle, cluster } = given;
    await using scene = await Scene.open(api, given.options);
    await using pods = podsOf(idle, cluster);
    await eventually(t, () => Promise.resolve(Object.values(pods.stations)), [STATIONS]);
    const [first = ''] = await setNames(scene);
    const start = pods.history.length;
    const second = await changeImage(t, scene, '0.3.0');
    await finish(t, scene, given, second);
    const history = pods.history.slice(start);
    // The orders of one pass are sent at the same time.
    t.deepEqual(
      [...history.slice(0, 3), ...history.slice(3, 5).sort(), ...history.slice(5)],
      [
        `${second}: 2 Pods`,
        `${second}: tested`,
        `${second}: selected`,
        `${first}: draining 10`,
        `${first}: refusing`,
        `${first}: draining`,
        `${first}: draining`,
        `${first}: 0 Pods`,
      ],
    );
    t.deepEqual(pods.stations, { [second]: STATIONS });
    t.is(pods.moves, STATIONS, 'each moved once');
  }),
);

test(
  'sets beyond revisionHistoryLimit are deleted, the oldest first; none with Pods',
  shared.on(async (t, api) => {
    const given = await stage(api);
    const { idle, cluster } = given;
    await using scene = await Scene.open(api, given.options);
    await using pods = podsOf(idle, cluster);
    const sets = [];
    await eventually(t, async () => (await setNames(scene)).length, 1);
    sets.push(...(await setNames(scene)));
    for (const tag of ['0.3.0', '0.4.0']) {
      const set = await changeImage(t, scene, tag);
      sets.push(set);
      await finish(t, scene, given, set);
    }
    await eventually(t, () => setNames(scene), sets.slice(1).sort());
    await scene.patch('ocppclusters/city', { spec: { image: { tag: '0.3.0' } } });
    await finish(t, scene, given, sets[1] ?? 'an earlier spec uses its set');
    t.deepEqual(await setNames(scene), sets.slice(1).sort());
    t.deepEqual(pods.stations, { [sets[1] ?? '']: STATIONS });
  }),
);

test(
  'the next leader continues a rollout in the phase Moving',
  shared.on(async (t, api) => {
    const given = await stage(api);
    const { idle, cluster } = given;
    const scene = await Scene.open(api, given.options);
    await using pods = podsOf(idle, cluster);
    await eventually(t, () => Promise.resolve(Object.values(pods.stations)), [STATIONS]);
    const [first = ''] = await setNames(scene);
    const second = await changeImage(t, scene, '0.3.0');
    const reached = async () => {
      given.clock.advance(1000);
      return phase(scene);
    };
    await eventually(t, reached, 'FirstPortion');
    await eventually(t, () => Promise.resolve(pods.moves), 10);
    pods.holdsStations = true;
    await eventually(t, reached, 'Moving');
    await scene[Symbol.asyncDispose]();
    const { rollout } = await scene.status();
    t.is(pods.moves, 10);

    pods.holdsStations = false;
    const start = pods.history.length;
    await using next = await Scene.open(api, given.options);
    await finish(t, next, given, second);
    t.is((await next.status()).rollout?.id, rollout?.id);
    t.deepEqual(pods.stations, { [second]: STATIONS });
    t.is(pods.moves, STATIONS, 'each moved once');
    t.is(pods.history.at(-1), `${first}: 0 Pods`);
    t.false(
      pods.history.slice(start).some((event) => /selected|tested/.test(event)),
      'nothing is done again',
    );
  }),
);
