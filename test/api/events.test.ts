/** Events over HTTP: pages, the long poll, and streams, also for clients that read slowly or not at all. */
import { type AddressInfo, connect } from 'node:net';
import test from 'ava';
import { Redis } from 'ioredis';
import { until } from '../support/until.ts';
import { type ApiCluster, startApiCluster } from './cluster.ts';
import { memoryApi } from './memory-api.ts';

let cluster: ApiCluster;
let redis: Redis;
test.before(async () => {
  cluster = await startApiCluster();
  redis = new Redis(cluster.redis.port, cluster.redis.host);
});
test.after.always(async () => {
  redis.disconnect();
  await cluster[Symbol.asyncDispose]();
});

const get = (path: string) => cluster.ask('GET', path, { as: 'read' });
const add = async (station: string, type = 'noted', id = '*') =>
  String(await redis.xadd('ocpp:events', id, 'type', type, 'stationId', station, 'n', '1'));

/** An open stream of events, read as text. */
async function openStream(
  query: string,
  headers: Readonly<Record<string, string>> = {},
  api: { readonly apiUrl: string } = cluster.api,
) {
  const over = new AbortController();
  const response = await fetch(`${api.apiUrl}/v1/events/stream${query}`, {
    headers: { authorization: 'Bearer read', ...headers },
    signal: over.signal,
  });
  let text = '';
  let ended = false;
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    ended = true;
  })().catch(() => undefined);
  return {
    response,
    text: () => text,
    ended: () => ended,
    async [Symbol.asyncDispose]() {
      over.abort();
      await reading;
    },
  };
}

test.serial('pages of events, filtered, and the long poll', async (t) => {
  const first = await add('PAGE-1');
  const second = await add('PAGE-2', 'other');
  const third = await add('PAGE-1');
  const page = await get('/v1/events?station=PAGE-1&limit=1');
  t.deepEqual(
    page.body.items?.map(({ id }) => id),
    [first],
  );
  const next = await get(`/v1/events?station=PAGE-1&after=${page.body.next}`);
  t.deepEqual(
    next.body.items?.map(({ id }) => id),
    [third],
  );
  const other = await get('/v1/events?type=other');
  t.like(other.body.items, [{ id: second, station: 'PAGE-2', type: 'other', fields: { n: '1' } }]);

  const none = await get(`/v1/events?station=PAGE-1&after=${third}&wait=1`);
  t.deepEqual(none.body.items, [], none.text);
  t.truthy(none.body.next, 'a cursor to go on');
  const waiting = get(`/v1/events?station=PAGE-1&after=${third}&wait=60`);
  const fourth = await add('PAGE-1');
  t.deepEqual(
    (await waiting).body.items?.map(({ id }) => id),
    [fourth],
  );
});

