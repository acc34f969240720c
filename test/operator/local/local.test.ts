/**
 * The runtime of `npm start` on real child processes: small Node programs and a real redis-server stand
 * in for the images. Objects go into the store as the operator would put them there.
 */
import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { KubeObject, Resource } from '../../../operator/kube/object-store.ts';
import { Addresses } from '../../../operator/local/network/addresses.ts';
import { freePort } from '../../support/free-port.ts';
import { startGuard } from '../../../operator/local/kubelet/guard.ts';
import {
  type Container,
  type Deployment,
  isReady,
  type Pod,
  type StatefulSet,
} from '../../../operator/local/kinds.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { refusedFields } from '../../../operator/local/kubelet/pod-fields.ts';
import { withPorts } from '../../../operator/local/network/ports.ts';
import { findProgram } from '../../../operator/local/programs.ts';
import { LocalRuntime } from '../../../operator/local/kubelet/runtime.ts';
import { DEPLOYMENTS, PODS, STATEFUL_SETS } from '../../../operator/render/resources.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { until } from '../../support/until.ts';

const ROOT = join(import.meta.dirname, '../..', '..');
const NAMESPACE = 'here';
const PATH = '/usr/local/bin:/usr/bin:/bin';

/** Answers its version on its port, 200 on /readyz unless told otherwise by /unready, and dies on /die. */
const SERVER = `
  const { createServer } = require('node:http');
  let ready = true;
  const server = createServer((request, response) => {
    if (request.url === '/die') process.exit(3);
    if (request.url === '/unready') ready = false;
    response.statusCode = request.url === '/readyz' && !ready ? 503 : 200;
    response.end(JSON.stringify({ name: process.env.POD_NAME, version: process.argv[1], pid: process.pid, peer: process.env.PEER }));
  });
  server.listen(Number(process.env.HTTP_PORT), process.env.POD_IP);
  process.on('SIGTERM', () => { if (process.argv[1] !== 'stubborn') process.exit(0); });
`;

interface Answer {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  readonly peer?: string;
}

interface Rig extends AsyncDisposable {
  readonly store: MemoryObjectStore;
  readonly folder: string;
  readonly problems: string[];
  stop(): Promise<void>;
  pods(): Promise<readonly Pod[]>;
  ready(count: number): Promise<readonly Pod[]>;
}

async function rig(options: { separate?: boolean } = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'local-test-'));
  const store = new MemoryObjectStore({ clock: systemClock, newUid: randomUUID });
  const guard = startGuard(folder);
  const problems: string[] = [];
  const runtime = new LocalRuntime({
    store: store.as('local-runtime'),
    addresses: await Addresses.open(options.separate),
    guard,
    folder,
    isOutside: (service) => service.metadata.name === 'web',
    programs: {
      env: { PATH },
      program({ image, command = [], args = [] }: Container) {
        if (image === 'node') return { file: process.execPath, args };
        const file = findProgram(command[0] ?? '', PATH);
        return file === undefined || image !== 'redis:7'
          ? undefined
          : { file, args: [...command.slice(1), ...args] };
      },
    },
    onLine: () => undefined,
    onTrouble: (pod, message) => void problems.push(`${pod.metadata.name} ${message}`),
    onProblem: (object, message) => void problems.push(`${object.metadata.name} ${message}`),
  });
  const pods = async () => (await store.list(PODS)).items as readonly Pod[];
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= runtime.stop(() => 0, 5000));
  return {
    store,
    folder,
    problems,
    stop,
    pods,
    async ready(count) {
      const enough = async () => (await pods()).filter(isReady).length === count;
      await until(enough, `${count} ready Pods; ${problems.join('; ')}`);
      return pods();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await guard[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

function deployment(port: number, version: string, replicas: number, more: object = {}): Deployment {
  const labels = { app: 'web' };
  const container = {
    name: 'web',
    image: 'node',
    args: ['-e', SERVER, version],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'HTTP_PORT', value: '8123' },
      { name: 'PEER', value: `http://web.here.svc:${port}/` },
    ],
    ports: [{ name: 'http', containerPort: 8123 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 },
    securityContext: { readOnlyRootFilesystem: true },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels },
        spec: { containers: [container], terminationGracePeriodSeconds: 2, ...more },
      },
    },
  };
}

