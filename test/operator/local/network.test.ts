/** Services, addresses and ports of `npm start`. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { serveObjects } from '../../../operator/local/api-server/object-server.ts';
import {
  environmentOf,
  type PodContext,
  withServiceAddresses,
} from '../../../operator/local/kubelet/environment.ts';
import { Addresses } from '../../../operator/local/network/addresses.ts';
import { withPorts } from '../../../operator/local/network/ports.ts';
import { ENV } from '../../../services/contract.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { freePort } from '../../support/free-port.ts';
import { city } from '../../support/rendered.ts';
import { until } from '../../support/until.ts';
import { ask, deployment, redis, redisService, rig, service } from './rig.ts';

test('the balancer spreads over ready Pods only', async (t) => {
  await using local = await rig();
  const port = await freePort();
  await local.store.apply(service(port));
  await local.store.apply(deployment(port, 'one', 2));
  const [first, second] = await local.ready(2);
  const counts = new Map<string, number>();
  for (let n = 0; n < 20; n += 1) {
    const { name } = await ask(port);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  t.deepEqual([...counts.values()], [10, 10]);

  await ask(8123, '/unready', first?.status?.podIP);
  await local.ready(1);
  await until(async () => (await ask(port)).name === second?.metadata.name, 'the other Pod');
  for (let n = 0; n < 5; n += 1) t.is((await ask(port)).name, second?.metadata.name ?? '');
  await ask(8123, '/unready', second?.status?.podIP);
  await local.ready(0);
  await t.throwsAsync(ask(port), undefined, 'no Pod is ready');
});

test('with one address only, every Pod and Service gets its own port', async (t) => {
  await using local = await rig({ separate: false });
  const port = await freePort();
  await local.store.apply(service(port));
  await local.store.apply(redisService);
  await local.store.apply(redis('everysec'));
  await local.store.apply(deployment(port, 'one', 2));
  const pods = await local.ready(3);
  t.deepEqual([...new Set(pods.map((pod) => pod.status?.podIP))], ['127.0.0.1']);
  const ports = pods.map((pod) => pod.spec.containers[0]?.ports?.[0]?.containerPort);
  t.is(new Set(ports).size, 3);
  const names = new Set<string>();
  for (let n = 0; n < 4; n += 1) names.add((await ask(port)).name);
  t.is(names.size, 2);
});

test("when a Pod gets other ports, everything that names them follows, except the user's variables", (t) => {
  const spec = (one: number, two: number, admin: number) => ({
    containers: [
      {
        name: 'a',
        image: 'b',
        args: ['--port', String(one)],
        env: [
          { name: 'OCPP_PORT', value: String(one) },
          { name: 'OCPP_LISTENERS', value: `${two}/v16/9000,${one}/lab` },
          { name: 'REDIS_PORT', value: String(one) },
          { name: 'OWN_PORT', value: '9000' },
          { name: 'OWN_LISTENERS', value: '9000/lab' },
        ],
        ports: [{ name: 'stations', containerPort: one }, { containerPort: two }],
        livenessProbe: { httpGet: { port: admin } },
      },
    ],
  });
  const mapping = new Map([
    [9000, 1],
    [9001, 9000],
    [9090, 3],
  ]);
  t.deepEqual(withPorts(spec(9000, 9001, 9090), mapping), spec(1, 9000, 3));
});

/** Of a Pod of a Deployment, beside a Service redis. */
const CONTEXT: PodContext = {
  name: 'p',
  namespace: 'here',
  uid: 'u',
  templateHash: '5d8f7',
  podIp: '127.0.0.2',
  secret: () => undefined,
  configMap: () => undefined,
  apiServer: { origin: 'http://127.0.0.1:7', token: 't' },
  service: (namespace, name, port) =>
    namespace === 'here' && name === 'redis' && port === 6379 ? { host: '127.1.2.3', port: 7 } : undefined,
};

test('in a list of addresses, only the names of Services are replaced', (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['redis:6379', '127.1.2.3:7'],
    ['redis.here.svc:6379', '127.1.2.3:7'],
    ['redis.here.svc.cluster.local:6379,other.example.com:6379', '127.1.2.3:7,other.example.com:6379'],
    ['redis.example.com:6379', 'redis.example.com:6379'],
    ['redis:6380', 'redis:6380'],
    ['10.0.0.1:6379', '10.0.0.1:6379'],
    ['[::1]:6379', '[::1]:6379'],
  ];
  for (const [list, expected] of cases) t.is(withServiceAddresses(list, CONTEXT), expected);
  t.throws(() => withServiceAddresses('redis.there.svc:6379', CONTEXT), {
    message: 'there is no Service there/redis with the port 6379',
  });
});

test('the URL of an object leads to the API server of this machine, where there is one', (t) => {
  const url = 'https://kubernetes.default.svc/apis/ocpp.dev/v1alpha1/namespaces/here/ocppclusters/city';
  const env = [
    { name: ENV.clusterUrl, value: url },
    { name: 'OWN', value: url },
  ];
  const container = { name: 'c', image: 'i', env };
  const here = url.replace('https://kubernetes.default.svc', 'http://127.0.0.1:7');
  t.deepEqual(environmentOf(container, CONTEXT), { [ENV.clusterUrl]: here, OWN: url });
  t.is(environmentOf(container, { ...CONTEXT, apiServer: undefined })[ENV.clusterUrl], url);
});

test('a Service for users has a port of 127.0.0.1, and another one where that is taken or given', async (t) => {
  const addresses = await Addresses.open();
  const port = await freePort();
  t.deepEqual(await addresses.outside('one', port), { host: '127.0.0.1', port });
  t.deepEqual(await addresses.outside('one', port), { host: '127.0.0.1', port }, 'it stays');
  const other = await addresses.outside('two', port);
  t.is(other.host, '127.0.0.1');
  t.not(other.port, port);
});

test('a cluster object is read with the token of the Pods, and nothing else is', async (t) => {
  const store = new MemoryObjectStore({ clock: systemClock, newUid: randomUUID });
  const { apiVersion, kind, metadata } = city();
  await store.apply({ apiVersion, kind, metadata: { name: metadata.name, namespace: 'here' } });
  await using server = await serveObjects(store);
  const path = '/apis/ocpp.dev/v1alpha1/namespaces/here/ocppclusters';
  const status = async (of: string, token = server.token, method = 'GET') => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.origin}${of}`, { method, headers });
    const body = (await response.json()) as { metadata?: { name: string } };
    return response.status === 200 ? body.metadata?.name : response.status;
  };
  t.is(await status(`${path}/city`), 'city');
  t.is(await status(`${path}/city`, 'wrong'), 401);
  t.is(await status(`${path}/city`, server.token, 'DELETE'), 405);
  for (const other of [path, `${path}/town`, '/api/v1/namespaces/here/secrets/city', '/'])
    t.is(await status(other), 404, other);
});

test('a Pod of a Deployment reads the hash of its template, another Pod an empty text', (t) => {
  const fieldRef = { fieldPath: "metadata.labels['pod-template-hash']" };
  const container = { name: 'c', image: 'i', env: [{ name: 'RELEASE', valueFrom: { fieldRef } }] };
  t.deepEqual(environmentOf(container, CONTEXT), { RELEASE: '5d8f7' });
  t.deepEqual(environmentOf(container, { ...CONTEXT, templateHash: undefined }), { RELEASE: '' });
});
