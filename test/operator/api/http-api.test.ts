/** The objects of the HTTP API on a real API server, and its admin token, which the operator writes without reading it. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { type KubeObject, StoreError } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { SECRETS } from '../../../operator/local/kinds.ts';
import { type ApiAdminState, ensureApiAdmin } from '../../../operator/reconcile/api-admin.ts';
import { DeletionGuard } from '../../../operator/reconcile/deletion-guard.ts';
import { OCPP_CLUSTERS, type OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { ownerOf } from '../../../operator/render/render-input.ts';
import { SERVICE_ACCOUNTS } from '../../../operator/render/resources.ts';
import { city } from '../../support/rendered.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';

const shared = commonApiServer(test);

interface Secret extends KubeObject {
  readonly data?: { readonly token?: string };
}

const OBJECTS = [
  'deployments/city-api',
  'rolebindings/city-api',
  'roles/city-api',
  'serviceaccounts/city-api',
  'services/city-api',
];
const KINDS = [
  ...OBJECTS.map((place) => place.split('/')[0] ?? ''),
  'poddisruptionbudgets',
  'networkpolicies',
];
const ofApi = async (scene: Scene) =>
  (await scene.names(...KINDS)).filter((place) => place.endsWith('/city-api'));

test(
  'the API is made when it is enabled, and removed when it is not; its token is written once',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({});
    await eventually(t, async () => (await scene.status()).observedGeneration, 1);
    t.deepEqual(await ofApi(scene), []);
    t.is((await scene.status()).api, undefined);

    await scene.patch('ocppclusters/city', { spec: { api: { enabled: true } } });
    await eventually(t, () => ofApi(scene), OBJECTS);
    const secret = () => scene.get<Secret>('secrets/city-api-admin');
    const written = async () => Buffer.from((await secret())?.data?.token ?? '', 'base64').toString();
    await eventually(t, async () => /^[-\w]{43}$/.test(await written()), true);
    const token = await written();
    const account = await scene.get<KubeObject>('serviceaccounts/city-api');
    const [owner, ...others] = (await secret())?.metadata.ownerReferences ?? [];
    t.deepEqual([owner?.kind, owner?.uid, others.length], ['ServiceAccount', account?.metadata.uid, 0]);
    await scene.settleAll();
    await eventually(t, async () => (await scene.status()).api, { readyReplicas: 1, replicas: 1 });

    await scene.patch('ocppclusters/city', { spec: { api: { replicas: 2 } } });
    await eventually(t, () => ofApi(scene), [...OBJECTS, 'poddisruptionbudgets/city-api'].toSorted());
    t.is(await written(), token);

    await scene.patch('ocppclusters/city', { spec: { api: { enabled: false } } });
    await eventually(t, () => ofApi(scene), []);
    await eventually(t, async () => 'api' in (await scene.status()), false);
  }),
);

/** The Secret of a cluster in memory, which deletes dependents as Kubernetes does. */
async function memory() {
  let now = Date.parse('2026-11-23T12:00:00Z');
  const clock = { now: () => now };
  const store = new MemoryObjectStore({ clock, newUid: randomUUID });
  const { apiVersion, kind, metadata } = city();
  const place = { name: metadata.name, namespace: metadata.namespace ?? '' };
  const cluster = (await store.apply({ apiVersion, kind, metadata: place })).object as OcppCluster;
  const ref = { resource: SERVICE_ACCOUNTS, name: 'city-api', namespace: place.namespace };
  const secretRef = { ...ref, resource: SECRETS, name: 'city-api-admin' };
  let last: ApiAdminState = { owner: undefined, at: -Infinity };
  const account = () =>
    store.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { ...ref, ownerReferences: [ownerOf(cluster)] },
    });
  return {
    store,
    account,
    removeAccount: () => store.delete(ref),
    removeSecret: () => store.delete(secretRef),
    token: async () =>
      ((await store.get(secretRef)) as { stringData?: { token: string } } | undefined)?.stringData?.token,
    wait: (seconds: number) => void (now += seconds * 1000),
    async pass(readyReplicas: number, on: Pick<MemoryObjectStore, 'create'> = store) {
      const found = new Map([
        [SERVICE_ACCOUNTS.kind, await store.get(ref)],
        [OCPP_CLUSTERS.kind, await store.get({ resource: OCPP_CLUSTERS, ...place })],
      ]);
      const caches = { get: ({ resource }: { resource: { kind: string } }) => found.get(resource.kind) };
      const deletionGuard = new DeletionGuard(store, caches, cluster);
      const metadata = { name: 'city-api' };
      const api = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: { replicas: 1 },
        status: { readyReplicas },
      };
      const pass = { store: on as never, caches: caches as never, cluster, deletionGuard };
      const { state, problem } = await ensureApiAdmin(pass, { api }, last, now);
      last = state;
      return problem?.message;
    },
  };
}

test('a token waits for its ServiceAccount, goes with it, and is made again for the next one', async (t) => {
  const scene = await memory();
  await scene.pass(0);
  t.is(await scene.token(), undefined);
  await scene.account();
  await scene.pass(0);
  const first = await scene.token();
  t.regex(first ?? '', /^[-\w]{43}$/);
  await scene.pass(1);
  t.is(await scene.token(), first);

  await scene.removeAccount();
  t.is(await scene.token(), undefined);
  await scene.account();
  await scene.pass(1);
  t.regex((await scene.token()) ?? '', /^[-\w]{43}$/);
  t.not(await scene.token(), first);
});

test('a Secret that is gone is written again: of a new account after a while, later for Pods that do not start', async (t) => {
  const scene = await memory();
  await scene.account();
  await scene.pass(1);
  await scene.removeSecret();
  await scene.pass(1);
  t.is(await scene.token(), undefined, 'not in each pass');
  scene.wait(11);
  await scene.pass(1);
  t.truthy(await scene.token(), 'the Secret of an earlier account may have gone');
  scene.wait(120);
  await scene.removeSecret();
  await scene.pass(1);
  t.is(await scene.token(), undefined, 'running Pods have the token');
  await scene.pass(0);
  t.truthy(await scene.token());
});

test('a refused Secret is a problem', async (t) => {
  const scene = await memory();
  await scene.account();
  const create = () => Promise.reject(new StoreError('forbidden', 'exceeded quota'));
  t.is(await scene.pass(0, { create }), 'Secret/city-api-admin was refused: exceeded quota');
});