const service = (port: number): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: { type: 'ClusterIP', selector: { app: 'web' }, ports: [{ port, targetPort: 'http' }] },
  }) as KubeObject;

async function ask(port: number, path = '/', host?: string): Promise<Answer> {
  const response = await fetch(`http://${host ?? '127.0.0.1'}:${port}${path}`, {
    headers: { connection: 'close' },
  });
  return (await response.json()) as Answer;
}

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const outsidePort = freePort;

test('a Deployment scales, and rolls one by one without ever being short of a ready Pod', async (t) => {
  await using local = await rig();
  const port = await outsidePort();
  await local.store.apply(service(port));
  await local.store.apply(deployment(port, 'one', 2));
  await local.ready(2);
  const first = await ask(port);
  t.is(first.version, 'one');
  t.is(first.peer, `http://127.0.0.1:${port}/`, 'the name of a Service is its address');

  await local.store.apply(deployment(port, 'two', 2));
  let fewest = 2;
  let most = 0;
  await until(async () => {
    const pods = await local.pods();
    fewest = Math.min(fewest, pods.filter(isReady).length);
    most = Math.max(most, pods.length);
    return pods.length === 2 && pods.every((pod) => isReady(pod) && versionOf(pod) === 'two');
  }, 'the new template everywhere');
  t.is(fewest, 2);
  t.is(most, 3);
  await until(() => !alive(first.pid), 'the end of the old process');
  t.is((await ask(port)).version, 'two');

  await local.store.apply(deployment(port, 'two', 1));
  await until(async () => {
    const { status } = (await local.store.get(ref('web'))) as Deployment & { status?: { replicas?: number } };
    return status?.replicas === 1;
  }, 'one Pod');
  const { status } = (await local.store.get(ref('web'))) as Deployment & { status: object };
  t.like(status, { observedGeneration: 3, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 });

  await local.store.delete(ref('web'));
  await until(async () => (await local.pods()).length === 0, 'no Pod without its Deployment');
});

test('while rollouts are held Pods stay as they are and still scale; then they are replaced', async (t) => {
  await using local = await rig();
  const port = await outsidePort();
  const versions = async () => (await local.pods()).map(versionOf);
  const seen = async (resource: Resource, name: string) => {
    const found = await local.store.get({ resource, name, namespace: NAMESPACE });
    return (found as KubeObject & { status?: { observedGeneration?: number } }).status?.observedGeneration;
  };
  const held = (version: string, replicas: number) => {
    const one = deployment(port, version, replicas);
    return { ...one, spec: { ...one.spec, paused: true } };
  };
  await local.store.apply(service(port));
  await local.store.apply(deployment(port, 'one', 2));
  await local.ready(2);
  await local.store.apply(held('two', 2));
  await until(async () => (await seen(DEPLOYMENTS, 'web')) === 2, 'a look at the new template');
  t.deepEqual(await versions(), ['one', 'one']);
  t.like(((await local.store.get(ref('web'))) as { status?: object }).status, { updatedReplicas: 0 });
  await local.store.apply(held('two', 1));
  await until(async () => (await local.pods()).length === 1, 'one Pod less');
  t.deepEqual(await versions(), ['one']);
  await local.store.apply(deployment(port, 'two', 1));
  await until(async () => (await versions()).join() === 'two', 'the new template');
  await local.store.delete(ref('web'));
  await until(async () => (await local.pods()).length === 0, 'no Pod without its Deployment');

  await local.store.apply(redisService);
  await local.store.apply(redis('always'));
  const [first] = await local.ready(1);
  const next = redis('everysec') as StatefulSet;
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
  const withHold: StatefulSet = { ...next, spec: { ...next.spec, updateStrategy } };
  await local.store.apply(withHold);
  await until(async () => (await seen(STATEFUL_SETS, 'redis')) === 2, 'a look at the new Redis');
  t.deepEqual(
    (await local.pods()).map(({ metadata }) => metadata.uid),
    [first?.metadata.uid],
  );
  await local.store.apply(next);
  await until(async () => (await local.pods())[0]?.metadata.uid !== first?.metadata.uid, 'the new Redis');
});

test('the balancer spreads over ready Pods, and leaves out one that says it is not', async (t) => {
  await using local = await rig();
  const port = await outsidePort();
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
  await t.throwsAsync(ask(port), undefined, 'nobody is ready');
});

