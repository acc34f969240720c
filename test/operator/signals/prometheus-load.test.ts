/** The adapter against servers that fail in every way: no figure, a sentence that says what to do, and no token in it. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import type { DefaultedProcessorAutoscalingPrometheus } from '../../../operator/api/ocpp-cluster.ts';
import { type KubeObject, type ObjectRef, StoreError } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import type { LoadSignals } from '../../../operator/scaling/demand.ts';
import type { ClusterPods } from '../../../operator/signals/load-source.ts';
import { PrometheusLoad } from '../../../operator/signals/prometheus/prometheus-load.ts';
import { COMPUTED, FIGURE } from '../../../operator/signals/prometheus/queries.ts';
import { SecretReader } from '../../../operator/signals/prometheus/secrets.ts';
import { METRIC } from '../../../services/contract.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { until } from '../../support/until.ts';
import { makeCertificates } from '../../transport/redis/certificates.ts';

const TOKEN = 'very-secret-token';
const POD = 'city-ws-proxy-a';
const identity = { uid: 'u', name: POD };
const pods: ClusterPods = { all: [identity], proxies: [identity], processors: [], draining: [], targets: [] };
const settled = { timeoutSeconds: 1, staleSeconds: 60 };

interface Running extends AsyncDisposable {
  readonly url: string;
  readonly requests: IncomingMessage[];
}

async function serve(
  handle: RequestListener,
  tls?: { readonly cert: string; readonly key: string },
): Promise<Running> {
  const requests: IncomingMessage[] = [];
  const record: RequestListener = (request, response) => {
    requests.push(request);
    handle(request, response);
  };
  const server = tls === undefined ? createServer(record) : createTlsServer(tls, record);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** The answer of a Prometheus that scrapes the Pod. */
function goodAnswer(): string {
  const now = Date.now() / 1000;
  const figures = {
    [METRIC.queueDepth]: 3,
    [METRIC.queueOldestSeconds]: 1,
    [METRIC.queueInFlight]: 2,
    [METRIC.queueSampledAt]: now - 1,
  };
  const computed = { [COMPUTED.sampledProxy]: now - 1, [COMPUTED.rate]: 5, [COMPUTED.recentRate]: 6 };
  const element =
    (label: string) =>
    ([name, value]: readonly [string, number]) => ({
      metric: { [label]: name, pod: POD },
      value: [now, String(value)],
    });
  const result = [
    ...Object.entries(figures).map(element('__name__')),
    ...Object.entries(computed).map(element(FIGURE)),
  ];
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
}

const good: RequestListener = (_, response) => void response.end(goodAnswer());

type Settings = Partial<DefaultedProcessorAutoscalingPrometheus> & { readonly url: string };
type Get = (ref: ObjectRef) => Promise<KubeObject | undefined>;
const noStore: Get = () => Promise.resolve(undefined);

function sourceOf(settings: Settings, get = noStore, clock = systemClock) {
  const cluster = { namespace: 'default', name: 'city' };
  const secrets = new SecretReader({ store: { get }, clock, namespace: 'default' });
  const load = new PrometheusLoad({ settings: { ...settled, ...settings }, cluster, secrets, clock });
  return Object.assign(load, { [Symbol.dispose]: () => load.close() });
}

/** Until the reading has ended, however long the server takes. */
async function loadOf(settings: Settings, get?: Get): Promise<LoadSignals> {
  using source = sourceOf(settings, get);
  let load = await source.read(pods, true);
  while (/not answered yet/.test(load.problem ?? '')) {
    await wait(20);
    load = await source.read(pods, false);
  }
  return load;
}

const secret = (data: Readonly<Record<string, string>>): Get => {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'prom' },
    data: Object.fromEntries(encoded),
  };
  return () => Promise.resolve(object);
};
const ref = (key: string) => ({ name: 'prom', key });

