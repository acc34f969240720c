/** The modes of autoscaling on a real API server with the definitions of KEDA: accepted, pruned, and scaled. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { type OcppCluster, type OcppClusterSpec, SCALE_PATH } from '../../../operator/api/ocpp-cluster.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { installForeignCrds } from '../../support/foreign-crds.ts';
import { applyStrictly, rendered } from '../../support/rendered.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';

let keda = false;
const shared = sharedApiServer(test, {}, async (server) => {
  keda = await installForeignCrds(server, ['keda.sh_scaledobjects', 'keda.sh_triggerauthentications']);
});
const onKeda = (title: string, run: (t: ExecutionContext, server: ApiServer) => Promise<void>) =>
  test(
    title,
    shared.on(async (t, server) => {
      if (keda) await run(t, server);
      else t.pass('skipped: no definitions of KEDA here');
    }),
  );

type Autoscaling = NonNullable<NonNullable<OcppClusterSpec['processor']>['autoscaling']>;
const PROMETHEUS = {
  url: 'https://prometheus.monitoring:9090',
  caSecretRef: { name: 'prometheus', key: 'ca.crt' },
  tokenSecretRef: { name: 'prometheus', key: 'token' },
};
const spec = (autoscaling: Autoscaling, replicas?: number): OcppClusterSpec => ({
  processor: { ...(replicas !== undefined && { replicas }), autoscaling },
});
const HPA = ['horizontalpodautoscalers/city-processor'];
const KEDA = ['scaledobjects/city-processor', 'triggerauthentications/city-processor'];
const autoscalers = (scene: Scene) => () =>
  scene.names('horizontalpodautoscalers', 'scaledobjects', 'triggerauthentications');
const numberOf = async (scene: Scene) =>
  (await scene.get<OcppCluster>('ocppclusters/city'))?.spec?.processor?.replicas;
/** As `kubectl scale ocppcluster/city --replicas N` does. */
const scale = (scene: Scene, replicas: number) =>
  scene.patch('ocppclusters/city/scale', { spec: { replicas } });

onKeda('the API server accepts the autoscalers with strict validation', async (t, server) => {
  for (const mode of ['HPA', 'KEDA'] as const)
    for (const pauseScaleIn of [false, true]) {
      const made = rendered(spec({ mode, prometheus: PROMETHEUS }, 3), { pauseScaleIn });
      const ours = made.filter(({ metadata, kind }) =>
        /Autoscaler|ScaledObject|TriggerAuthentication/.test(`${kind}/${metadata.name}`),
      );
      t.is(ours.length, mode === 'HPA' ? 1 : 2);
      for (const object of ours) await t.notThrowsAsync(applyStrictly(server.http, object));
    }
});

onKeda('a change of the mode replaces the autoscaler, and Internal and Off have none', async (t, server) => {
  await using scene = await Scene.open(server);
  const made = autoscalers(scene);
  const change = (autoscaling: Autoscaling) =>
    scene.patch('ocppclusters/city', { spec: { processor: { autoscaling } } });
  await scene.create(spec({ minReplicas: 2, prometheus: PROMETHEUS }, 3));
  await eventually(t, async () => (await scene.get('deployments/city-processor')) !== undefined, true);
  t.deepEqual(await made(), []);
  for (const [mode, expected] of [
    ['HPA', HPA],
    ['KEDA', KEDA],
    ['HPA', HPA],
    ['Off', []],
    ['KEDA', KEDA],
    ['Internal', []],
  ] as const) {
    await change({ mode });
    await eventually(t, made, [...expected], mode);
  }
});

onKeda('the annotation that pauses the scale-in reaches the autoscaler and leaves it', async (t, server) => {
  await using scene = await Scene.open(server);
  await scene.create(spec({ mode: 'HPA' }, 3));
  const policy = async () => {
    const hpa = await scene.get<{ spec: { behavior: { scaleDown: { selectPolicy: string } } } }>(
      'horizontalpodautoscalers/city-processor',
    );
    return hpa?.spec.behavior.scaleDown.selectPolicy;
  };
  const pause = (value: string | null) =>
    scene.patch('ocppclusters/city', { metadata: { annotations: { 'ocpp.dev/pause-scale-in': value } } });
  await eventually(t, policy, 'Max');
  await pause('true');
  await eventually(t, policy, 'Disabled');
  await pause(null);
  await eventually(t, policy, 'Max');
});

const MODES: readonly (readonly ['HPA' | 'KEDA', readonly string[], number | undefined])[] = [
  ['HPA', HPA, undefined],
  ['KEDA', KEDA, undefined],
  ['HPA', HPA, 1],
];
for (const [mode, expected, left] of MODES)
  onKeda(
    `from Internal to ${mode} the number stays: the scale ${left === undefined ? 'without a number' : `with an old ${left}`} gets the present one`,
    async (t, server) => {
      await using scene = await Scene.open(server);
      await scene.create(spec({ minReplicas: 4, prometheus: PROMETHEUS }, left));
      const wanted = async () => (await scene.get('deployments/city-processor'))?.spec.replicas;
      await eventually(t, wanted, 4);
      await eventually(t, async () => (await scene.status()).autoscaling?.desiredReplicas, 4);
      await scene.patch('ocppclusters/city', {
        spec: { processor: { autoscaling: { mode, minReplicas: 1 } } },
      });
      await eventually(t, autoscalers(scene), [...expected]);
      t.is(await numberOf(scene), 4, 'before the autoscaler exists');
      t.is(await wanted(), 4);
      // As the autoscaler does.
      await scale(scene, 6);
      await eventually(t, wanted, 6);
      await scene.patch('ocppclusters/city', { spec: { processor: { autoscaling: { mode: 'Off' } } } });
      await eventually(t, autoscalers(scene), []);
      t.is(await wanted(), 6);
    },
  );

onKeda('in mode Off kubectl scale sets the number of processors', async (t, server) => {
  await using scene = await Scene.open(server);
  await scene.create(spec({ mode: 'Off' }, 2));
  const replicas = async () => (await scene.get('deployments/city-processor'))?.spec.replicas;
  await eventually(t, replicas, 2);
  await scale(scene, 5);
  await eventually(t, replicas, 5);
  await scale(scene, 1);
  await eventually(t, replicas, 1);
});

test('the path of the scale is the one of the definition', (t) => {
  const crd = parse(readFileSync(join(import.meta.dirname, '../../../crds/ocppclusters.yaml'), 'utf8')) as {
    spec: { versions: { subresources: { scale: { specReplicasPath: string } } }[] };
  };
  for (const { subresources } of crd.spec.versions)
    t.is(subresources.scale.specReplicasPath, `.${SCALE_PATH.join('.')}`);
});
