/**
 * A small stand-in for an adapter of external metrics: it serves external.metrics.k8s.io with the samples that the operator
 * exports at this moment. It runs in a Pod, by `node server.mts FOLDER SOURCE`, and imports nothing of this repository.
 *
 * FOLDER has tls.crt and tls.key. SOURCE is host:port of /metrics; every address of the host is read, as only the leader
 * among the operator Pods has series of clusters. An absent series gives an empty list, never 0.
 */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const GROUP_VERSION = 'external.metrics.k8s.io/v1beta1';
export const PORT = 6443;
const READ_MS = 3000;

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Samples of one metric in the text format of Prometheus, without NaN and infinite ones. */
export function samplesOf(text: string, metric: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const {
      name,
      labels = '',
      value = '',
    } = /^(?<name>[\w:]+)(?:\{(?<labels>.*)\})? (?<value>\S+)/.exec(line)?.groups ?? {};
    if (name !== metric || !Number.isFinite(Number(value))) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    return [{ labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])), value: Number(value) }];
  });
}

/** @param selector equality selector, such as `namespace=a,cluster=b` */
export function selected(samples: readonly Sample[], selector: string): Sample[] {
  const wanted = selector.split(',').filter((one) => one !== '');
  return samples.filter(({ labels }) =>
    wanted.every((one) => {
      const [key = '', value = ''] = one.split(/==?/);
      return labels[key] === value;
    }),
  );
}

export const valueList = (metricName: string, samples: readonly Sample[], now: Date): object => ({
  kind: 'ExternalMetricValueList',
  apiVersion: GROUP_VERSION,
  metadata: {},
  items: samples.map(({ labels, value }) => ({
    metricName,
    metricLabels: labels,
    timestamp: `${now.toISOString().slice(0, 19)}Z`,
    value: `${Math.round(value * 1000)}m`,
  })),
});

/** Clients of this API know the names of their metrics. */
const discovery = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: GROUP_VERSION, resources: [] };

/** The answer to a request path; undefined: not found. @param read the text of every source */
export async function answer(path: string, read: () => Promise<string>): Promise<object | undefined> {
  const { pathname, searchParams } = new URL(path, 'https://any');
  if (pathname === `/apis/${GROUP_VERSION}`) return discovery;
  const [, metric] = new RegExp(`^/apis/${GROUP_VERSION}/namespaces/[^/]+/([^/]+)$`).exec(pathname) ?? [];
  if (metric === undefined) return undefined;
  const samples = samplesOf(await read(), metric);
  return valueList(metric, selected(samples, searchParams.get('labelSelector') ?? ''), new Date());
}

/** The texts of all addresses that answer. */
async function readAll(source: string): Promise<string> {
  const [host = '', port = ''] = source.split(':');
  const addresses = await lookup(host, { all: true, family: 4 });
  const texts = await Promise.allSettled(
    addresses.map(async ({ address }) => {
      const signal = AbortSignal.timeout(READ_MS);
      return (await fetch(`http://${address}:${port}/metrics`, { signal })).text();
    }),
  );
  return texts.map((one) => (one.status === 'fulfilled' ? one.value : '')).join('\n');
}

function main([folder = '', source = '']: readonly string[]): void {
  const file = (name: string) => readFileSync(join(folder, name));
  const server = createServer({ cert: file('tls.crt'), key: file('tls.key') }, (request, response) => {
    const send = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    answer(request.url ?? '/', () => readAll(source)).then(
      (found) => send(found === undefined ? 404 : 200, found ?? { kind: 'Status', code: 404 }),
      (error: unknown) => send(503, { kind: 'Status', code: 503, message: String(error) }),
    );
  });
  server.listen(PORT);
  process.once('SIGTERM', () => {
    server.close();
    server.closeAllConnections();
  });
}

if (import.meta.main) main(process.argv.slice(2));
