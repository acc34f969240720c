/**
 * Reads the OcppCluster object from its URL, for the status that the operator reports there. One reading serves all requests of
 * two seconds, and a failure is a text that says why.
 */
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { FileText } from '../../runtime/file-text.ts';
import { sharedReading } from './shared-reading.ts';

export interface ClusterPlace {
  /** URL of the object; '' for none. */
  readonly url: string;
  /** File with the bearer token, read for each request; '' for none. */
  readonly tokenFile: string;
  /** File with the certificates that the server's own must chain to; '' for those of the system. */
  readonly caFile: string;
}

export interface ClusterObject {
  readonly name: string;
  readonly namespace?: string;
  readonly status: object;
}

export type ClusterReading = { readonly cluster?: ClusterObject; readonly clusterProblem?: string };

/** ms */
const TIMEOUT = 2000;
const CACHED = 2000;
/** An object of Kubernetes has at most 1.5 MiB. */
const MAX_BYTES = 2 ** 21;

/** @returns reads the object; never rejects, and resolves to an empty object without a URL */
export function createClusterReader(place: ClusterPlace): () => Promise<ClusterReading> {
  if (place.url === '') return () => Promise.resolve({});
  return sharedReading(CACHED, () =>
    read(place).then(
      (cluster) => ({ cluster }),
      (error: unknown) => ({ clusterProblem: problemOf(place, error) }),
    ),
  );
}

async function read({ url, tokenFile, caFile }: ClusterPlace): Promise<ClusterObject> {
  const signal = AbortSignal.timeout(TIMEOUT);
  const textOf = (file: string) => (file === '' ? undefined : new FileText(file).read());
  const [token, ca] = await Promise.all([textOf(tokenFile), textOf(caFile)]);
  const headers = {
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const options = { headers, signal, agent: false as const, ...(ca !== undefined && { ca }) };
  const get = new URL(url).protocol === 'https:' ? httpsGet : httpGet;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, options, resolve).on('error', reject);
  });
  const text = await bodyOf(response);
  if (response.statusCode !== 200)
    throw new Error(`it answered ${response.statusCode}${hintOf(response.statusCode)}`);
  return objectIn(text);
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new Error(`it answered with more than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function objectIn(text: string): ClusterObject {
  const parsed = jsonOf(text);
  const { metadata, status } = (parsed ?? {}) as { readonly metadata?: Metadata; readonly status?: unknown };
  if (typeof metadata?.name !== 'string') throw new Error('it answered with no object of Kubernetes');
  const { name, namespace } = metadata;
  return {
    name,
    ...(typeof namespace === 'string' && { namespace }),
    status: typeof status === 'object' && status !== null ? status : {},
  };
}

interface Metadata {
  readonly name?: unknown;
  readonly namespace?: unknown;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it answered with no JSON');
  }
}

function hintOf(status: number | undefined): string {
  if (status === 401 || status === 403)
    return ': check its token, and that the role permits `get` of this object';
  return status === 404 ? ': check its URL' : '';
}

function problemOf({ url }: ClusterPlace, error: unknown): string {
  const { name, code, message } = error as Partial<NodeJS.ErrnoException>;
  const why =
    name === 'AbortError' || name === 'TimeoutError' ? `no answer within ${TIMEOUT / 1000} s` : message;
  return `the OcppCluster object cannot be read from ${url.replace(/\?.*/, '')}: ${why || code}`;
}
