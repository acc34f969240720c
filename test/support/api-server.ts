/**
 * A private Kubernetes API: etcd and kube-apiserver of the envtest kind on free loopback ports, with
 * RBAC, real certificates and one token per user, but no controllers. Share one per test file.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, globSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { KubeHttp } from '../../operator/kube/http.ts';
import { freePort } from './free-port.ts';

/** What tests use that share a server. */
export interface ApiConnection {
  readonly url: string;
  /** As a member of system:masters. */
  readonly http: KubeHttp;
  /** Installs a CustomResourceDefinition from YAML and waits until it is served. */
  installCrd(yaml: string): Promise<void>;
}

/** Where a server is; plain data. */
export interface ApiPlace {
  readonly url: string;
  /** Path of its CA. */
  readonly certificates: string;
  /** Of a member of system:masters. */
  readonly token: string;
}

export interface ApiServer extends ApiConnection, AsyncDisposable {
  readonly place: ApiPlace;
  /** As this user; without `groups` nothing is allowed but what RBAC objects grant. */
  httpAs(user: string): KubeHttp;
  /** What this user (`admin` where left out) shows to be known. */
  token(user?: string): string;
  /** Gives the user another token. The server knows it, and no longer the old one, from its next start. */
  renewToken(user: string): void;
  /** Path of a kubeconfig file for this user. */
  kubeconfig(user?: string): string;
  /** SIGKILL: every connection is reset. The data stay. */
  kill(): Promise<void>;
  /** Restarts it on the same port. */
  restart(): Promise<void>;
  /** SIGSTOP, SIGCONT: hangs without closing a connection. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface ApiServerOptions {
  /** User names besides `admin`, with their groups. */
  readonly users?: Readonly<Record<string, readonly string[]>>;
  /** More flags of kube-apiserver. */
  readonly flags?: readonly string[];
  /** The server does not keep this process from ending, and ends with it. */
  readonly isBackground?: boolean;
}

const GET_ASSETS = 'go run sigs.k8s.io/controller-runtime/tools/setup-envtest@latest use -p path';
/** Of OcppClusters. */
export const DEFINITION = readFileSync(join(import.meta.dirname, '../../crds/ocppclusters.yaml'), 'utf8');

const START_MS = 60_000;
/** A test's server is short-lived: memory is cheaper than collecting it. */
const GO = { ...process.env, GOGC: '400' };

/** Undefined (and a loud word) where there are no binaries; an error if CI is set. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer | undefined> {
  const assets = testTools();
  if (assets !== undefined) return start(assets, options);
  const message = `no kube-apiserver here; get one with: export KUBEBUILDER_ASSETS=$(${GET_ASSETS})`;
  if (process.env['CI']) throw new Error(message);
  console.warn(`SKIPPED: ${message}`);
  return undefined;
}

/** Folder with kube-apiserver, etcd and kubectl. Undefined where there is none. */
export function testTools(): string | undefined {
  const given = process.env['KUBEBUILDER_ASSETS'];
  if (given) return given;
  const caches = [
    join(homedir(), '.local/share/kubebuilder-envtest/k8s'),
    join(homedir(), 'Library/Application Support/io.kubebuilder.envtest/k8s'),
  ];
  const found = caches.flatMap((cache) => globSync(join(cache, '*/kube-apiserver'))).sort();
  const newest = found.at(-1);
  if (newest !== undefined) return join(newest, '..');
  const cluster =
    process.env['OCPP_TEST_CLUSTER'] ?? join(import.meta.dirname, '../../../shared/kube/cluster');
  if (!existsSync(cluster)) return undefined;
  return execFileSync(cluster, ['tools'], { encoding: 'utf8' }).trim();
}

async function start(assets: string, options: ApiServerOptions): Promise<ApiServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-api-server-'));
  const children = new Set<ChildProcess>();
  const watchdog = startWatchdog(folder);
  const cleanUp = () => {
    watchdog.kill('SIGKILL');
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const run = (program: string, args: readonly string[]) => {
    const log = openSync(join(folder, `${program}.log`), 'a');
    const child = spawn(join(assets, program), args, { stdio: ['ignore', log, log], cwd: folder, env: GO });
    children.add(child);
    if (options.isBackground) child.unref();
    watchdog.stdin?.write(`${child.pid}\n`);
    child.on('exit', () => children.delete(child));
    return child;
  };

  const tokens = writeCredentials(folder, options);
  const [etcdPort, port] = [await freePort(), await freePort()];
  run('etcd', etcdArgs(folder, etcdPort));
  const apiServerArgs = [...argsOf(folder, etcdPort, port), ...(options.flags ?? [])];
  const url = `https://127.0.0.1:${port}`;
  const certificates = join(folder, 'certs/apiserver.crt');
  const place = { url, certificates, token: tokens.get('admin') ?? '' };
  const httpAs = (user: string) => httpWith({ url, certificates, token: tokens.get(user) ?? '' });
  const connection = connectTo(place);
  const { http } = connection;
  let child: ChildProcess;
  const restart = async () => {
    child = run('kube-apiserver', apiServerArgs);
    await ready(http, child, join(folder, 'kube-apiserver.log'));
  };
  const kill = async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => child.once('exit', resolve));
    }
  };
  try {
    await restart();
  } catch (error) {
    cleanUp();
    throw error;
  }
  return {
    ...connection,
    place,
    httpAs,
    kill,
    restart,
    signal: (name) => void child.kill(name),
    token: (user = 'admin') => tokens.get(user) ?? '',
    renewToken(user) {
      tokens.set(user, newToken());
      writeTokens(folder, tokens, options.users);
    },
    kubeconfig: (user = 'admin') => writeKubeconfig(folder, url, user, tokens.get(user) ?? ''),
    async [Symbol.asyncDispose]() {
      http.close();
      await kill();
      cleanUp();
    },
  };
}

