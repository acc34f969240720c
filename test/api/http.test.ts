/** HTTP itself, without a cluster: requests that are never complete, the header Accept, and where a stream begins. */
import { type AddressInfo, connect, type Socket } from 'node:net';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { compressedOnce } from '../../services/api/compression.ts';
import { until } from '../support/until.ts';
import { memoryApi } from './memory-api.ts';

const HEADERS = 'Host: a\r\nAuthorization: Bearer x\r\n';

async function served(t: ExecutionContext, options: Parameters<typeof memoryApi>[0] = {}) {
  const { api: starting, state } = memoryApi(options);
  const api = await starting;
  await api.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => api.close());
  const { port } = api.server.address() as AddressInfo;
  const open = (text: string) => {
    // It keeps its half open, as a client that is stuck does.
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    socket.on('error', () => undefined).write(text);
    return { socket, said: textOf(socket) };
  };
  const connections = () =>
    new Promise<number>((resolve) => api.server.getConnections((_error, count) => resolve(count)));
  return { api, state, open, connections };
}

function textOf(socket: Socket): () => string {
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  return () => text;
}

for (const [name, text, status] of [
  [
    'the body',
    `POST /v1/broadcasts HTTP/1.1\r\n${HEADERS}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    408,
  ],
  [
    'a body that is refused before it is read',
    'POST /v1/broadcasts HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{',
    415,
  ],
  ['the headers', `GET /v1/status HTTP/1.1\r\n${HEADERS}`, 408],
  ['the first line', 'GET /v1/sta', 408],
] as const)
  // Before the others, whose work would delay it.
  test.serial(`a request is closed when its time is over: ${name}`, async (t) => {
    const { open, connections } = await served(t, { requestTimeoutMs: 500 });
    const begun = performance.now();
    const { said } = open(text);
    await until(async () => (await connections()) === 1, 'the connection');
    await until(async () => (await connections()) === 0, 'the end of the connection', 10_000);
    const took = performance.now() - begun;
    t.true(took >= 500 && took < 4000, `${took} ms`);
    t.regex(said(), new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 408) t.regex(said(), /application\/problem\+json[^]*"code":"request-timeout"/);
  });

test.serial('a response that waits is not a request that takes long', async (t) => {
  const { api } = await served(t, { requestTimeoutMs: 500 });
  const { port } = api.server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/v1/events?wait=2`, {
    headers: { authorization: 'Bearer x' },
  });
  t.is(response.status, 200);
});

for (const [accept, status, path = '/v1/stations'] of [
  ['application/json', 200],
  ['Application/JSON; charset=utf-8', 200],
  ['text/html, */*;q=0.1', 200],
  ['application/*;q=0.001', 200],
  ['', 200],
  ['application/json;q=0', 406],
  ['application/json; Q=0.000', 406],
  ['*/*;q=0', 406],
  ['text/html;q=1, */*;q=0', 406],
  // The most specific one counts.
  ['*/*, application/json;q=0', 406],
  ['application/*;q=0, */*', 406],
  ['application/json, application/*;q=0', 200],
  ['*/*;q=0, application/json;q=0.5', 200],
  ['text/event-stream;q=0, */*', 406, '/v1/events/stream'],
  ['application/json', 406, '/v1/events/stream'],
] as const)
  test(`Accept: "${accept}" for ${path} is ${status}`, async (t) => {
    const api = await memoryApi().api;
    t.teardown(() => api.close());
    const { statusCode, json } = await api.inject({
      url: path,
      headers: { accept, authorization: 'Bearer x' },
    });
    t.is(statusCode, status);
    if (status === 406) t.is(json<{ code: string }>().code, 'not-acceptable');
  });

test('a stream begins with a cursor, from which a client that lost it resumes without a gap', async (t) => {
  const { state, open } = await served(t);
  const note = (stationId: string) =>
    state.amend({ writes: [], events: [{ type: 'noted', stationId, fields: {} }] });
  await note('EARLY');
  const first = open(`GET /v1/events/stream HTTP/1.1\r\n${HEADERS}\r\n`);
  await until(() => first.said().includes(': connected\n'), 'the stream');
  const [, cursor = ''] = /: connected\nid: (\S+)\n\n/.exec(first.said()) ?? [];
  t.not(cursor, '', first.said());
  first.socket.destroy();
  await note('LATE');
  const second = open(`GET /v1/events/stream HTTP/1.1\r\n${HEADERS}Last-Event-ID: ${cursor}\r\n\r\n`);
  await until(() => second.said().includes('LATE'), 'the event that came meanwhile');
  t.notRegex(second.said(), /EARLY/);
  t.true(second.said().includes(`: connected\nid: ${cursor}\n\n`), second.said());
});

