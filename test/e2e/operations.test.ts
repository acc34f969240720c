/** What an operator of the network does and suffers at night: pauses, a leader that dies, a deleted Deployment, another password. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { API_VERSION, KIND } from '../../operator/api/ocpp-cluster.ts';
import { createNamespace, diagnostics, removeEverything, startAfresh } from './environment.ts';
import { apply, condition, get, kubectl, list, type Manifest, patch, shell, until } from './kubectl.ts';
import { deploymentOf } from './proxy-set.ts';
import { killContainer } from './processes.ts';
import { redis, type RedisPod } from './redis.ts';
import { release, ROOT } from './release.ts';
import { connectStations, finishStations, NO_LOSSES } from './stations.ts';

const STATIONS = 50;
const town: RedisPod = { cluster: 'town', namespace: 'ocpp-e2e-town' };
/** Of the operator's Lease. */
const LEASE_SECONDS = 15;

interface Pod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly uid: string };
}
interface Deployment {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly replicas: number; readonly paused?: boolean };
}
interface Cluster {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
    readonly redis?: { readonly passwordSecretName?: string };
  };
}

const cluster = () => get<Cluster>('ocppcluster', town.cluster, town.namespace);
const deployment = (component: string) => deploymentOf<Deployment>(town.cluster, component, town.namespace);
const annotate = (...annotations: readonly string[]) =>
  kubectl(['annotate', 'ocppcluster', town.cluster, '-n', town.namespace, '--overwrite', ...annotations]);
const phase = (wanted: string) =>
  until(`phase ${wanted}`, 60, async () => (await cluster())?.status?.phase === wanted);
const observed = () =>
  until('the operator has looked at it', 30, async () => {
    const { metadata, status } = (await cluster()) ?? {};
    return status?.observedGeneration === metadata?.generation;
  });

