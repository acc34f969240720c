/**
 * The whole product on a real cluster, in the order in which a user meets it. The tests build on each
 * other (one cluster, one installation), so they run one after the other in this file.
 */
import test from 'ava';
import { KIND } from '../../operator/api/ocpp-cluster.ts';
import { newClientWithTransport } from '../../services/library/client.ts';
import { MemoryServerState } from '../../services/transport/pending-requests.ts';
import { WebSocketClient } from '../../services/library/websocket-client.ts';
import {
  createNamespace,
  diagnostics,
  example,
  installOperator,
  refuseForeignClusters,
  removeEverything,
} from './environment.ts';
import { provideImage } from './image.ts';
import { apply, condition, get, helm, kubectl, list, type Manifest, patch, until } from './kubectl.ts';
import { deploymentOf, isRollingOut, proxySetName } from './proxy-set.ts';
import { killContainer } from './processes.ts';
import { heartbeats, pushAll, redis, type RedisPod } from './redis.ts';
import { type Image, release } from './release.ts';
import { connectStations, finishStations, NO_LOSSES, stationUrl } from './stations.ts';

const STATIONS = 200;
const city: RedisPod = { cluster: example.metadata.name, namespace: example.metadata.namespace ?? 'default' };
const minimal: RedisPod = { cluster: 'minimal', namespace: 'ocpp-e2e-minimal' };

interface Pod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly uid: string };
  readonly spec: {
    readonly containers: readonly {
      readonly resources: { readonly limits?: Readonly<Record<string, string>> };
    }[];
  };
  readonly status: { readonly containerStatuses?: readonly { restartCount: number; imageID: string }[] };
}
interface Workload {
  readonly spec: { readonly replicas: number };
  readonly status: { readonly readyReplicas?: number };
}
interface Cluster {
  readonly status?: {
    readonly image?: string;
    readonly phase?: string;
    readonly processor?: { readonly replicas: number };
  };
}

const podsOf = ({ cluster, namespace }: RedisPod, component: string) =>
  list<Pod>(
    'pods',
    namespace,
    `app.kubernetes.io/instance=${cluster},app.kubernetes.io/component=${component}`,
  );
const namesOf = async (pods: Promise<readonly Pod[]>) => (await pods).map((pod) => pod.metadata.name).sort();
const deployment = ({ cluster, namespace }: RedisPod, component: string) =>
  deploymentOf<Workload>(cluster, component, namespace);
const statusOf = async ({ cluster, namespace }: RedisPod) =>
  (await get<Cluster>('ocppcluster', cluster, namespace))?.status;

let images: { readonly first: Image; readonly second: Image; readonly own: Image };

