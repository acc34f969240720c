/** Listeners that come, go and change, on a real API server: it merges lists of ports by their numbers, not by our names. */
import test from 'ava';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';

const shared = commonApiServer(test);

interface Port {
  readonly name: string;
  readonly port: number;
  readonly targetPort: string;
  readonly containerPort: number;
}
interface Env {
  readonly name: string;
  readonly value?: string;
}

const a = { name: 'a', port: 9000, path: '/a' };
const b = { name: 'b', port: 9100, path: '/b' };
const c = { name: 'c', port: 9200, path: '/c' };
/** Steps from the one listener `a`; what a proxy serves behind each Service port, and whether Pods are replaced. */
const STEPS: readonly (readonly [string, object[], Readonly<Record<string, string>>, boolean])[] = [
  ['two come', [a, b, c], { '9000': '/a', '9100': '/b', '9200': '/c' }, true],
  ['another order', [a, c, b], { '9000': '/a', '9100': '/b', '9200': '/c' }, false],
  [
    'two change their ports',
    [a, { ...b, port: 9200 }, { ...c, port: 9100 }],
    { '9000': '/a', '9100': '/c', '9200': '/b' },
    false,
  ],
  ['one goes', [a, c], { '9000': '/a', '9200': '/c' }, true],
  ['the first goes', [c], { '9200': '/c' }, true],
  ['the beginning', [a], { '9000': '/a' }, true],
];

test('each Service port leads to its path, whatever comes, goes or changes, and Pods are replaced only for that', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  await using scene = await Scene.open(server);
  await scene.create({ listeners: [a] });
  const deployment = () => scene.get('deployments/city-ws-proxy');
  await eventually(t, async () => (await deployment())?.metadata.generation, 1);
  const template = async () => JSON.stringify((await deployment())?.spec.template);

  const served = async () => {
    const service = await scene.get<{ spec: { ports: Port[] } }>('services/city-ws-proxy');
    const container = (await deployment())?.spec.template.spec.containers[0] as { ports: Port[]; env: Env[] };
    const value = (name: string) => container.env.find((one) => one.name === name)?.value ?? '';
    const further = value('OCPP_LISTENERS')
      .split(',')
      .filter((one) => one !== '');
    const paths = new Map(further.map((one) => [Number.parseInt(one), one.slice(one.indexOf('/'))]));
    paths.set(Number(value('OCPP_PORT')), value('OCPP_PATH'));
    const numbers = new Map(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    return Object.fromEntries(
      (service?.spec.ports ?? []).map(({ port, targetPort }) => [
        port,
        paths.get(numbers.get(targetPort) ?? 0),
      ]),
    );
  };
  const first = await template();
  let generation = 1;
  for (const [name, listeners, expected, replaced] of STEPS) {
    const before = await template();
    await scene.patch('ocppclusters/city', { spec: { listeners } });
    generation += 1;
    await eventually(t, async () => (await scene.status()).observedGeneration, generation, name);
    t.deepEqual(await served(), expected, name);
    t.is((await template()) !== before, replaced, name);
  }
  t.is(await template(), first, 'one listener leaves no trace of others');
});
