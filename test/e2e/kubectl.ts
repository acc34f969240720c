/**
 * kubectl and helm as the e2e tests use them: against whatever KUBECONFIG points at, with every wait
 * bounded and every failure carrying what the command said.
 */
import { execFile } from 'node:child_process';
import { PATH, PORT } from '../../services/contract.ts';
import { until as wait } from '../support/until.ts';
import { ApiError, ApiProxy } from './api-proxy.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: object;
}

/** Runs a program to its end and resolves to its standard output. */
function run(
  program: string,
  args: readonly string[],
  input = '',
  timeoutSeconds = 120,
  cwd?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { maxBuffer: 64 * 2 ** 20, timeout: timeoutSeconds * 1000, ...(cwd !== undefined && { cwd }) },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const ended = error.killed === true ? `took over ${timeoutSeconds} s` : `ended with ${error.code}`;
        reject(new Error(`${program} ${args.join(' ')} ${ended}:\n${stderr}${stdout}`));
      },
    );
    // A command that ends without reading its input closes the pipe; its exit status tells the story.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

export const kubectl = (args: readonly string[], input?: string, timeoutSeconds?: number) =>
  run('kubectl', args, input, timeoutSeconds);

export const helm = (args: readonly string[]) => run('helm', args, '', 300);

/** Commands as a person types them; the first that fails ends them. */
export const shell = (commands: string, folder: string) =>
  run('bash', ['-euo', 'pipefail', '-c', commands], '', 300, folder);

export async function apply(...manifests: readonly Manifest[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: manifests };
  await kubectl(['apply', '-f', '-'], JSON.stringify(list));
}

/** Milliseconds; the API server may be busy with Pods that start. */
const READ_MS = 60_000;
const METRICS_MS = 3000;
let proxy: Promise<ApiProxy> | undefined;

/** Started with the first read; it ends with this process. */
function api(): Promise<ApiProxy> {
  proxy ??= ApiProxy.start();
  return proxy;
}

/** One object, or undefined where there is none. */
export async function get<T>(kind: string, name: string, namespace: string): Promise<T | undefined> {
  const server = await api();
  try {
    return await server.json<T>(`${await server.path(kind, namespace)}/${name}`, READ_MS);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

export async function list<T>(kind: string, namespace: string, selector = ''): Promise<T[]> {
  const server = await api();
  const query = selector === '' ? '' : `?labelSelector=${encodeURIComponent(selector)}`;
  return (await server.json<{ items: T[] }>((await server.path(kind, namespace)) + query, READ_MS)).items;
}

/** `/metrics` of a Pod, through the API server. */
export async function metricsOf(pod: string, namespace: string): Promise<string> {
  const server = await api();
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:${PORT.admin}/proxy${PATH.metrics}`;
  return server.text(path, METRICS_MS, 'text/plain');
}

/** JSON merge patch, as `kubectl edit` would change the object. */
export async function patch(kind: string, name: string, namespace: string, change: object): Promise<void> {
  await kubectl(['patch', kind, name, '-n', namespace, '--type=merge', '-p', JSON.stringify(change)]);
}

export const condition = (cluster: string, namespace: string, type: string, seconds: number) =>
  kubectl(
    ['wait', `--for=condition=${type}`, `--timeout=${seconds}s`, `ocppcluster/${cluster}`, '-n', namespace],
    '',
    seconds + 30,
  );

/** Asks every half second; see `until` of test/support. */
export const until = <T>(what: string, seconds: number, probe: () => Promise<T>) =>
  wait(probe, what, seconds * 1000, 500);
