/** Variables that no program reads, and those that `kubectl set env` adds, on a real API server. */
import test from 'ava';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from './operator-scene.ts';

const shared = commonApiServer(test);
const PROCESSOR = 'deployments/city-processor';

async function generationOf(scene: Scene): Promise<number | undefined> {
  return (await scene.get(PROCESSOR))?.metadata.generation;
}

test(
  'a misspelt variable replaces no Pod and is reported until it is corrected',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({});
    await eventually(t, () => generationOf(scene), 1);
    const env = (name: string) => ({
      spec: { processor: { podTemplate: { env: [{ name, value: '7' }] } } },
    });
    await scene.patch('ocppclusters/city', env('OCPP_STOPGRACE'));
    await eventually(t, async () => (await scene.condition('Degraded')).reason, 'UnknownVariable');
    t.is(await generationOf(scene), 1);
    t.is((await scene.status()).observedGeneration, 2);
    await scene.patch('ocppclusters/city', env('OCPP_STOP_GRACE'));
    await eventually(t, async () => (await scene.condition('Degraded')).reason, 'AsExpected');
    t.is(await generationOf(scene), 2);
  }),
);

test(
  'a variable of another client is reported while it is there, at no cost in requests',
  shared.on(async (t, api) => {
    await using scene = await Scene.open(api);
    await scene.create({});
    await eventually(t, () => generationOf(scene), 1);
    await scene.settleAll();
    const [container = {}] = (await scene.get(PROCESSOR))?.spec.template.spec.containers ?? [];
    const ours = container['env'] as object[];
    const template = (added: readonly object[]) => ({
      spec: { template: { spec: { containers: [{ ...container, env: [...ours, ...added] }] } } },
    });
    await scene.patch(PROCESSOR, template([{ name: 'EXTRA', value: '1' }]));
    await eventually(t, async () => (await scene.condition('Degraded')).reason, 'ForeignVariable');
    t.regex((await scene.condition('Degraded')).message ?? '', /set env deployment\/city-processor EXTRA-/);
    await scene.settleAll();
    await eventually(t, async () => (await scene.condition('Progressing')).reason, 'Settled');
    const passes = await scene.passes();
    scene.requests = [];
    await eventually(t, async () => (await scene.passes()) >= passes + 5, true);
    t.deepEqual(scene.requestsOfPasses, []);
    await scene.patch(PROCESSOR, template([]));
    await eventually(t, async () => (await scene.condition('Degraded')).reason, 'AsExpected');
  }),
);