test('reads the load over HTTP, with the path of the URL and the token of the Secret', async (t) => {
  await using server = await serve(good);
  const load = await loadOf(
    { url: `${server.url}/prefix/`, tokenSecretRef: ref('token') },
    secret({ token: `${TOKEN}\n` }),
  );
  t.is(load.problem, undefined);
  t.like(load, { arrivalRate: 5, recentArrivalRate: 6 });
  t.like(load.queue, { depth: 3, oldestSeconds: 1, inFlight: 2 });
  const [request] = server.requests;
  t.is(request?.headers.authorization, `Bearer ${TOKEN}`);
  const url = new URL(request?.url ?? '', server.url);
  t.is(url.pathname, '/prefix/api/v1/query');
  t.is(url.searchParams.get('timeout'), '1000ms');
  t.regex(url.searchParams.get('query') ?? '', /namespace="default",ocpp_cluster="city"/);
});

test('a query that is too long for a URL is sent as a form, and overridden queries are asked for', async (t) => {
  const asked: string[] = [];
  await using server = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const query = new URLSearchParams(request.method === 'POST' ? body : request.url?.split('?')[1]).get(
        'query',
      );
      asked.push(`${request.method} ${(query ?? '').slice(0, 6)}`);
      const scalar = { status: 'success', data: { resultType: 'scalar', result: [1, '9'] } };
      response.end(query?.startsWith('sum') === true ? JSON.stringify(scalar) : goodAnswer());
    });
  });
  const queries = { arrivalRate: `sum(${'x'.repeat(4090)})`, depth: 'sum(y)' };
  const load = await loadOf({ url: server.url, queries });
  t.deepEqual(asked.sort(), ['GET sum(y)', 'GET {__nam', 'POST sum(xx']);
  t.like(load, { arrivalRate: 9, problem: undefined });
  t.is(load.queue?.depth, 9);
});

const json =
  (status: number, body: object): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end(JSON.stringify(body));
const drip: RequestListener = (_, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 100);
  response.on('close', () => clearInterval(timer));
};
const flood: RequestListener = (_, response) => {
  const more = () => !response.destroyed && response.write('x'.repeat(1024 * 1024), more);
  more();
};