export function connectTo(place: ApiPlace): ApiConnection {
  const http = httpWith(place);
  return { url: place.url, http, installCrd: (yaml) => installCrd(http, yaml) };
}

function httpWith({ url, certificates, token }: ApiPlace): KubeHttp {
  return new KubeHttp({
    server: url,
    authenticate(request) {
      request.ca = readFileSync(certificates);
      request.headers = { authorization: `Bearer ${token}` };
      return Promise.resolve();
    },
  });
}

/** Ends what was started even if this process is killed: it lives until its input ends. */
function startWatchdog(folder: string): ChildProcess {
  const script = 'while read -r pid; do pids="$pids $pid"; done; kill -9 $pids; rm -rf "$1"';
  const args = ['-c', script, 'watchdog', folder];
  const watchdog = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  return watchdog;
}

function writeCredentials(folder: string, { users = {} }: ApiServerOptions): Map<string, string> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const tokens = new Map(['admin', ...Object.keys(users)].map((user) => [user, newToken()]));
  writeTokens(folder, tokens, users);
  return tokens;
}

const newToken = () => randomBytes(16).toString('hex');

function writeTokens(
  folder: string,
  tokens: ReadonlyMap<string, string>,
  users: ApiServerOptions['users'] = {},
): void {
  const groups: ApiServerOptions['users'] = { admin: ['system:masters'], ...users };
  const rows = [...tokens].map(
    ([user, token]) => `${token},${user},${user},"${groups[user]?.join(',') ?? ''}"\n`,
  );
  writeFileSync(join(folder, 'tokens.csv'), rows.join(''));
}

function etcdArgs(folder: string, port: number): string[] {
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${port}`,
    `--advertise-client-urls=http://127.0.0.1:${port}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    '--unsafe-no-fsync=true',
    '--log-level=error',
  ];
}

function argsOf(folder: string, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--cert-dir=${join(folder, 'certs')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--disable-admission-plugins=ServiceAccount',
    // A test may create hundreds of Services.
    '--service-cluster-ip-range=10.0.0.0/20',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'sa.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
    '--allow-privileged=true',
  ];
}

async function ready(http: KubeHttp, child: ChildProcess, log: string): Promise<void> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    try {
      // Answers only once the built-in namespaces and RBAC rules are there.
      await http.json({ method: 'GET', path: '/api/v1/namespaces/default', timeoutMs: 2000 });
      await http.json({ method: 'GET', path: '/apis/rbac.authorization.k8s.io/v1/clusterroles/admin' });
      return;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline) {
        const tail = readFileSync(log, 'utf8').slice(-2000);
        throw new Error(`kube-apiserver did not start, its log ends with:\n${tail}`, { cause: error });
      }
      await delay(100);
    }
  }
}

function writeKubeconfig(folder: string, server: string, user: string, token: string): string {
  // KUBECONFIG takes a colon for the end of a path.
  const file = join(folder, `${user.replaceAll(':', '-')}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server, 'certificate-authority': join(folder, 'certs/apiserver.crt') } },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user } }],
    'current-context': 'test',
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

async function installCrd(http: KubeHttp, yaml: string): Promise<void> {
  const crd = parse(yaml) as {
    metadata: { name: string };
    spec: { group: string; names: { plural: string }; versions: { name: string; served: boolean }[] };
  };
  await http.json({
    method: 'PATCH',
    path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`,
    query: { fieldManager: 'test', force: 'true', fieldValidation: 'Strict' },
    body: crd,
    contentType: 'application/apply-patch+yaml',
  });
  const version = crd.spec.versions.find(({ served }) => served)?.name;
  const path = `/apis/${crd.spec.group}/${version}/${crd.spec.names.plural}`;
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await http.json({ method: 'GET', path });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}
