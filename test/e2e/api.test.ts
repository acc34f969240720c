/** The HTTP API of a cluster, as its user meets it: enabled, asked through kubectl port-forward and `kubectl ocpp`, without its tokens, and disabled. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { API_VERSION, KIND } from '../../operator/api/ocpp-cluster.ts';
import { createNamespace, diagnostics, removeEverything, startAfresh } from './environment.ts';
import { apply, condition, get, type Manifest, patch, shell, until } from './kubectl.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'ocpp-e2e-api';
const NAME = 'door';
/** The objects that the API adds; a NetworkPolicy and a budget are optional. */
const OBJECTS = [
  ['deployment', `${NAME}-api`],
  ['service', `${NAME}-api`],
  ['serviceaccount', `${NAME}-api`],
  ['role', `${NAME}-api`],
  ['rolebinding', `${NAME}-api`],
  ['networkpolicy', `${NAME}-api`],
  ['poddisruptionbudget', `${NAME}-api`],
  ['secret', `${NAME}-api-admin`],
] as const;

interface Secret extends Manifest {
  readonly data?: Readonly<Record<string, string>>;
}
interface Cluster {
  readonly status?: {
    readonly api?: { readonly replicas: number; readonly readyReplicas: number };
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

test.before('one image, and a cluster of ours', async (t) => {
  t.timeout(600_000);
  await startAfresh();
  await createNamespace(NAMESPACE);
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([NAMESPACE]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  await removeEverything();
});

const statusOf = async () => (await get<Cluster>('ocppcluster', NAME, NAMESPACE))?.status;
const conditionOf = async (type: string) => (await statusOf())?.conditions?.find((one) => one.type === type);
const change = (api: object) => patch('ocppcluster', NAME, NAMESPACE, { spec: { api } });
const ready = (count: number) =>
  until(`${count} ready Pods of the API`, 120, async () => {
    const { replicas, readyReplicas } = (await statusOf())?.api ?? {};
    return replicas === count && readyReplicas === count;
  });
const existing = async () => {
  const found = await Promise.all(OBJECTS.map(([kind, name]) => get(kind, name, NAMESPACE)));
  return OBJECTS.filter((_one, index) => found[index] !== undefined).map(([kind]) => kind);
};

/** `kubectl port-forward` to a Service, on any port of this machine. */
async function forwarded(
  component: 'api' | 'ws-proxy',
  servicePort: number,
): Promise<{ readonly address: string } & Disposable> {
  const args = ['port-forward', '-n', NAMESPACE, `service/${NAME}-${component}`, `:${servicePort}`];
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // Read to its end: kubectl writes a line for each connection, and ends when it cannot.
  createInterface(child.stdout).on('line', (line) => {
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(line) ?? [];
    if (port !== undefined) resolve(`127.0.0.1:${port}`);
  });
  child.once('exit', () => reject(new Error('kubectl port-forward ended')));
  return { address: await promise, [Symbol.dispose]: () => void child.kill() };
}

const ask = (address: string, path: string, token: string) =>
  fetch(`http://${address}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(15_000),
  });

test.serial(
  'with its admin token the API shows the status of its own cluster, and with another one nothing',
  async (t) => {
    t.timeout(400_000);
    const spec = { api: { enabled: true, replicas: 2 }, networkPolicy: { enabled: true } };
    await apply({
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name: NAME, namespace: NAMESPACE },
      spec,
    });
    await condition(NAME, NAMESPACE, 'Available', 240);
    await ready(2);
    t.deepEqual(
      await existing(),
      OBJECTS.map(([kind]) => kind),
    );

    const secret = await get<Secret>('secret', `${NAME}-api-admin`, NAMESPACE);
    const token = Buffer.from(secret?.data?.['token'] ?? '', 'base64').toString();
    using forward = await forwarded('api', 80);
    const response = await ask(forward.address, '/v1/status', token);
    t.is(response.status, 200);
    const body = (await response.json()) as {
      cluster?: { name: string; status: { api?: object } };
      clusterProblem?: string;
      you?: object;
    };
    t.is(body.clusterProblem, undefined);
    t.is(body.cluster?.name, NAME);
    t.deepEqual(body.cluster?.status.api, { replicas: 2, readyReplicas: 2 });
    t.like(body.you, { scope: 'admin' });
    t.is((await ask(forward.address, '/v1/status', `${token}x`)).status, 401);
    t.is((await ask(forward.address, '/v1/stations', '')).status, 401);

    const page = await ask(forward.address, '/', '');
    t.is(page.status, 200);
    t.regex(page.headers.get('content-security-policy') ?? '', /script-src 'self'/);
    const [, script] = /src="\.(\/assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
    t.is((await ask(forward.address, script ?? '/no-script', '')).status, 200, 'the script of the console');
  },
);

/** The lines of docs/ocppctl.md for a plugin of kubectl, as far as they make it. */
const INSTALL = `
node build.ts dev "$AT/dist" > "$AT/log" && mkdir "$AT/bin"
install -m 755 "$AT/dist/ocppctl.js" "$AT/bin/kubectl-ocpp"
`;

test.serial(
  'a station that comes through kubectl port-forward is listed, started and stopped with kubectl ocpp, and its bill is read',
  async (t) => {
    t.timeout(300_000);
    const at = mkdtempSync(join(tmpdir(), 'kubectl-ocpp-'));
    t.teardown(() => rmSync(at, { recursive: true }));
    await shell(`AT=${at}\n${INSTALL}`, ROOT);
    const ocpp = (line: string) => shell(`PATH="${at}/bin:$PATH" kubectl ocpp -n ${NAMESPACE} ${line}`, at);
    using forward = await forwarded('ws-proxy', 9000);
    const args = ['examples/charging-station.ts', `ws://${forward.address}/ocpp`, 'DEMO-1'];
    const station = spawn(process.execPath, args, { cwd: ROOT, stdio: 'ignore' });
    try {
      await until('the station in the list', 60, async () =>
        (await ocpp('stations --connected')).includes('DEMO-1'),
      );
      await ocpp('tokens set DEMO');
      t.regex(await ocpp('start DEMO-1 --token DEMO --connector 1'), /Accepted/);
      const open = await until('an open transaction', 30, async () => {
        const [one] = JSON.parse(await ocpp('transactions -o json')) as { readonly transaction: string }[];
        return one;
      });
      t.regex(await ocpp(`stop DEMO-1 ${open.transaction}`), /Accepted/);
      await until('its bill', 30, async () =>
        (await ocpp('transactions --closed --station DEMO-1')).includes(open.transaction),
      );
    } finally {
      station.kill();
    }

    const pods = async () =>
      JSON.parse(await ocpp('drain -o json')) as { readonly name: string; readonly isReady: boolean }[];
    const ready = () =>
      until('two ready ws-proxies', 120, async () => {
        const all = await pods();
        return all.length === 2 && all.every(({ isReady }) => isReady) && all;
      });
    const [victim] = await ready();
    t.regex(await ocpp(`drain ${victim?.name}`), /has ended after \d+ s/);
    t.false((await ready()).some(({ name }) => name === victim?.name));
  },
);

test.serial(
  'a missing Secret of tokens is named in Degraded, and stations are served meanwhile',
  async (t) => {
    t.timeout(400_000);
    await change({ tokensSecret: { name: 'tokens' } });
    await until('the missing Secret in Degraded', 120, async () => {
      const { status, reason, message = '' } = (await conditionOf('Degraded')) ?? {};
      return status === 'True' && reason === 'ApiNotRunning' && message.includes('Create the Secret tokens');
    });
    t.is((await conditionOf('Available'))?.status, 'True');
    t.is(
      (await get<{ status: { readyReplicas?: number } }>('deployment', `${NAME}-api`, NAMESPACE))?.status
        .readyReplicas,
      2,
    );
    const metadata = { name: 'tokens', namespace: NAMESPACE };
    await apply({ apiVersion: 'v1', kind: 'Secret', metadata });
    // The kubelet tries again after up to two minutes.
    await until('a rollout that ends', 240, async () => (await conditionOf('Degraded'))?.status === 'False');
  },
);

test.serial('to disable the API removes all its objects, and to enable it makes another token', async (t) => {
  t.timeout(400_000);
  const token = async () => (await get<Secret>('secret', `${NAME}-api-admin`, NAMESPACE))?.data?.['token'];
  const before = await token();
  await change({ enabled: false });
  await until('the end of its objects', 60, async () => (await existing()).length === 0);
  t.is((await statusOf())?.api, undefined);
  await change({ enabled: true });
  await ready(2);
  t.truthy(await token());
  t.not(await token(), before);
});