const FAILURES: Readonly<Record<string, readonly [handle: RequestListener, problem: RegExp]>> = {
  'never answers': [() => undefined, /did not answer within 1 s$/],
  'answers a byte at a time': [drip, /did not answer within 1 s$/],
  'answers without end': [flood, /sent more than 16 MiB\. Narrow autoscaling\.prometheus\.selector/],
  'hangs up': [(request) => request.socket.destroy(), /cannot be reached \(socket hang up\)/],
  'is overloaded': [
    json(503, { status: 'error', error: 'query timed out' }),
    /answers with HTTP 503: query timed out/,
  ],
  'refuses the query': [
    json(400, { status: 'error', error: `parse error at ${TOKEN}` }),
    /answers with HTTP 400: parse error at \*\*\*/,
  ],
  'refuses the token': [
    (_, response) => void response.writeHead(401).end(TOKEN),
    /refuses the request \(HTTP 401\)\. Check the token in key token of Secret prom/,
  ],
  redirects: [
    (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    /redirects \(HTTP 302\), which is not followed/,
  ],
  'has no such path': [
    (_, response) => void response.writeHead(404).end(),
    /has no API at \S+\/api\/v1\/query/,
  ],
  'is a web page': [
    (_, response) => void response.end('<html>of the intranet</html>'),
    /the answer is not that of the Prometheus HTTP API/,
  ],
  'answers in part': [
    json(200, {
      status: 'success',
      warnings: [`no store for ${TOKEN}`],
      data: { resultType: 'vector', result: [] },
    }),
    /may be incomplete.*no store for \*\*\*/,
  ],
};
for (const [name, [handle, problem]] of Object.entries(FAILURES)) {
  test(`a server that ${name} gives no figure, and a sentence`, async (t) => {
    await using server = await serve(handle);
    const load = await loadOf({ url: server.url, tokenSecretRef: ref('token') }, secret({ token: TOKEN }));
    t.deepEqual(Object.keys(load), ['problem']);
    t.regex(load.problem ?? '', problem);
    t.true(load.problem?.startsWith(`Prometheus ${server.url} `));
    t.false(load.problem?.includes(TOKEN));
    t.notRegex(load.problem ?? '', /intranet/, 'the text of a foreign server is not quoted');
    t.is(server.requests.length, 1, 'one attempt');
  });
}

test('a server that does not run gives no figure', async (t) => {
  const load = await loadOf({ url: 'http://127.0.0.1:1' });
  t.deepEqual(Object.keys(load), ['problem']);
  t.regex(load.problem ?? '', /cannot be reached \(.*ECONNREFUSED/);
});

test('TLS: the CA of the Secret is trusted, no other one, and a changed CA and token need no restart', async (t) => {
  await using ours = await makeCertificates();
  await using foreign = await makeCertificates();
  const file = (path: string) => readFileSync(path, 'utf8');
  const wanted = { token: 'first' };
  const guarded: RequestListener = (request, response) => {
    if (request.headers.authorization === `Bearer ${wanted.token}`) good(request, response);
    else response.writeHead(403).end();
  };
  await using server = await serve(guarded, { cert: file(ours.cert), key: file(ours.key) });
  const settings = { url: server.url, caSecretRef: ref('ca'), tokenSecretRef: ref('token') };
  t.regex(
    (await loadOf({ url: server.url })).problem ?? '',
    /cannot be trusted.*The CAs of the system are used: set/,
  );

  let [now, reads, data] = [0, 0, { ca: file(foreign.ca), token: 'first' }];
  const get: Get = (one) => {
    reads += 1;
    return secret(data)(one);
  };
  using source = sourceOf(settings, get, { now: () => now });
  t.regex(
    (await source.read(pods, true)).problem ?? '',
    /cannot be trusted.*Check the CA in key ca of Secret prom/,
  );
  data = { ca: file(ours.ca), token: 'first' };
  now = 29_000;
  t.regex((await source.read(pods, true)).problem ?? '', /cannot be trusted/, 'not read again yet');
  now = 31_000;
  t.is((await source.read(pods, true)).problem, undefined);
  wanted.token = 'second';
  t.regex((await source.read(pods, true)).problem ?? '', /refuses the request \(HTTP 403\)/);
  data = { ca: file(ours.ca), token: 'second' };
  now = 62_000;
  t.is((await source.read(pods, true)).problem, undefined);
  t.is(reads, 3, 'one read of the Secret for both keys, every 30 s');
  const otherHost = { ...settings, url: server.url.replace('127.0.0.1', '127.0.0.2') };
  t.regex((await loadOf(otherHost, secret(data))).problem ?? '', /cannot be (trusted|reached)/);
});

const forbidden = new StoreError('forbidden', 'GET: the API server answered 403: no', { status: 403 });
const SECRET_FAILURES: Readonly<Record<string, readonly [get: Get, problem: RegExp]>> = {
  'does not exist': [noStore, /Secret default\/prom does not exist/],
  'has no such key': [secret({ other: 'x' }), /Secret default\/prom has no key token/],
  'is empty': [secret({ token: ' \n' }), /key token of Secret default\/prom is empty/],
  'has a line break in its token': [secret({ token: `${TOKEN}\nx` }), /characters that no token has/],
  'may not be read': [
    () => Promise.reject(forbidden),
    /may not read Secret default\/prom\. Set the value rbac\.readSecrets=\{prom\} of the chart ocpp-operator/,
  ],
  'cannot be read now': [
    () => Promise.reject(new StoreError('unavailable', 'no response')),
    /Secret default\/prom could not be read: no response/,
  ],
};
for (const [name, [get, problem]] of Object.entries(SECRET_FAILURES)) {
  test(`a Secret that ${name}: Prometheus is not asked, and the sentence names the Secret`, async (t) => {
    await using server = await serve(good);
    const load = await loadOf({ url: server.url, tokenSecretRef: ref('token') }, get);
    t.deepEqual(Object.keys(load), ['problem']);
    t.regex(load.problem ?? '', problem);
    t.false(load.problem?.includes(TOKEN));
    t.is(server.requests.length, 0);
  });
}

test('a CA that is no certificate names its key', async (t) => {
  const load = await loadOf({ url: 'https://127.0.0.1:1', caSecretRef: ref('ca') }, secret({ ca: 'x' }));
  t.regex(load.problem ?? '', /key ca of Secret default\/prom has no certificate in PEM/);
});

test('while the API server does not answer, the last token is used', async (t) => {
  await using server = await serve(good);
  let [now, fails] = [0, false];
  const get: Get = (one) =>
    fails ? Promise.reject(new StoreError('unavailable', 'x')) : secret({ token: TOKEN })(one);
  using source = sourceOf({ url: server.url, tokenSecretRef: ref('token') }, get, { now: () => now });
  await source.read(pods, true);
  [now, fails] = [40_000, true];
  t.is((await source.read(pods, true)).problem, undefined);
  t.is(server.requests[1]?.headers.authorization, `Bearer ${TOKEN}`);
});

test('with a store in memory the Secret of npm start works', async (t) => {
  await using server = await serve(good);
  const store = new MemoryObjectStore({ clock: systemClock, newUid: randomUUID });
  const data = { token: Buffer.from(TOKEN).toString('base64') };
  await store.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'prom', namespace: 'default' },
    data,
  } as KubeObject);
  const load = await loadOf({ url: server.url, tokenSecretRef: ref('token') }, (one) => store.get(one));
  t.is(load.problem, undefined);
  t.is(server.requests[0]?.headers.authorization, `Bearer ${TOKEN}`);
});