for (const [accept, isCompressed] of [
  ['gzip, deflate, br', true],
  ['br;q=1, GZIP;q=0.5', true],
  ['*', true],
  ['', false],
  ['br', false],
  ['gzip;q=0', false],
  ['gzip;q=0.0, *', false],
  ['*;q=0', false],
] as const)
  test(`Accept-Encoding: "${accept}" compresses a long answer: ${isCompressed}`, async (t) => {
    const api = await memoryApi().api;
    t.teardown(() => api.close());
    const ask = (url: string) =>
      api.inject({ url, headers: { 'accept-encoding': accept, authorization: 'Bearer x' } });
    for (const path of ['/openapi.json', '/v1/schemas/ocpp2.0.1/SetChargingProfile']) {
      const plain = (await api.inject({ url: path, headers: { authorization: 'Bearer x' } })).body;
      t.true(plain.length > 4096);
      const long = await ask(path);
      t.is(long.headers['content-encoding'], isCompressed ? 'gzip' : undefined);
      t.is(long.headers['vary'], 'accept-encoding');
      t.regex(String(long.headers['content-type']), /^application\/json/);
      const { rawPayload } = long;
      t.is(Number(long.headers['content-length']), rawPayload.length);
      t.is((isCompressed ? gunzipSync(rawPayload) : rawPayload).toString(), plain);
      if (isCompressed) t.true(rawPayload.length < plain.length / 2);
    }
    const short = await ask('/v1/stations');
    t.is(short.headers['content-encoding'], undefined);
    t.deepEqual(short.json(), { items: [] });
  });

test('the document is compressed once, for all requests', async (t) => {
  let count = 0;
  const text = 'x'.repeat(5000);
  const body = compressedOnce(text, async () => Buffer.from(`gzip ${++count}`));
  const gzip = { 'accept-encoding': 'gzip' };
  t.deepEqual((await Promise.all([body(gzip), body(gzip)])).map(String), ['gzip 1', 'gzip 1']);
  t.is(String(await body(gzip)), 'gzip 1');
  t.is(await body({}), text);
  const api = await memoryApi().api;
  t.teardown(() => api.close());
  const ask = async () => (await api.inject({ url: '/openapi.json', headers: gzip })).rawPayload;
  const [first, second] = [await ask(), await ask()];
  t.deepEqual(first, second);
  const fast = gzipSync(gunzipSync(first), { level: constants.Z_BEST_SPEED });
  t.true(first.length < fast.length, 'as small as can be');
});

test('a path of the API needs an access token, however it is spelled', async (t) => {
  const access = { callerOf: () => Promise.resolve(undefined) };
  const api = await memoryApi({ access }).api;
  t.teardown(() => api.close());
  for (const url of [
    '/v1/status',
    '/%761/status',
    '/v%31/status',
    '/v1/%73tatus',
    '/%761/nothing',
    '/%76%31?x',
    '/%zz',
  ])
    for (const method of ['GET', 'HEAD', 'POST'] as const)
      t.is((await api.inject({ url, method })).statusCode, url === '/%zz' ? 400 : 401, `${method} ${url}`);
  for (const [url, status] of [
    ['/openapi.json', 200],
    ['/%6fpenapi.json', 200],
    ['/v11/status', 404],
    ['/nothing', 404],
  ] as const)
    t.is((await api.inject(url)).statusCode, status, url);
});

test('a stream is not compressed', async (t) => {
  const { api } = await served(t);
  const { port } = api.server.address() as AddressInfo;
  const over = new AbortController();
  const headers = { authorization: 'Bearer x', 'accept-encoding': 'gzip' };
  const stream = await fetch(`http://127.0.0.1:${port}/v1/events/stream`, { headers, signal: over.signal });
  t.is(stream.headers.get('content-encoding'), null);
  over.abort();
});
