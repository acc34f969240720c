/** What `kubectl drain` may evict while two proxy sets exist: the operator on a real API server. */
import test from 'ava';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { SET_LABEL } from '../../../operator/render/revision.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';

const shared = commonApiServer(test);

interface Budget extends KubeObject {
  readonly spec: {
    readonly maxUnavailable: number;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  };
}

/** A cluster that is half-way between two templates, with a Pod of each set. */
async function betweenSets(
  server: NonNullable<ReturnType<typeof shared.given>>,
  replicas: number,
): Promise<Scene> {
  const scene = await Scene.open(server, { adminKey: Buffer.alloc(32, 7) });
  await scene.create({ proxy: { replicas } });
  const sets = async () => (await scene.proxySets()).length;
  const until = async (count: number) => {
    for (let i = 0; i < 300 && (await sets()) < count; i += 1)
      await new Promise((next) => setTimeout(next, 50));
  };
  await until(1);
  await scene.settleAll();
  await scene.patch('ocppclusters/city', {
    spec: { proxy: { podTemplate: { env: [{ name: 'A', value: '2' }] } } },
  });
  await until(2);
  for (const [number, set] of (await scene.proxySets()).entries())
    await scene.podOf(set, 1, `proxy-${number}`);
  return scene;
}

test('one budget lets one Pod of both sets go at a time', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  await using scene = await betweenSets(server, 2);
  const budget = await scene.get<Budget>('poddisruptionbudgets/city-ws-proxy');
  t.is(budget?.spec.maxUnavailable, 1);
  const { items } = (await scene.get<{ items: KubeObject[] }>('pods')) ?? { items: [] };
  const labels = Object.entries(budget?.spec.selector.matchLabels ?? {});
  const selected = items.filter(({ metadata }) =>
    labels.every(([name, value]) => metadata.labels?.[name] === value),
  );
  t.deepEqual(selected.map(({ metadata }) => metadata.name).sort(), ['proxy-0', 'proxy-1']);
  t.is(new Set(selected.map(({ metadata }) => metadata.labels?.[SET_LABEL])).size, 2, 'of two sets');
});

test('a cluster of one ws-proxy has no budget, also while a rollout runs two of them', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  await using scene = await betweenSets(server, 1);
  await eventually(t, async () => (await scene.proxySets()).length, 2);
  t.false((await scene.names('poddisruptionbudgets')).includes('poddisruptionbudgets/city-ws-proxy'));
});
