/** The flight recorder through whole programs: recordings of connected stations, their frames over HTTP, and their ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Redis } from 'ioredis';
import { startStation } from '../client/station.ts';
import { freePort } from '../support/free-port.ts';
import { startProgram } from '../support/program.ts';
import { FollowedStream } from '../../services/client/followed-stream.ts';
import { RECORDED, RECORDED_TEXT } from '../../services/transport/recorder/recorded-frames.ts';
import type { StoredLists } from '../../services/transport/stored-lists.ts';
import { until } from '../support/until.ts';
import { type ApiCluster, startApiCluster } from './cluster.ts';

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

const ask = (method: string, path: string, as = 'command', body?: unknown) =>
  cluster.ask(method, path, { as, ...(body !== undefined && { body }) });
const framesOf = async (station: string) =>
  (await ask('GET', `/v1/recordings/${station}/frames?limit=1000`, 'read')).body.items ?? [];
const booting = { chargePointVendor: 'Acme', chargePointModel: 'DC-9' };

/** Starts a recording, and waits until the proxy has it. */
async function recordStation(station: string, minutes?: number) {
  const started = await ask('PUT', `/v1/recordings/${station}`, 'command', minutes && { minutes });
  await sleep(1500);
  return started;
}

test.serial('a connected station is recorded within a second or so, and its tag is nowhere', async (t) => {
  await using station = await startStation(cluster.proxy.url, 'REC-1', () => Promise.resolve());
  await station.sendRequest('BootNotification', booting);
  const started = await recordStation('REC-1');
  t.is(started.status, 200, started.text);
  t.like(started.body, { station: 'REC-1', by: 'the-command' });
  const minutes =
    (Date.parse(String(started.body['until'])) - Date.parse(String(started.body['since']))) / 60_000;
  t.is(minutes, 15);
  t.like((await ask('GET', '/v1/recordings', 'read')).body.items, [{ station: 'REC-1' }]);

  const timestamp = new Date().toISOString();
  await station.sendRequest('StartTransaction', {
    connectorId: 1,
    idTag: 'SECRET-TAG-1',
    meterStart: 5,
    timestamp,
  });
  await station.sendRequest('Authorize', { idTag: 'secret-tag-1' });
  await until(async () => (await framesOf('REC-1')).length === 4, 'two CALLs and their answers');
  const frames = await framesOf('REC-1');
  t.like(frames, [
    { station: 'REC-1', direction: 'in', type: 'call', action: 'StartTransaction', protocol: 'ocpp1.6' },
    { direction: 'out', type: 'result', action: 'StartTransaction' },
    { direction: 'in', type: 'call', action: 'Authorize' },
    { direction: 'out', type: 'result', action: 'Authorize' },
  ]);
  const [call, answer, authorize] = frames as { text: string; messageId: string; latencyMs?: number }[];
  t.is(answer?.messageId, call?.messageId);
  t.true(Number(answer?.latencyMs) < 5000);
  const tagIn = (text = '') => /TAG-[0-9A-F]{16}/.exec(text)?.[0];
  t.truthy(tagIn(call?.text));
  t.is(tagIn(call?.text), tagIn(authorize?.text), 'case does not matter');
  const stored = JSON.stringify(await redis.xrange('ocpp:recorded', '-', '+'));
  t.notRegex(stored, /secret-tag/i);

  const page = await ask('GET', '/v1/recordings/REC-1/frames?limit=1', 'read');
  t.is(page.body.items?.length, 1);
  const rest = await ask('GET', `/v1/recordings/REC-1/frames?after=${page.body.next}`, 'read');
  t.is(rest.body.items?.length, 3);
  t.is((await ask('GET', '/v1/recordings/REC-1/frames?after=x', 'read')).status, 400);
  t.deepEqual(await framesOf('OTHER'), []);

  t.is((await ask('DELETE', '/v1/recordings/REC-1')).status, 204);
  t.is((await ask('DELETE', '/v1/recordings/REC-1')).body.code, 'no-such-entry');
  await sleep(1500);
  await station.sendRequest('Heartbeat', {});
  await sleep(200);
  t.is((await framesOf('REC-1')).length, 4, 'nothing after its end');
});

test.serial('markers of the connection, commands, unreadable texts and repairs are recorded', async (t) => {
  await recordStation('REC-2', 60);
  {
    await using station = await startStation(cluster.proxy.url, 'REC-2', () => Promise.resolve());
    await station.sendRequest('BootNotification', booting);
    const reset = await ask('POST', '/v1/stations/REC-2/commands', 'command', {
      action: 'Reset',
      payload: { type: 'Soft' },
    });
    t.is(reset.status, 200, reset.text);
    await until(async () => (await framesOf('REC-2')).length >= 5, 'boot and command');
  }
  await until(async () => (await framesOf('REC-2')).at(-1)?.['type'] === 'disconnected', 'the end');
  const frames = await framesOf('REC-2');
  t.like(frames[0], { type: 'connected', protocol: 'ocpp1.6' });
  t.like(frames.at(-1), { type: 'disconnected', reason: 'station' });
  t.is(frames[0]?.['connection'], frames.at(-1)?.['connection']);

  const socket = new WebSocket(`${cluster.proxy.url}/REC-2`, ['ocpp1.6']);
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  socket.send('the card 04A2B3C4 is broken');
  socket.send(`[2,17,"Heartbeat",{}]`);
  await until(async () => (await framesOf('REC-2')).length >= frames.length + 4, 'the texts');
  socket.close();
  const later = (await framesOf('REC-2')).slice(frames.length);
  const unreadable = later.find(({ type }) => type === 'unreadable');
  t.like(unreadable, { direction: 'in', problem: 'not-json', bytes: 27 });
  t.is(unreadable?.['text'], undefined);
  t.like(
    later.find(({ action }) => action === 'Heartbeat'),
    { repairs: ['message-id'], type: 'call' },
  );
  t.like((await cluster.proxy.ask('/metrics')).text.match(/^ocpp_proxy_recorded_stations (\d)/m), { 1: '1' });
});