test('a stream has new events, resumes after the last one, and ends with the program', async (t) => {
  await using own = await startApiCluster();
  const store = new Redis(own.redis.port, own.redis.host).on('error', () => undefined);
  t.teardown(() => store.disconnect());
  const note = async (station: string) =>
    String(await store.xadd('ocpp:events', '*', 'type', 'noted', 'stationId', station));
  const before = await note('EARLY');
  await using stream = await openStream('?type=noted', {}, own.api);
  t.is(stream.response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const id = await note('S-1');
  await until(() => stream.text().includes(`id: ${id}\nevent: noted\ndata: {`), 'the event');
  t.notRegex(stream.text(), /EARLY/);

  await using resumed = await openStream('', { 'Last-Event-ID': before }, own.api);
  await until(() => resumed.text().includes('S-1'), 'the event after the last one');
  await using after = await openStream(`?after=${before}&station=S-2`, {}, own.api);
  await note('S-2');
  await until(() => after.text().includes('S-2'), 'the event of the station');
  t.notRegex(after.text(), /S-1/);
  t.regex((await own.api.ask('/metrics')).text, /ocpp_api_streams 3/);

  // An outage of Redis does not end them.
  await own.redis.kill();
  await own.redis.restart();
  await until(
    async () => {
      await note('S-3');
      return stream.text().includes('S-3');
    },
    'an event after the outage',
    30_000,
    200,
  );

  const long = fetch(`${own.api.apiUrl}/v1/events?type=never&wait=60`, {
    headers: { authorization: 'Bearer read' },
  });
  t.is((await own.ask('GET', '/v1/status')).status, 200, 'the program has the request before');
  t.is(await own.api.kill('SIGTERM'), 0);
  t.is((await long).status, 200, 'a long poll ends with what it has');
  await until(() => [stream, resumed, after].every((one) => one.ended()), 'the end of the streams');
});

test('a cursor whose followers were dropped is 410, and an event of the stream', async (t) => {
  const first = await add('GAP');
  await add('GAP');
  const oldest = await add('GAP');
  await redis.xtrim('ocpp:events', 'MINID', oldest);
  const lost = await get(`/v1/events?after=${first}`);
  t.is(lost.status, 410);
  t.like(lost.body, { code: 'events-lost', oldest });
  // Those that followed the first one are still known to the program, as other streams got them.
  await using stream = await openStream('?after=1-0');
  await until(() => stream.text().includes(`event: events-lost\ndata: {"oldest":"${oldest}"}`), 'the gap');
});

test('a cursor that is none is refused before the stream begins', async (t) => {
  const { status, body } = await get('/v1/events/stream?after=tomorrow');
  t.is(status, 400);
  t.is(body.errors?.[0]?.path, 'query/after');
});

test('an access token has a bounded number of streams', async (t) => {
  const open = (index: number) => openStream(`?station=BOUND-${index}`, { authorization: 'Bearer command' });
  const streams = await Promise.all(Array.from({ length: 20 }, (_, index) => open(index)));
  const refused = await cluster.ask('GET', '/v1/events/stream', { as: 'command' });
  t.is(refused.status, 429);
  t.is(refused.body.code, 'too-many-requests');
  await streams[0]?.[Symbol.asyncDispose]();
  await until(async () => {
    const again = await open(20);
    streams.push(again);
    return again.response.status === 200;
  }, 'room for another one');
  await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
});

test('a client that reads nothing costs no memory', async (t) => {
  const before = await residentBytes();
  const socket = connect(Number(new URL(cluster.api.apiUrl).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write('GET /v1/events/stream?type=heavy HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin\r\n\r\n');
  await using reader = await openStream('?type=heavy');
  const filler = 'x'.repeat(50_000);
  for (let i = 0; i < 40; i++) {
    const batch = redis.pipeline();
    for (let j = 0; j < 25; j++)
      batch.xadd('ocpp:events', '*', 'type', 'heavy', 'stationId', 'S', 'f', filler);
    await batch.exec();
  }
  const last = await add('S', 'heavy');
  await until(() => reader.text().includes(last), 'the other reader at the end', 50_000);
  const grown = (await residentBytes()) - before;
  t.true(grown < 300e6, `${grown} bytes more, of ${40 * 25 * 50_000 * 2} that were to be sent`);
});

test('a client that takes nothing for a while is disconnected, and others get comments', async (t) => {
  const { api: served, state } = memoryApi({ streamTimes: { keepAliveMs: 20, slowMs: 300 } });
  await using api = await served;
  await api.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((api.server.address() as AddressInfo).port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write('GET /v1/events/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n');
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  await until(() => text.includes(': keep-alive'), 'a comment');
  socket.pause();
  const connections = () =>
    new Promise<number>((resolve) => api.server.getConnections((_error, count) => resolve(count)));
  const event = { type: 'heavy', stationId: 'S', fields: { f: 'x'.repeat(1_000_000) } };
  await until(async () => {
    await state.amend({ writes: [], events: [event] });
    return (await connections()) === 0;
  }, 'the end of the connection');
  socket.resume();
  await closed;
  t.pass();
});

test('an access token that was removed ends its streams, and no other ones', async (t) => {
  const known = new Set(['Bearer kept', 'Bearer removed']);
  const { api: served } = memoryApi({
    streamTimes: { keepAliveMs: 20, slowMs: 300 },
    access: {
      callerOf: (given = '') =>
        Promise.resolve(known.has(given) ? { name: given, scope: 'read' } : undefined),
    },
  });
  await using api = await served;
  await api.listen({ host: '127.0.0.1', port: 0 });
  const at = { apiUrl: `http://127.0.0.1:${(api.server.address() as AddressInfo).port}` };
  await using kept = await openStream('', { authorization: 'Bearer kept' }, at);
  await using removed = await openStream('', { authorization: 'Bearer removed' }, at);
  await until(() => [kept, removed].every((one) => one.text().includes(': keep-alive')), 'both');
  known.delete('Bearer removed');
  await until(() => removed.ended(), 'the end of its stream');
  const before = kept.text().length;
  await until(() => kept.text().length > before, 'a comment in the other one');
  t.false(kept.ended());
});

async function residentBytes(): Promise<number> {
  const { text } = await cluster.api.ask('/metrics');
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]);
}