test('a crashed container starts again in its Pod; one that will not end is killed after its grace', async (t) => {
  await using local = await rig();
  const port = await outsidePort();
  await local.store.apply(service(port));
  await local.store.apply(deployment(port, 'stubborn', 1));
  const [pod] = await local.ready(1);
  const { pid } = await ask(port);
  await ask(port, '/die').catch(() => undefined);
  await until(async () => {
    const [now] = await local.pods();
    return now !== undefined && isReady(now) && now.status?.containerStatuses?.[0]?.restartCount === 1;
  }, 'a restart');
  const again = await ask(port);
  t.is(again.name, pod?.metadata.name ?? '');
  t.not(again.pid, pid);
  t.regex(local.problems.join('\n'), /web ended with status 3; it starts again in 1 s/);

  process.kill(again.pid, 'SIGKILL');
  await until(
    async () => (await local.pods())[0]?.status?.containerStatuses?.[0]?.restartCount === 2,
    'another',
  );
  const { pid: last } = await local.ready(1).then(() => ask(port));
  await local.stop();
  t.false(alive(last), 'SIGTERM was not enough for this one');
});

test('a StatefulSet keeps its name, its address and its data', async (t) => {
  await using local = await rig();
  await local.store.apply(redisService);
  await local.store.apply(redis('always'));
  const [first] = await local.ready(1);
  t.is(first?.metadata.name, 'redis-0');
  const host = first?.status?.podIP ?? '';
  const port = first?.spec.containers[0]?.ports?.[0]?.containerPort ?? 0;
  t.is(await command(host, port, 'SET kept yes'), '+OK');

  await local.store.apply(redis('everysec'));
  await until(async () => {
    const [pod] = await local.pods();
    return pod !== undefined && pod.metadata.uid !== first?.metadata.uid && isReady(pod);
  }, 'the new Redis');
  const [second] = await local.pods();
  t.is(second?.metadata.name, 'redis-0');
  t.is(second?.status?.podIP, host);
  t.is(await command(host, port, 'GET kept'), '$3 yes');
  await local.stop();
  await t.throwsAsync(command(host, port, 'PING'));
});

