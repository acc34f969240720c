/** The Pods of `helm test`: their programs run as local processes, with and without their real counterparts. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ENV } from '../../services/contract.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { endWithUs } from '../support/children.ts';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { chartTest, only, type Rendered, template } from './helm.ts';
import { CLUSTER, OPERATOR } from './values.ts';

interface TestPod extends Rendered {
  readonly spec: {
    readonly containers: readonly [
      {
        readonly args: readonly string[];
        readonly env: readonly { readonly name: string; readonly value: string }[];
      },
    ];
  };
}

/** Runs the container of the Pod with these variables changed. @returns exit code and output */
async function runPod(objects: readonly Rendered[], changes: Readonly<Record<string, string>>) {
  const [{ args, env }] = (only(objects, 'Pod') as TestPod).spec.containers;
  const rendered = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const child = endWithUs(spawn(process.execPath, args, { env: { ...rendered, ...changes } }));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, said: out + err };
}

/** The ServiceAccount folder that the kubelet mounts into a Pod. */
function serviceAccount(server: ApiServer, user: string): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-account-'));
  const config = JSON.parse(readFileSync(server.kubeconfig(user), 'utf8')) as {
    clusters: [{ cluster: { 'certificate-authority': string } }];
    users: [{ user: { token: string } }];
  };
  writeFileSync(join(folder, 'ca.crt'), readFileSync(config.clusters[0].cluster['certificate-authority']));
  writeFileSync(join(folder, 'token'), config.users[0].user.token);
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

chartTest('arguments of the Pods pass through Kubernetes unchanged', (t) => {
  for (const chart of [OPERATOR, CLUSTER]) {
    const [{ args }] = (only(template(chart), 'Pod') as TestPod).spec.containers;
    // The kubelet replaces `$(NAME)` and `$$`.
    for (const arg of args) t.notRegex(arg, /\$[($]/);
  }
});

chartTest('helm test of the operator fails without the operator, and without the definition', async (t) => {
  const user = 'system:serviceaccount:ocpp-system:ocpp-ocpp-operator-test';
  const users = { [user]: ['system:serviceaccounts', 'system:authenticated'] };
  await using server = await startApiServer({ users });
  if (server === undefined) {
    t.pass('skipped');
    return;
  }
  await server.installCrd(readFileSync(join(OPERATOR, 'files/ocppclusters.yaml'), 'utf8'));
  using account = serviceAccount(server, user);
  const { hostname, port } = new URL(server.url);
  await using operator = await startProgram('operator', {
    KUBECONFIG: server.kubeconfig(),
    POD_NAMESPACE: 'default',
  });
  const run = () =>
    runPod(template(OPERATOR), {
      OPERATOR_URL: `http://127.0.0.1:${operator.adminPort}/readyz`,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      SERVICE_ACCOUNT: account.folder,
      TEST_SECONDS: '1',
    });

  t.like(await run(), { code: 0 });
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ocppclusters.ocpp.dev';
  await server.http.json({ method: 'DELETE', path });
  const kindless = await run();
  t.is(kindless.code, 1);
  t.regex(kindless.said, /FAILED: the API server serves ocpp\.dev\/v1alpha1/);
  await operator.kill('SIGKILL');
  const alone = await run();
  t.is(alone.code, 1);
  t.regex(alone.said, /FAILED: the operator is ready .*ECONNREFUSED/);
});

/** Answers each handshake with its status. */
async function refusing(status: number): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((_, response) => response.writeHead(status).end());
  server.on('upgrade', (_, tcp) => tcp.end(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ocpp/helm-test`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

chartTest('a listener that asks who a station is must refuse helm test, or report only', async (t) => {
  const spec = {
    authentication: { stations: { register: true } },
    listeners: [{ name: 'a', securityProfile: 1 }],
  };
  const run = (url: string) => runPod(template(CLUSTER, { spec }), { ASKING_URLS: url, TEST_SECONDS: '1' });
  await using redis = await startRedis();
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-key-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const passwordKey = join(folder, 'key');
  writeFileSync(passwordKey, 'k'.repeat(32));
  for (const [mode, answer] of [
    ['Enforce', /answered with 401, as the station proves nothing/],
    ['Report', /answered with the upgrade/],
  ] as const) {
    await using proxy = await startProgram('ws-proxy', {
      [ENV.redisAddr]: redis.addr,
      [ENV.stationSource]: 'register',
      [ENV.passwordKeyFile]: passwordKey,
      [ENV.authenticationMode]: mode,
    });
    const found = await run(`${proxy.url.replace('ws:', 'http:')}/helm-test`);
    t.is(found.code, 0, found.said);
    t.regex(found.said, answer);
  }
  for (const [status, code] of [
    [401, 0],
    [404, 0],
    [503, 1],
  ] as const) {
    await using server = await refusing(status);
    t.is((await run(server.url)).code, code, `${status}`);
  }
});

chartTest('helm test connects to what a Pod can reach, each in its way', (t) => {
  const listeners = [
    { name: 'a' },
    { name: 'b', port: 9001, securityProfile: 1 },
    { name: 'c', port: 9002, securityProfile: 3, tls: { secretName: 's' } },
    { name: 'd', port: 9003, securityProfile: 2, tls: { termination: 'LoadBalancer' } },
    { name: 'e', port: 9004, proxyProtocol: true },
  ];
  const urls = (spec: object) => {
    const [{ env }] = (only(template(CLUSTER, { spec }), 'Pod') as TestPod).spec.containers;
    return ['STATION_URLS', 'ASKING_URLS'].map((name) => env.find((one) => one.name === name)?.value);
  };
  const host = 'ocpp-ws-proxy.ocpp-system';
  const asking = `http://${host}:9001/ocpp/helm-test,https://${host}:9002/ocpp/helm-test`;
  t.deepEqual(urls({ listeners }), [`ws://${host}:9000/ocpp/helm-test`, asking]);
  t.deepEqual(urls({ listeners, authentication: { stations: { register: true } } }), [
    '',
    `http://${host}:9000/ocpp/helm-test,${asking}`,
  ]);
});

chartTest('helm test of a cluster fails without a processor, and without a proxy', async (t) => {
  await using redis = await startRedis();
  const env = { [ENV.redisAddr]: redis.addr };
  await using proxy = await startProgram('ws-proxy', env);
  await using processor = await startProgram('processor', env);
  const run = () => runPod(template(CLUSTER), { STATION_URLS: `${proxy.url}/helm-test`, TEST_SECONDS: '2' });

  const well = await run();
  t.is(well.code, 0, well.said);
  t.regex(well.said, /answered \[3,"helm-test"/);
  await processor.kill('SIGKILL');
  const unanswered = await run();
  t.is(unanswered.code, 1);
  t.regex(unanswered.said, /FAILED: ws:.*no answer within 2 s/);
  await proxy.kill('SIGKILL');
  const refused = await run();
  t.is(refused.code, 1);
  t.regex(refused.said, /FAILED: ws:/);
});