test.before('the image is built and the cluster is ours', async (t) => {
  t.timeout(600_000);
  await refuseForeignClusters();
  await removeEverything();
  // Two builds that differ: the second one is what the operator is upgraded to.
  images = {
    first: await provideImage('e2e-first'),
    second: await provideImage('e2e-second'),
    own: await provideImage('e2e-own', { dockerfile: 'examples/own-handlers/Dockerfile' }),
  };
  await createNamespace(city.namespace);
  await createNamespace(minimal.namespace);
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([city.namespace, minimal.namespace]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  await removeEverything();
});

test.serial('the chart installs, and two manifests become available within two minutes', async (t) => {
  await installOperator(images.first);
  await apply(example, {
    apiVersion: example.apiVersion,
    kind: KIND,
    metadata: { name: minimal.cluster, namespace: minimal.namespace },
    spec: {},
  });
  await Promise.all([city, minimal].map((one) => condition(one.cluster, one.namespace, 'Available', 120)));
  const status = await statusOf(city);
  t.is(status?.image, `${images.first.repository}:${images.first.tag}`);
});

test.serial('helm test says that the operator works', async (t) => {
  const said = await helm(['test', release.name, '-n', release.namespace, '--timeout=2m']);
  t.regex(said, /Phase: +Succeeded/);
});

test.serial('200 stations through the Service lose nothing, though a processor is killed', async (t) => {
  const stations = await connectStations(t, city, STATIONS, 'CS');
  const [victim] = await podsOf(city, 'processor');
  killContainer(victim?.metadata.uid ?? '', 'processor.js');
  await until('the kubelet has started the processor again', 60, async () => {
    const pod = (await podsOf(city, 'processor')).find(
      ({ metadata }) => metadata.uid === victim?.metadata.uid,
    );
    return pod?.status.containerStatuses?.[0]?.restartCount === 1;
  });
  const report = await finishStations(city, stations);
  t.deepEqual(report.losses, NO_LOSSES, report.samples.join('\n'));
  t.is(report.moves.reconnects, 0);
});

test.serial('a backlog scales the processors up, and later down again', async (t) => {
  // A slow processor: with a whole core it does more than this machine can enqueue.
  const limits = { cpu: '250m', memory: '512Mi' };
  await patch('ocppcluster', city.cluster, city.namespace, {
    spec: {
      processor: {
        autoscaling: { maxReplicas: 2, targetDrainSeconds: 2 },
        podTemplate: { resources: { limits } },
      },
    },
  });
  await until('the slow processor', 90, async () => {
    const [pod, another] = await podsOf(city, 'processor');
    return pod?.spec.containers[0]?.resources.limits?.['cpu'] === limits.cpu && another === undefined;
  });
  const replicas = async () => (await deployment(city, 'processor'))?.spec.replicas;
  t.is(await replicas(), 1);
  let sent = 0;
  await until('a second processor', 120, async () => {
    // However fast one processor is, there is always work that it has not done.
    const waiting = Number(await redis(city, 'LLEN', 'ocpp:requests'));
    if (waiting < 40_000) await pushAll(city, 'ocpp:requests', heartbeats((sent += 40_000), 40_000));
    return (await replicas()) === 2;
  });
  await until(
    'two ready processors',
    60,
    async () => (await deployment(city, 'processor'))?.status.readyReplicas === 2,
  );
  await until('an empty queue', 120, async () => (await redis(city, 'LLEN', 'ocpp:requests')) === '0');
  await until('one processor again', 240, async () => (await replicas()) === 1);
  const events = await kubectl(['get', 'events', '-n', city.namespace, '-o', 'jsonpath={.items[*].reason}']);
  t.true(events.includes('ScaledProcessors'));
});

test.serial('a new proxy template moves every station with a 1012, and no CALL is lost', async (t) => {
  const stations = await connectStations(t, city, STATIONS, 'RO');
  const before = await namesOf(podsOf(city, 'ws-proxy'));
  await patch('ocppcluster', city.cluster, city.namespace, {
    spec: {
      proxy: {
        podTemplate: { metadata: { annotations: { 'example.org/rollout': '1' } } },
        rollout: { returnWithinSeconds: 30 },
      },
    },
  });
  await until('the old proxies are gone and the new ones ready', 180, async () => {
    const now = await namesOf(podsOf(city, 'ws-proxy'));
    const ready = (await deployment(city, 'ws-proxy'))?.status.readyReplicas;
    const replaced = now.length === before.length && now.every((name) => !before.includes(name));
    return ready === before.length && replaced && !(await isRollingOut(city.cluster, city.namespace));
  });
  const report = await finishStations(city, stations);
  t.deepEqual(report.losses, NO_LOSSES, report.samples.join('\n'));
  t.is(report.online, STATIONS, 'every station came back');
  t.true(report.moves.closedBy1012 >= STATIONS, 'every station got a close with 1012');
  t.is(report.moves.reconnects, report.moves.closedBy1012, 'no socket ended in another way');
});

test.serial('processors with handlers of their own, in an image of their own, and back', async (t) => {
  const transport = new WebSocketClient({
    url: await stationUrl(city),
    stationId: 'ACME-1',
    protocols: ['ocpp1.6'],
  });
  await using station = newClientWithTransport(
    transport,
    'ocpp1.6',
    new MemoryServerState().clientState('ACME-1'),
  );
  await station.start();
  const ask = async () => {
    const tilt = { vendorId: 'com.acme', messageId: 'tilt', data: '3' };
    const outcome = await station.sendRequest('DataTransfer', tilt);
    return outcome.kind === 'confirmed' ? outcome.response.status : outcome.kind;
  };
  t.is(await ask(), 'UnknownVendorId');
  for (const [image, answer] of [
    [`${images.own.repository}:${images.own.tag}`, 'Accepted'],
    ['', 'UnknownVendorId'],
  ] as const) {
    await patch('ocppcluster', city.cluster, city.namespace, { spec: { processor: { image } } });
    await until(`the answer ${answer}`, 120, async () => (await ask()) === answer);
    await until('only one kind of processor', 120, async () => {
      const answers = [await ask(), await ask(), await ask(), await ask()];
      return answers.every((one) => one === answer);
    });
  }
  t.true(transport.isConnected(), 'the station stayed connected all the time');
});

test.serial('deleted and edited objects are restored', async (t) => {
  const { cluster, namespace } = city;
  const wanted = (await deployment(city, 'ws-proxy'))?.spec.replicas;
  await patch('deployment', await proxySetName(cluster, namespace), namespace, { spec: { replicas: 4 } });
  await kubectl(['delete', 'deployment', `${cluster}-processor`, '-n', namespace]);
  await kubectl(['delete', 'service', `${cluster}-ws-proxy`, '-n', namespace]);
  await until('the proxies are as many as the resource says', 30, async () => {
    return (await deployment(city, 'ws-proxy'))?.spec.replicas === wanted;
  });
  await until(
    'the processors are back',
    60,
    async () => (await deployment(city, 'processor'))?.status.readyReplicas,
  );
  await until('the Service is back', 30, () => get('service', `${cluster}-ws-proxy`, namespace));
  await condition(cluster, namespace, 'Available', 60);
  t.pass();
});

test.serial('an upgrade of the operator drops no station and rolls no proxy', async (t) => {
  const stations = await connectStations(t, city, STATIONS, 'UP');
  const proxies = await namesOf(podsOf(city, 'ws-proxy'));
  const operators = () => list<Pod>('pods', release.namespace, 'app.kubernetes.io/component=operator');
  const imageIds = async () => (await operators()).map((pod) => pod.status.containerStatuses?.[0]?.imageID);
  const [before] = await imageIds();
  await installOperator(images.second);
  // The second image is another one.
  await until('only new operators run', 60, async () => {
    const ids = await imageIds();
    return ids.length > 0 && ids.every((id) => id !== undefined && id !== before);
  });
  // A change that only the new operator can mend shows that it has looked after this cluster.
  await kubectl(['delete', 'poddisruptionbudget', `${city.cluster}-ws-proxy`, '-n', city.namespace]);
  await until('the new operator works', 60, () =>
    get('poddisruptionbudget', `${city.cluster}-ws-proxy`, city.namespace),
  );
  const report = await finishStations(city, stations);
  t.deepEqual(report.losses, NO_LOSSES, report.samples.join('\n'));
  t.is(report.moves.reconnects, 0);
  t.deepEqual(await namesOf(podsOf(city, 'ws-proxy')), proxies);
  t.is((await statusOf(city))?.image, `${images.first.repository}:${images.first.tag}`);

  const late = { cluster: 'late', namespace: minimal.namespace };
  await apply({
    apiVersion: example.apiVersion,
    kind: KIND,
    metadata: { name: late.cluster, namespace: late.namespace },
    spec: { redis: { embedded: { storage: { onDelete: 'Delete' } } } },
  });
  const image = await until('a new cluster has an image', 30, async () => (await statusOf(late))?.image);
  t.is(image, `${images.second.repository}:${images.second.tag}`);
  await kubectl(['delete', 'ocppcluster', late.cluster, '-n', late.namespace, '--timeout=60s']);
});

test.serial('a deleted cluster leaves its volume or nothing, as its spec says', async (t) => {
  await kubectl(['delete', 'ocppcluster', city.cluster, '-n', city.namespace, '--timeout=120s']);
  await kubectl(['delete', 'ocppcluster', minimal.cluster, '-n', minimal.namespace, '--timeout=120s']);
  const left = async (namespace: string, expected: readonly string[]) => {
    const unexpected = (await everythingIn(namespace)).filter((name) => !expected.includes(name));
    if (unexpected.length > 0) throw new Error(`still there: ${unexpected.join(', ')}`);
    return true;
  };
  const volume = ['persistentvolumeclaim/data-minimal-redis-0'];
  await until('nothing of the first is left', 120, () => left(city.namespace, []));
  await until('nothing but a volume of the second is left', 120, () => left(minimal.namespace, volume));
  t.deepEqual(await everythingIn(minimal.namespace), volume);
});

/** Names of every object of every kind in a namespace, but for what Kubernetes itself puts there. */
async function everythingIn(namespace: string): Promise<string[]> {
  const kinds = await kubectl(['api-resources', '--verbs=list', '--namespaced', '-o', 'name']);
  const looked = kinds.split('\n').filter((kind) => kind !== '' && !/^events|\.metrics\.k8s\.io$/.test(kind));
  const found = await kubectl(['get', looked.join(','), '-n', namespace, '--ignore-not-found', '-o', 'name']);
  return found
    .split('\n')
    .filter(
      (name) => name !== '' && name !== 'configmap/kube-root-ca.crt' && name !== 'serviceaccount/default',
    );
}
