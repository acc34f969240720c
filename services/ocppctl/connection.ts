/**
 * Where the API is, and with which token: options win over the environment, and that over the login. A stored token is only sent to
 * the place that it was stored for.
 *
 * With --cluster and no token, the admin token is read from its Secret: Kubernetes decides whether the user may, and a plugin that
 * first needs another token would be of no use in an emergency. With --admin it is read even if a token is given.
 */
import { readFileSync } from 'node:fs';
import type { Endpoint } from './api-client.ts';
import type { Options } from './command.ts';
import type { ConfigFile } from './config-file.ts';
import { failure, usageError } from './exit.ts';
import type { ClusterReference, Forward, Kubectl } from './kubectl.ts';
import type { Settings } from './settings.ts';

export interface Connection {
  /** The place now: a port-forward that has ended is started again. Rejects with an ExitError. */
  open(): Promise<Endpoint>;
  close(): Promise<void>;
}

export interface ConnectionPorts {
  readonly options: Options;
  readonly settings: Settings;
  readonly config: ConfigFile;
  readonly kubectl: Kubectl;
  /** Started as kubectl-ocpp: the cluster of the kubeconfig is meant, unless --url says otherwise. */
  readonly isPlugin: boolean;
}

/** @returns what --cluster and its companions say; undefined without them */
export function clusterOf(options: Options, isPlugin: boolean): ClusterReference | undefined {
  const [name, namespace, context, kubeconfig] = ['cluster', 'namespace', 'context', 'kubeconfig'].map(
    options.text,
  );
  const reference = {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(context !== undefined && { context }),
    ...(kubeconfig !== undefined && { kubeconfig }),
  };
  const isMeant = Object.keys(reference).length > 0;
  const hasUrl = options.text('url') !== undefined;
  if (isMeant && hasUrl) throw usageError('--url and the options of kubectl exclude each other');
  return isMeant || (isPlugin && !hasUrl) ? reference : undefined;
}

export function createConnection(ports: ConnectionPorts): Connection {
  const { options, settings, config, kubectl, isPlugin } = ports;
  let forward: Forward | undefined;
  let known: { readonly name: string; readonly token: string } | undefined;

  const through = async (cluster: ClusterReference, token: string | undefined): Promise<Endpoint> => {
    if (known === undefined) {
      const name = await kubectl.nameOf(cluster);
      known = { name, token: token ?? (await kubectl.adminToken(cluster, name)) };
    }
    if (forward?.isRunning() !== true) forward = await kubectl.forward(cluster, known.name);
    return { url: forward.url, token: known.token };
  };

  return {
    async open() {
      const cluster = clusterOf(options, isPlugin);
      const given = givenToken(options, settings);
      if (cluster !== undefined) return through(cluster, options.flag('admin') ? undefined : given);
      const url = options.text('url') ?? (settings.url === '' ? undefined : settings.url);
      const login = url === undefined || given === undefined ? config.read() : undefined;
      if (url === undefined && login?.cluster !== undefined) {
        return through(login.cluster, options.flag('admin') ? undefined : (given ?? login.token));
      }
      if (options.flag('admin')) throw usageError('--admin needs --cluster');
      const place = url ?? login?.url;
      if (place === undefined)
        throw usageError(
          'no address of the API: run ocppctl login URL, or give --url or OCPPCTL_URL',
          'login',
        );
      const checked = checkUrl(place);
      const token = given ?? (login?.url === checked ? login.token : undefined);
      if (token === undefined)
        throw usageError(
          `no token for ${checked}: log in there, or give --token-file or OCPPCTL_TOKEN`,
          'login',
        );
      return { url: checked, token };
    },
    async close() {
      await forward?.close();
    },
  };
}

function givenToken(options: Options, settings: Settings): string | undefined {
  const file = options.text('token-file');
  if (file !== undefined) return readToken(file);
  return settings.token === '' ? undefined : checkToken(settings.token, 'OCPPCTL_TOKEN');
}

/** @throws ExitError, never with the text */
export function readToken(file: string): string {
  try {
    return checkToken(readFileSync(file, 'utf8').trim(), file);
  } catch (error) {
    if (error instanceof Error && 'code' in error)
      throw failure(`the token cannot be read: ${error.message}`);
    throw error;
  }
}

/** @throws ExitError, never with the text */
export function checkToken(token: string, whence: string): string {
  if (/^[\x21-\x7E]{1,4096}$/.test(token)) return token;
  throw usageError(`${whence} has no token: it must be one line of visible ASCII characters`, 'login');
}

/** @throws ExitError */
export function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isHttp)
    throw usageError(`"${text}" is no address: it must be such as https://ocpp.example.com`, 'login');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw usageError('the address must have no user, query or fragment; tokens are given apart', 'login');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