test('with one address only, every Pod and Service gets a port of its own', async (t) => {
  await using local = await rig({ separate: false });
  const port = await outsidePort();
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

test('where a Pod gets other ports than it wants, everything that names them follows', (t) => {
  const spec = (one: number, two: number, admin: number) => ({
    containers: [
      {
        name: 'a',
        image: 'b',
        args: ['--port', String(one)],
        env: [
          { name: 'OCPP_PORT', value: String(one) },
          { name: 'OCPP_LISTENERS', value: `${two}/v16/9000,${one}/lab` },
          { name: 'OTHER', value: '9000' },
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

test('a Pod gets the files of a Secret, and waits for one that is not there', async (t) => {
  await using local = await rig();
  const port = await outsidePort();
  await local.store.apply(service(port));
  const plain = deployment(port, 'one', 1, { volumes: [{ name: 'login', secret: { secretName: 'redis' } }] });
  const { template } = plain.spec;
  const [web] = template.spec.containers;
  const mounted = {
    ...web,
    env: [
      ...(web?.env ?? []).filter(({ name }) => name !== 'PEER'),
      { name: 'PEER', value: '/etc/login/password' },
    ],
    volumeMounts: [{ name: 'login', mountPath: '/etc/login', readOnly: true }],
  };
  const spec = {
    ...plain.spec,
    template: { ...template, spec: { ...template.spec, containers: [mounted] } },
  };
  await local.store.apply({ ...plain, spec } as Deployment);
  await until(() => local.problems.length > 0, 'the complaint');
  t.regex(local.problems[0] ?? '', /there is no Secret here\/redis; put it into the manifest file/);
  const data = { password: Buffer.from('open').toString('base64') };
  await local.store.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'redis', namespace: NAMESPACE },
    data,
  } as KubeObject);
  await local.ready(1);
  const { peer = '' } = await ask(port);
  t.true(peer.startsWith(local.folder));
  t.is(await readFile(peer, 'utf8'), 'open');
});

test('what cannot be honoured is refused by name and starts nothing', async (t) => {
  await using local = await rig();
  const port = await outsidePort();
  const more = {
    hostNetwork: true,
    initContainers: [{ name: 'first', image: 'node' }],
    tolerations: [{ operator: 'Exists' }],
  };
  await local.store.apply(deployment(port, 'one', 1, more));
  await until(() => local.problems.length > 0, 'the refusal');
  t.deepEqual(local.problems, [
    'web npm start cannot honour spec.hostNetwork, spec.initContainers: nothing is started from it',
  ]);
  t.deepEqual(await local.pods(), []);
  const { status } = (await local.store.get(ref('web'))) as Deployment & { status: { conditions: object[] } };
  t.true(status.conditions.some((one) => 'reason' in one && one.reason === 'FieldsRefused'));

  const container = {
    name: 'c',
    image: 'node',
    lifecycle: {},
    env: [{ name: 'E', valueFrom: { configMapKeyRef: {} } }],
  };
  const spec = {
    containers: [{ name: 'b', image: 'b' }, container],
    restartPolicy: 'Never',
    securityContext: { x: 1 },
  };
  t.deepEqual(refusedFields(spec), [
    'spec.containers[1].lifecycle',
    'spec.containers[1].env[0].valueFrom.configMapKeyRef',
    'spec.restartPolicy: "Never"',
  ]);
  const other = deployment(port, 'one', 1);
  await local.store.apply(service(port));
  const [web] = other.spec.template.spec.containers;
  await local.store.apply({
    ...other,
    spec: {
      ...other.spec,
      template: { ...other.spec.template, spec: { containers: [{ ...web, image: 'nginx:1' }] } },
    },
  } as Deployment);
  await until(() => local.problems.length > 1, 'the refusal of the image');
  t.regex(local.problems[1] ?? '', /the image nginx:1 cannot be run on this machine/);
});

test('whoever is killed takes the children along: the guard ends them and removes the folder', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'local-test-'));
  const guarded = `
    import { startGuard } from ${JSON.stringify(join(ROOT, 'operator/local/kubelet/guard.ts'))};
    import { startProcess } from ${JSON.stringify(join(ROOT, 'operator/local/kubelet/process.ts'))};
    const guard = startGuard(${JSON.stringify(folder)});
    const child = startProcess({ file: 'sleep', args: ['600'], env: { PATH: ${JSON.stringify(PATH)} }, cwd: '/', guard, onLine() {} });
    console.log(child.pid);
  `;
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', guarded], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  t.true(alive(pid));
  parent.kill('SIGKILL');
  await until(() => !alive(pid), 'the end of the child');
  await until(() => !existsSync(folder), 'the end of the folder');
});

const versionOf = (pod: Pod) => pod.spec.containers[0]?.args?.[2];
const ref = (name: string) => ({ resource: DEPLOYMENTS, name, namespace: NAMESPACE });

const redisService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'redis', namespace: NAMESPACE },
  spec: { type: 'ClusterIP', selector: { app: 'redis' }, ports: [{ port: 6379, targetPort: 'redis' }] },
} as KubeObject;

function redis(appendFsync: string): KubeObject {
  const settings = {
    bind: '$(POD_IP)',
    port: '$(REDIS_PORT)',
    dir: '/data',
    save: '',
    appendonly: 'yes',
    appendfsync: appendFsync,
  };
  const container: Container = {
    name: 'redis',
    image: 'redis:7',
    command: ['redis-server'],
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'REDIS_PORT', value: '6379' },
    ],
    ports: [{ name: 'redis', containerPort: 6379 }],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
    readinessProbe: {
      exec: { command: ['sh', '-c', 'test "$(redis-cli -h "$POD_IP" -p "$REDIS_PORT" ping)" = PONG'] },
    },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'redis', namespace: NAMESPACE },
    spec: {
      replicas: 1,
      serviceName: 'redis',
      selector: { matchLabels: { app: 'redis' } },
      template: { metadata: { labels: { app: 'redis' } }, spec: { containers: [container] } },
      volumeClaimTemplates: [{ metadata: { name: 'data' } }],
    },
  } as KubeObject;
}

/** One command to Redis, its answer on one line. */
async function command(host: string, port: number, text: string): Promise<string> {
  const socket = connect({ host, port });
  socket.end(`${text}\r\nQUIT\r\n`);
  const parts: string[] = [];
  for await (const chunk of socket) parts.push(String(chunk));
  return parts
    .join('')
    .replace(/\+OK\r\n$/, '')
    .trim()
    .replaceAll('\r\n', ' ');
}