test.before('an operator of two Pods and a cluster', async (t) => {
  t.timeout(600_000);
  await startAfresh();
  await createNamespace(town.namespace);
  const metadata = { name: town.cluster, namespace: town.namespace };
  await apply({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata,
    spec: { proxy: { rollout: { returnWithinSeconds: 30 } }, processor: { unknownTokens: 'Accept' } },
  });
  await condition(town.cluster, town.namespace, 'Available', 120);
  await phase('Running');
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([town.namespace]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  await removeEverything();
});

test.serial('paused, nothing is touched; resumed, everything is put right', async (t) => {
  await annotate('ocpp.dev/paused=true');
  await phase('Paused');
  await kubectl(['delete', 'service', 'town-ws-proxy', '-n', town.namespace]);
  await patch('ocppcluster', town.cluster, town.namespace, { spec: { proxy: { replicas: 3 } } });
  await observed();
  await sleep(10_000);
  t.is(await get('service', 'town-ws-proxy', town.namespace), undefined);
  t.is((await deployment('ws-proxy'))?.spec.replicas, 2);
  await annotate('ocpp.dev/paused-');
  await until('the Service is back', 15, () => get('service', 'town-ws-proxy', town.namespace));
  await until('the third proxy', 15, async () => (await deployment('ws-proxy'))?.spec.replicas === 3);
  await phase('Running');
});

test.serial(
  'with rollouts paused a new template waits, and stations stay; resumed, it is rolled out',
  async (t) => {
    const pods = async () =>
      (await list<Pod>('pods', town.namespace, 'app.kubernetes.io/component=ws-proxy'))
        .map(({ metadata }) => metadata.uid)
        .sort();
    const stations = await connectStations(t, town, STATIONS, 'PA');
    const before = await pods();
    await annotate('ocpp.dev/pause-rollouts=true');
    await patch('ocppcluster', town.cluster, town.namespace, {
      spec: { proxy: { podTemplate: { metadata: { annotations: { 'example.org/v': '2' } } } } },
    });
    await observed();
    await until('the status says why', 30, async () =>
      (await cluster())?.status?.conditions?.some(({ reason }) => reason === 'RolloutsPaused'),
    );
    await sleep(5000);
    t.deepEqual(await pods(), before);
    await annotate('ocpp.dev/pause-rollouts-');
    await until('other Pods', 180, async () => {
      const now = await pods();
      return now.length === before.length && now.every((uid) => !before.includes(uid));
    });
    const report = await finishStations(town, stations);
    t.deepEqual(report.losses, NO_LOSSES, report.samples.join('\n'));
  },
);

test.serial('a Deployment that was deleted is back within 5 s', async (t) => {
  await phase('Running');
  for (const component of ['processor', 'ws-proxy']) {
    const { name, uid: before } = (await deployment(component))?.metadata ?? {};
    await kubectl(['delete', 'deployment', `${name}`, '-n', town.namespace, '--cascade=orphan']);
    const from = performance.now();
    await until(
      `the Deployment of ${component}`,
      5,
      async () => ![undefined, before].includes((await deployment(component))?.metadata.uid),
    );
    t.log(`${component}: ${Math.round(performance.now() - from)} ms`);
  }
  await phase('Running');
  t.pass();
});

interface Lease {
  readonly spec: { readonly holderIdentity?: string };
}
const leader = async () => {
  const [lease] = (await list<Lease & Manifest>('leases', release.namespace)).map(
    ({ spec }) => spec.holderIdentity ?? '',
  );
  return lease ?? '';
};

test.serial(
  'the leader is killed: another process takes over within the lease, and what is deleted meanwhile comes back',
  async (t) => {
    const holder = await leader();
    const pods = await list<Pod>('pods', release.namespace, 'app.kubernetes.io/component=operator');
    t.is(pods.length, 2);
    const victim = pods.find(({ metadata }) => holder.startsWith(`${metadata.name}_`));
    killContainer(victim?.metadata.uid ?? '', 'operator.js');
    const from = performance.now();
    await kubectl(['delete', 'service', 'town-redis', '-n', town.namespace]);
    const next = await until('another process leads', LEASE_SECONDS + 10, async () => {
      const now = await leader();
      return now !== holder && now !== '' && now;
    });
    t.log(`${next} leads after ${Math.round(performance.now() - from)} ms`);
    // The container that starts again may win: it waits for the same lease as the stand-by.
    await until('the Service is back', 30, () => get('service', 'town-redis', town.namespace));
    await phase('Running');
  },
);

test.serial(
  'another password in the Secret: Redis follows without a restart, and nothing is lost',
  async (t) => {
    t.timeout(600_000);
    const stations = await connectStations(t, town, STATIONS, 'PW');
    const name = (await cluster())?.status?.redis?.passwordSecretName ?? '';
    const restarts = async () =>
      (
        await kubectl([
          'get',
          'pod',
          'town-redis-0',
          '-n',
          town.namespace,
          '-o',
          'jsonpath={.status.containerStatuses[0].restartCount}',
        ])
      ).trim();
    const before = await restarts();
    await patch('secret', name, town.namespace, { stringData: { password: 'a "new" one' } });
    const log = () => kubectl(['logs', 'town-redis-0', '-n', town.namespace]);
    await until('Redis takes the new password', 120, async () =>
      (await log()).includes('now accepts the password of the file'),
    );
    t.is(await redis(town, 'PING'), 'PONG');
    await phase('Running');
    // One that starts from now on has only the new password.
    await kubectl(['rollout', 'restart', 'deployment/town-processor', '-n', town.namespace]);
    await kubectl(
      ['rollout', 'status', 'deployment/town-processor', '-n', town.namespace, '--timeout=120s'],
      '',
      130,
    );
    const report = await finishStations(town, stations);
    t.deepEqual(report.losses, NO_LOSSES, report.samples.join('\n'));
    t.is(report.moves.reconnects, 0, 'every station stayed connected');
    t.is(await restarts(), before, 'Redis was not restarted');
  },
);

/** Runs the commands of a section of docs/operations.md as they are printed, but for the names of the cluster and its namespace. */
function runPage(section: string, folder: string): Promise<string> {
  const ours = (text: string) =>
    text.replaceAll(/\bcharging\b/g, town.namespace).replaceAll(/\bcity\b/g, town.cluster);
  const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
  const [text = ''] = page.split(`## ${section}\n`)[1]?.split('\n## ') ?? [];
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => ours(block ?? ''));
  if (blocks.length === 0) throw new Error(`docs/operations.md has no commands in "${section}"`);
  mkdirSync(join(folder, 'examples'), { recursive: true });
  const manifest = readFileSync(join(ROOT, 'examples/restore-redis.yaml'), 'utf8');
  writeFileSync(join(folder, 'examples/restore-redis.yaml'), ours(manifest));
  return shell(blocks.join('\n'), folder);
}

test.serial('back up and restore, as the page prints it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-restore-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await redis(town, 'HSET', 'ocpp:tokens', 'BEFORE', '{"status":"Accepted"}');
  const stations = await connectStations(t, town, STATIONS, 'BR');
  await runPage('Back up and restore', folder);
  await phase('Running');
  t.is(await redis(town, 'HGET', 'ocpp:tokens', 'BEFORE'), '{"status":"Accepted"}');
  const report = await finishStations(town, stations);
  // What they said between the copy and the restore is gone from Redis, and none was left without an answer.
  const { lost, unsent, wrong } = report.losses;
  t.deepEqual({ lost, unsent, wrong }, { lost: 0, unsent: 0, wrong: 0 }, report.samples.join('\n'));
});
