/**
 * The way to an API through kubectl: it finds the OcppCluster, reads the Secret of the admin token, and forwards a local port. All
 * rights are those of the user's kubeconfig. Tokens are read from its output and are never arguments.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { away, failure } from './exit.ts';
import { printable } from './table.ts';

export interface ClusterReference {
  /** Omitted: the only OcppCluster of the namespace that has an API. */
  readonly name?: string;
  readonly namespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
}

export interface Forward {
  readonly url: string;
  /** False once kubectl has ended, as it does when its Pod ends. */
  isRunning(): boolean;
  close(): Promise<void>;
}

/** A Pod that holds sockets of stations. */
export interface ProxyPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly isReady: boolean;
  /** It drains, and ends after it. */
  readonly isEnding: boolean;
  /** When it was made, RFC 3339. */
  readonly since: string;
}

export interface Kubectl {
  /** All reject with an ExitError. */
  nameOf(cluster: ClusterReference): Promise<string>;
  adminToken(cluster: ClusterReference, name: string): Promise<string>;
  forward(cluster: ClusterReference, name: string): Promise<Forward>;
  proxyPods(cluster: ClusterReference, name: string): Promise<readonly ProxyPod[]>;
  /** Ends the Pod in good order, unless its PodDisruptionBudget forbids it. */
  evict(cluster: ClusterReference, pod: ProxyPod): Promise<void>;
}

/** How long kubectl may take, with an exec plugin that logs in; ms. */
const PATIENCE = 15_000;
const MOST_OUTPUT = 16 * 1024 * 1024;

const FORWARDING = /^Forwarding from (127\.0\.0\.1|\[::1\]):(\d+) ->/m;

export const createKubectl = (): Kubectl => ({ nameOf, adminToken, forward, proxyPods, evict });

async function nameOf(cluster: ClusterReference): Promise<string> {
  if (cluster.name !== undefined) return cluster.name;
  const text = await run([...placeOf(cluster), 'get', 'ocppclusters', '-o', 'json']);
  const names = namesWithApi(text);
  const [name] = names;
  const where = cluster.namespace === undefined ? 'the current namespace' : `namespace ${cluster.namespace}`;
  if (name === undefined)
    throw failure(
      `no OcppCluster in ${where} has an API: set spec.api.enabled, or choose another namespace with -n`,
    );
  if (names.length > 1)
    throw failure(`${where} has several: choose one with --cluster ${names.join(' or ')}`);
  return name;
}

interface ListedCluster {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly api?: { readonly enabled?: boolean } };
}

function namesWithApi(text: string): string[] {
  try {
    const { items } = JSON.parse(text) as { readonly items: readonly ListedCluster[] };
    return items.filter(({ spec }) => spec?.api?.enabled === true).map(({ metadata }) => metadata.name);
  } catch {
    throw away(
      'kubectl get ocppclusters printed no list: check that kubectl on the PATH is that of Kubernetes',
    );
  }
}

async function adminToken(cluster: ClusterReference, name: string): Promise<string> {
  const secret = `${name}-api-admin`;
  const args = [...placeOf(cluster), 'get', 'secret', secret, '-o', 'jsonpath={.data.token}'];
  const text = await run(args, {
    notFound: `there is no Secret ${secret}: check the name and the namespace, and that spec.api.enabled is true`,
    forbidden: `your user of Kubernetes may not read the Secret ${secret}: give a token of yours with --token-file`,
  });
  const token = Buffer.from(text, 'base64').toString('utf8').trim();
  if (token === '')
    throw failure(`the Secret ${secret} has no key "token": delete it, the operator makes it again`);
  return token;
}