test('a failed reading leaves no figure of the one before, and one that is not due asks nothing', async (t) => {
  let broken = false;
  await using server = await serve((request, response: ServerResponse) => {
    if (broken) response.writeHead(500).end();
    else good(request, response);
  });
  let now = 1000;
  using source = sourceOf({ url: server.url }, noStore, { now: () => now });
  const first = await source.read(pods, true);
  now += 4000;
  const between = await source.read(pods, false);
  t.is(server.requests.length, 1);
  t.is((between.queue?.ageMs ?? 0) - (first.queue?.ageMs ?? 0), 4000, 'its figures get older');
  broken = true;
  t.deepEqual(Object.keys(await source.read(pods, true)), ['problem']);
  broken = false;
  t.like(await source.read(pods, true), { arrivalRate: 5, problem: undefined });
});

const withRate = (load: LoadSignals) => (load.arrivalRate === undefined ? undefined : load);

test('a slow server does not hold up the passes: a query runs on, and no second one starts', async (t) => {
  const waiting: ServerResponse[] = [];
  await using server = await serve((_, response) => void waiting.push(response));
  using source = sourceOf({ url: server.url, timeoutSeconds: 30 });
  t.regex((await source.read(pods, true)).problem ?? '', /has not answered yet/);
  t.regex((await source.read(pods, true)).problem ?? '', /has not answered yet/);
  t.is(server.requests.length, 1);
  waiting[0]?.end(goodAnswer());
  t.like(await until(async () => withRate(await source.read(pods, false)), 'its answer'), { arrivalRate: 5 });
});

test('closing ends an open query', async (t) => {
  await using server = await serve(() => undefined);
  const source = sourceOf({ url: server.url, timeoutSeconds: 30 });
  const read = source.read(pods, true);
  source.close();
  t.truthy((await read).problem);
});

test('a connection that the server closed while it was idle is replaced within the same reading', async (t) => {
  let count = 0;
  await using server = await serve((request, response) => {
    count += 1;
    if (count === 2) request.socket.destroy();
    else good(request, response);
  });
  using source = sourceOf({ url: server.url });
  await source.read(pods, true);
  t.like(await source.read(pods, true), { arrivalRate: 5, problem: undefined });
  t.is(count, 3);
});
