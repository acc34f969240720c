/** Pods of `npm start`: restarts, Secrets, ConfigMaps, environment, refused fields, and the guard. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { type Deployment, isReady, type Pod } from '../../../operator/local/kinds.ts';
import type { PodContext } from '../../../operator/local/kubelet/environment.ts';
import { DataFolder, DataFolderError } from '../../../operator/local/kubelet/data-folder.ts';
import { type PodHost, PodRun, podVolume } from '../../../operator/local/kubelet/pod.ts';
import { refusedFields } from '../../../operator/local/kubelet/pod-fields.ts';
import { warningIn } from '../../../operator/local/kubelet/pod-logs.ts';
import { readSettingsFolder } from '../../../services/runtime/settings-folder.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { alive, ask, deployment, NAMESPACE, PATH, ref, rig, service } from './rig.ts';

const ROOT = join(import.meta.dirname, '../..', '..');

test('a crashed container restarts in its Pod; one that ignores SIGTERM is killed after its grace period', async (t) => {
  await using local = await rig();
  const port = await freePort();
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
  t.regex(local.problems.join('\n'), /web ended with status 3; restart in 1 s/);

  process.kill(again.pid, 'SIGKILL');
  await until(
    async () => (await local.pods())[0]?.status?.containerStatuses?.[0]?.restartCount === 2,
    'another',
  );
  const { pid: last } = await local.ready(1).then(() => ask(port));
  await local.stop();
  t.false(alive(last), 'SIGTERM was not enough for this one');
});

test('a Pod gets the files of a Secret, waits for one that does not exist, and follows its changes while it runs', async (t) => {
  await using local = await rig();
  const port = await freePort();
  await local.store.apply(service(port));
  const plain = deployment(port, 'one', 1, {
    volumes: [{ name: 'login', secret: { secretName: 'redis' } }],
  });
  const { template } = plain.spec;
  const [web] = template.spec.containers;
  const mounted = {
    ...web,
    env: [
      ...(web?.env ?? []).filter(({ name }) => name !== 'OWN'),
      { name: 'OWN', value: '/etc/login/password' },
    ],
    volumeMounts: [{ name: 'login', mountPath: '/etc/login', readOnly: true }],
  };
  const spec = {
    ...plain.spec,
    template: {
      ...template,
      spec: { ...template.spec, containers: [mounted] },
    },
  };
  await local.store.apply({ ...plain, spec } as Deployment);
  await until(() => local.problems.length > 0, 'the complaint');
  t.regex(local.problems[0] ?? '', /there is no Secret here\/redis; put it into the manifest file/);
  const write = async (password: string) => {
    const metadata = { name: 'redis', namespace: NAMESPACE };
    const data = { password: Buffer.from(password).toString('base64') };
    await local.store.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      data,
    } as KubeObject);
  };
  await write('open');
  await local.ready(1);
  const { own = '', pid } = await ask(port);
  t.true(own.startsWith(local.folder));
  t.is(await readFile(own, 'utf8'), 'open');
  await write('sesame');
  await until(async () => (await readFile(own, 'utf8')) === 'sesame', 'the changed file');
  t.is((await ask(port)).pid, pid, 'the same process');
});

test('a Pod gets the variables and files of a ConfigMap, and its files change with it while it runs', async (t) => {
  await using local = await rig();
  const port = await freePort();
  await local.store.apply(service(port));
  const plain = deployment(port, 'one', 1, {
    volumes: [{ name: 'settings', configMap: { name: 'web' } }],
  });
  const { template } = plain.spec;
  const [web] = template.spec.containers;
  const mounted = {
    ...web,
    env: (web?.env ?? []).filter(({ name }) => name !== 'OWN'),
    envFrom: [{ configMapRef: { name: 'web' } }],
    volumeMounts: [{ name: 'settings', mountPath: '/etc/settings', readOnly: true }],
  };
  const spec = {
    ...plain.spec,
    template: {
      ...template,
      spec: { ...template.spec, containers: [mounted] },
    },
  };
  await local.store.apply({ ...plain, spec } as Deployment);
  await until(() => local.problems.length > 0, 'the complaint');
  t.regex(local.problems[0] ?? '', /there is no ConfigMap here\/web/);
  const write = async (data: Readonly<Record<string, string>>) => {
    const metadata = { name: 'web', namespace: NAMESPACE };
    await local.store.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data,
    } as KubeObject);
  };
  await write({ OWN: '/etc/settings/RATE', RATE: '1', OLD: 'x' });
  await local.ready(1);
  const { own = '', pid } = await ask(port);
  t.is(await readFile(own, 'utf8'), '1');
  const texts = () => readSettingsFolder(dirname(own), ['RATE', 'OLD', 'NEW']);
  t.deepEqual(await texts(), { RATE: '1', OLD: 'x' });
  await write({ OWN: '/etc/settings/RATE', RATE: '2', NEW: 'y' });
  await until(async () => (await texts())?.['RATE'] === '2', 'the new files');
  t.deepEqual(await texts(), { RATE: '2', NEW: 'y' });
  t.deepEqual((await readdir(dirname(own))).sort(), ['..2', '..data', 'NEW', 'OWN', 'RATE']);
  t.is((await ask(port)).pid, pid, 'the same process');
});

test('a Pod that stops while its files are written has stopped when they are: its folder can be removed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'local-test-'));
  const secret = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`key-${n}`, 'x']));
  const containers = [{ name: 'web', image: 'node', args: ['-e', 'setInterval(() => {}, 1000)'] }];
  const volumes = [{ name: 'keys', secret: { secretName: 'keys' } }];
  const metadata = { name: 'web', namespace: NAMESPACE };
  const template = { metadata, spec: { containers, volumes } };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', ...template };
  const host: PodHost = {
    programs: {
      env: { PATH },
      program: ({ args = [] }) => ({ file: process.execPath, args }),
    },
    guard: {
      add: () => t.fail('a process was started'),
      remove: () => undefined,
    },
    folder,
    claims: join(folder, 'claims'),
    onLine: () => undefined,
    onWarning: (_, message) => t.fail(message),
  };
  const context: PodContext = {
    name: 'web',
    namespace: NAMESPACE,
    uid: '',
    templateHash: undefined,
    podIp: '127.0.0.1',
    secret: () => secret,
    configMap: () => undefined,
    apiServer: undefined,
    service: () => undefined,
  };
  const run = new PodRun(
    pod,
    host,
    () => context,
    () => undefined,
  );
  const started = run.start();
  await until(() => existsSync(podVolume(folder, pod, 'keys')), 'the first file');
  await run.stop();
  await rm(folder, { recursive: true });
  await started;
  t.false(existsSync(folder));
});

test('fields that cannot be honoured are refused by name, and no Pod is created', async (t) => {
  await using local = await rig();
  const port = await freePort();
  const more = {
    hostNetwork: true,
    initContainers: [{ name: 'first', image: 'node' }],
    tolerations: [{ operator: 'Exists' }],
  };
  await local.store.apply(deployment(port, 'one', 1, more));
  await until(() => local.problems.length > 0, 'the refusal');
  t.deepEqual(local.problems, [
    'web npm start cannot honour spec.hostNetwork, spec.initContainers: no Pod is created from it',
  ]);
  t.deepEqual(await local.pods(), []);
  const { status } = (await local.store.get(ref('web'))) as Deployment & {
    status: { conditions: object[] };
  };
  t.true(status.conditions.some((one) => 'reason' in one && one.reason === 'FieldsRefused'));

  const container = {
    name: 'c',
    image: 'node',
    lifecycle: { postStart: {} },
    env: [{ name: 'E', valueFrom: { configMapKeyRef: {} } }],
  };
  const spec = {
    containers: [{ name: 'b', image: 'b' }, container],
    restartPolicy: 'Never',
    securityContext: { x: 1 },
  };
  t.deepEqual(refusedFields(spec), [
    'spec.containers[1].lifecycle.postStart',
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
      template: {
        ...other.spec.template,
        spec: { containers: [{ ...web, image: 'nginx:1' }] },
      },
    },
  } as Deployment);
  await until(() => local.problems.length > 1, 'the refusal of the image');
  t.regex(local.problems[1] ?? '', /the image nginx:1 cannot be run on this machine/);
});

test('when the parent is killed, the guard ends its children and removes the folder', async (t) => {
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

test('warnings and errors of the logs appear on the terminal', (t) => {
  const of = (line: string, stream: 'stdout' | 'stderr' = 'stdout') => warningIn(line, stream);
  t.is(of('{"level":"info","msg":"started"}'), undefined);
  t.is(of('{"level":"warn","time":"t","name":"p","msg":"slow","ms":7,"who":"x"}'), 'slow ms=7 who=x');
  t.is(of('1:M # Failed listening on port 6379'), '1:M # Failed listening on port 6379');
  t.is(of('1:M # WARNING Memory overcommit must be enabled! … may fail', 'stdout'), undefined);
  t.is(of('1:M * Ready to accept connections'), undefined);
  t.is(of('Error: boom', 'stderr'), 'Error: boom');
  for (const line of ['', '    at main (main.ts:1:2)', 'node:internal/modules:1'])
    t.is(of(line, 'stderr'), undefined);
});

test('a data folder has one run at a time; the lock of a dead one does not count', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'local-test-'));
  const data = join(folder, 'data');
  const first = DataFolder.lock(data, process.pid);
  t.throws(() => DataFolder.lock(data, process.pid), {
    instanceOf: DataFolderError,
    message: /in use by another/,
  });
  first[Symbol.dispose]();
  const gone = spawn('true');
  await once(gone, 'exit');
  DataFolder.lock(data, gone.pid ?? 0);
  DataFolder.lock(data, process.pid)[Symbol.dispose]();
  t.throws(() => DataFolder.lock('/dev/null/data', process.pid), {
    instanceOf: DataFolderError,
  });
  t.throws(() => DataFolder.lock('/dev/null', process.pid), {
    instanceOf: DataFolderError,
    message: '/dev/null is not a folder',
  });
  await rm(folder, { recursive: true });
});
