/** The objects of the bill sink on a real API server, and where the login of PostgreSQL is. */
import test from 'ava';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';

const shared = commonApiServer(test);

const OBJECTS = [
  'deployments/city-bill-sink',
  'networkpolicies/city-bill-sink',
  'serviceaccounts/city-bill-sink',
];
const KINDS = [
  'configmaps',
  'deployments',
  'networkpolicies',
  'poddisruptionbudgets',
  'rolebindings',
  'roles',
  'secrets',
  'serviceaccounts',
  'services',
];
const ofSink = async (scene: Scene) =>
  (await scene.names(...KINDS)).filter((place) => place.endsWith('/city-bill-sink'));
const billSinkSetting = async (scene: Scene) =>
  (await scene.get<{ data?: Readonly<Record<string, string>> }>('configmaps/city-processor'))?.data?.[
    'OCPP_BILL_SINK'
  ];
const generationOf = async (scene: Scene) =>
  (await scene.get('deployments/city-processor'))?.metadata.generation;

test(
  'the bill sink is made when the spec asks for it, and removed when it does not; no processor restarts',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({ networkPolicy: { enabled: true } });
    await eventually(t, () => billSinkSetting(scene), 'false');
    t.deepEqual(await ofSink(scene), []);
    t.is((await scene.status()).billing, undefined);
    const generation = await generationOf(scene);

    const sink = { postgres: { secretName: 'bills', caSecretName: 'bills-ca' } };
    await scene.patch('ocppclusters/city', { spec: { billing: { sink } } });
    await eventually(t, () => ofSink(scene), OBJECTS);
    await eventually(t, () => billSinkSetting(scene), 'true');
    await eventually(t, async () => (await scene.status()).billing, { readyReplicas: 0, replicas: 0 });
    await scene.settleAll();
    await eventually(t, async () => (await scene.status()).billing, { readyReplicas: 1, replicas: 1 });

    await scene.patch('ocppclusters/city', { spec: { billing: { sink: null } } });
    await eventually(t, () => ofSink(scene), []);
    await eventually(t, () => billSinkSetting(scene), 'false');
    await eventually(t, async () => 'billing' in (await scene.status()), false);
    t.is(await generationOf(scene), generation, 'the template of the processor changed');
  }),
);

interface PodSpec {
  readonly volumes: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
  readonly containers: readonly {
    readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
    readonly volumeMounts: readonly {
      readonly name: string;
      readonly mountPath: string;
      readonly readOnly: boolean;
    }[];
  }[];
}

test(
  'the login of PostgreSQL is a file in the Pod of the bill sink, and nowhere else',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    const password = 'correct-horse-battery';
    const url = `postgresql://bill_sink:${password}@postgres.example.com:5432/bills`;
    await scene.post('secrets', { metadata: { name: 'bills' }, stringData: { url } });
    await scene.create({ billing: { sink: { postgres: { secretName: 'bills' } } } });
    await eventually(t, async () => (await scene.status()).billing, { readyReplicas: 0, replicas: 0 });
    const deployment = await scene.get('deployments/city-bill-sink');
    const pod = deployment?.spec.template.spec as unknown as PodSpec | undefined;
    const { volumes = [], containers = [] } = pod ?? {};
    const [{ env, volumeMounts } = { env: [], volumeMounts: [] }, ...others] = containers;
    t.is(others.length, 0);
    const volume = volumes.find(({ secret }) => secret?.secretName === 'bills');
    const mount = volumeMounts.find(({ name }) => name === volume?.name);
    t.true(mount?.readOnly);
    const file = env.find(({ name }) => name === 'OCPP_BILL_SINK_URL_FILE')?.value;
    t.is(file, `${mount?.mountPath}/url`);

    const objects = await Promise.all(
      [...KINDS, 'statefulsets', 'ocppclusters', 'events'].map(async (kind) => {
        const found = await scene.get<{ items: KubeObject[] }>(kind);
        return (found?.items ?? []).filter(({ metadata }) => `${kind}/${metadata.name}` !== 'secrets/bills');
      }),
    );
    const texts = objects.flat().map((object) => JSON.stringify(object));
    t.true(texts.length > 10, 'the objects were read');
    const encoded = Buffer.from(url).toString('base64');
    const found = texts.filter((text) => [password, encoded].some((secret) => text.includes(secret)));
    t.deepEqual(found, []);
    // Only this Pod mounts the Secret.
    const users = texts.filter(
      (text) => /"secretName":"bills"/.test(text) && /"kind":"Deployment"|"containers"/.test(text),
    );
    t.is(users.length, 1);
  }),
);