async function forward(cluster: ClusterReference, name: string): Promise<Forward> {
  const service = `svc/${name}-api`;
  const child = start([...placeOf(cluster), 'port-forward', service, ':80']);
  const port = Promise.withResolvers<string>();
  const said = { text: '', problem: '' };
  child.stdout?.on('data', (data: Buffer) => {
    said.text = `${said.text}${data.toString()}`.slice(-1000);
    const [, , number] = FORWARDING.exec(said.text) ?? [];
    if (number !== undefined) port.resolve(number);
  });
  child.stderr?.on('data', (data: Buffer) => {
    said.problem = `${said.problem}${data.toString()}`.slice(-1000);
  });
  const lost = (why: string) => port.reject(away(`kubectl port-forward to ${service} ${why}`));
  child.once('error', (error) => port.reject(notStarted(error)));
  child.once('close', () => lost(`ended: ${oneLine(said.problem)}`));
  const timer = setTimeout(() => lost(`has not begun within ${PATIENCE / 1000} s`), PATIENCE);
  const close = () => end(child);
  try {
    return { url: `http://127.0.0.1:${await port.promise}`, isRunning: () => !isEnded(child), close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

interface ListedPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function proxyPods(cluster: ClusterReference, name: string): Promise<readonly ProxyPod[]> {
  const labels = `app.kubernetes.io/instance=${name},app.kubernetes.io/component=ws-proxy`;
  const text = await run([...placeOf(cluster), 'get', 'pods', '-l', labels, '-o', 'json']);
  return (JSON.parse(text) as { readonly items: readonly ListedPod[] }).items.map(({ metadata, status }) => ({
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    isReady: status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true,
    isEnding: metadata.deletionTimestamp !== undefined,
    since: metadata.creationTimestamp,
  }));
}

async function evict(cluster: ClusterReference, { name, namespace }: ProxyPod): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  const { kubeconfig, context } = cluster;
  const place = placeOf({
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
  });
  await run([...place, 'create', '--raw', path, '-f', '-'], {
    input: JSON.stringify(eviction),
    notFound: `Pod ${name} has ended already`,
    forbidden: `your user of Kubernetes may not create evictions in namespace ${namespace}`,
    tooManyRequests: `too few other ws-proxy Pods are ready: Pod ${name} is kept. Try again when all are, or raise spec.proxy.replicas`,
  });
}

function placeOf({ namespace, context, kubeconfig }: ClusterReference): string[] {
  const given = { kubeconfig, context, namespace };
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}

interface Advice {
  readonly notFound: string;
  readonly forbidden: string;
  readonly tooManyRequests?: string;
  /** Its standard input. */
  readonly input?: string;
}

/** Its standard output. */
async function run(args: readonly string[], advice?: Advice): Promise<string> {
  const child = start(args, advice?.input);
  const ended = Promise.withResolvers<number | null>();
  const said = { text: '', problem: '' };
  child.stdout?.on('data', (data: Buffer) => {
    if (said.text.length < MOST_OUTPUT) said.text += data.toString();
  });
  child.stderr?.on('data', (data: Buffer) => {
    said.problem = `${said.problem}${data.toString()}`.slice(-1000);
  });
  child.once('error', (error) => ended.reject(notStarted(error)));
  child.once('close', ended.resolve);
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  const status = await ended.promise.finally(() => clearTimeout(timer));
  if (status === 0) return said.text;
  if (status === null)
    throw away(`kubectl has not ended within ${PATIENCE / 1000} s: check that the cluster answers`);
  if (advice !== undefined && /\(NotFound\)/.test(said.problem)) throw failure(advice.notFound);
  if (advice !== undefined && /\(Forbidden\)/.test(said.problem)) throw failure(advice.forbidden);
  if (advice?.tooManyRequests !== undefined && /\(TooManyRequests\)|disruption budget/.test(said.problem))
    throw failure(advice.tooManyRequests);
  throw away(`kubectl ${args.join(' ')}: ${oneLine(said.problem)}`);
}

function start(args: readonly string[], input?: string): ChildProcess {
  const child = spawn('kubectl', [...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // One that ends without reading it says why by itself.
  child.stdin?.on('error', () => undefined).end(input);
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (isEnded(child)) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  const last = setTimeout(() => child.kill('SIGKILL'), 1000);
  await gone;
  clearTimeout(last);
}

const isEnded = ({ pid, exitCode, signalCode }: ChildProcess) =>
  pid === undefined || exitCode !== null || signalCode !== null;

const notStarted = (error: Error) =>
  failure(`kubectl does not start (${error.message}): install it, or use --url`);
const oneLine = (text: string) => printable(text.trim().split('\n').at(-1) ?? '');