test.serial('a stream has frames as they come, and resumes', async (t) => {
  await recordStation('REC-3');
  const stream = async (headers = {}) => {
    const response = await fetch(`${cluster.api.apiUrl}/v1/recordings/REC-3/frames/stream`, {
      headers: { authorization: 'Bearer read', ...headers },
      signal: over.signal,
    });
    const seen = { text: '' };
    void (async () => {
      for await (const chunk of response.body ?? []) seen.text += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    return seen;
  };
  const over = new AbortController();
  t.teardown(() => over.abort());
  const first = await stream();
  await using station = await startStation(cluster.proxy.url, 'REC-3', () => Promise.resolve());
  await station.sendRequest('BootNotification', booting);
  await until(() => first.text.includes('"action":"BootNotification","messageId"'), 'the boot');
  t.regex(first.text, /^: connected\nid: \S+\n\nid: \S+\nevent: frame\ndata: \{"id":/);
  const [, id = ''] = /\nid: (\S+)\nevent: frame/.exec(first.text) ?? [];
  const again = await stream({ 'Last-Event-ID': id });
  await until(() => again.text.includes('BootNotification'), 'the frames after the first one');
  t.notRegex(again.text, /"type":"connected"/);
});

test.serial('the monolith records in memory', async (t) => {
  const port = await freePort();
  const env = { OCPP_API_TOKENS_FOLDER: cluster.folder, OCPP_API_PORT: String(port) };
  await using monolith = await startProgram('monolith', env);
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/recordings${path}`, {
      method,
      headers: { authorization: 'Bearer command' },
    });
    return (await response.json()) as { readonly items?: { readonly action?: string }[] };
  };
  // It is ready for stations a moment before it serves the API.
  await until(
    () =>
      get('').then(
        () => true,
        () => false,
      ),
    'the API',
  );
  await get('/MEM-1', 'PUT');
  await using station = await startStation(monolith.url, 'MEM-1', () => Promise.resolve());
  await until(async () => {
    await station.sendRequest('BootNotification', booting);
    return (await get('/MEM-1/frames')).items?.at(-1)?.action === 'BootNotification';
  }, 'frames');
  t.is((await get('')).items?.length, 1);
});

test.serial('scopes, bounds, and the end of a recording', async (t) => {
  t.is((await ask('PUT', '/v1/recordings/X-1', 'read')).status, 403);
  t.is((await ask('DELETE', '/v1/recordings/X-1', 'read')).status, 403);
  for (const minutes of [0, 1441, 1.5, '5'])
    t.is((await ask('PUT', '/v1/recordings/X-1', 'command', { minutes })).status, 400, String(minutes));
  const until_ = (await ask('PUT', '/v1/recordings/X-1', 'command', { minutes: 1440 })).body['until'];
  const sooner = await ask('PUT', '/v1/recordings/X-1', 'admin', { minutes: 1 });
  t.true(String(sooner.body['until']) < String(until_));
  t.is(sooner.body['by'], 'the-admin');

  await redis.hset(
    'ocpp:recordings',
    'OLD',
    JSON.stringify({ since: 1, until: 2, by: 'x' }),
    'BAD',
    'no JSON',
  );
  const running = (await ask('GET', '/v1/recordings', 'read')).body.items ?? [];
  const names = Array.from({ length: 100 - running.length }, (_, i) => `MANY-${i}`);
  const started = await Promise.all(names.map((name) => ask('PUT', `/v1/recordings/${name}`)));
  t.deepEqual(
    started.filter(({ status }) => status !== 200).map(({ text }) => text),
    [],
    'concurrent changes',
  );
  t.is((await ask('PUT', '/v1/recordings/ONE-MORE')).body.code, 'too-many-requests');
  t.is((await ask('PUT', '/v1/recordings/MANY-0')).status, 200, 'a running one gets a new end');
  t.is(await redis.hlen('ocpp:recordings'), 100, 'those that ended are removed');
  const audit = (await ask('GET', '/v1/audit?limit=10', 'admin')).body.items ?? [];
  t.true(audit.some((one) => one['method'] === 'PUT' && one['station'] === 'MANY-0'));
});

test('a page of frames examines a bounded number of bytes, and the next one goes on there', async (t) => {
  const text = 'x'.repeat(RECORDED_TEXT);
  let read = 0;
  const lists = {
    bounds: async () => ({ first: '1-0', last: '5000-0', isTrimmed: false }),
    async entries(_stream: string, { after = '0-0', limit }: { after?: string; limit: number }) {
      const from = Number(after.split('-')[0]);
      const count = Math.min(limit, 5000 - from);
      read += count;
      return Array.from({ length: count }, (_, i) => ({ id: `${from + 1 + i}-0`, fields: { text } }));
    },
  } as unknown as StoredLists;
  const frames = new FollowedStream(lists, RECORDED).listing(({ id }) => (id === '5000-0' ? id : undefined));
  const first = await frames.page();
  t.deepEqual([first.items, first.next], [[], `${read}-0`]);
  const bytes = read * RECORDED_TEXT;
  t.true(bytes >= 8 * 2 ** 20 && bytes < 12 * 2 ** 20, `${bytes}`);
  let { next, items } = first;
  for (let pages = 0; items.length === 0 && pages < 20; pages++)
    ({ next, items } = await frames.page({ after: next }));
  t.deepEqual(items, ['5000-0']);
});
