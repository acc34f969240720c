/** The status of the cluster: processes and figures of real programs, and readings that many requests share. */
import test from 'ava';
import { sharedReading } from '../../services/api/cluster/shared-reading.ts';
import { startStation } from '../client/station.ts';
import { until } from '../support/until.ts';
import { RawStation } from '../ws-proxy/raw-station.ts';
import { startApiCluster } from './cluster.ts';
import { memoryApi } from './memory-api.ts';

test('status has the processes, rates and figures of Redis', async (t) => {
  await using cluster = await startApiCluster();
  await using _station = await startStation(cluster.proxy.url, 'CP-1', () => Promise.resolve());
  const read = async () => (await cluster.ask('GET', '/v1/status', { as: 'read' })).body;
  const stationsOf = async () =>
    ((await read())['proxies'] as { stations: number }[]).map((one) => one.stations);
  await until(async () => (await stationsOf())[0] === 1, 'the station');
  const status = await read();
  t.like(status['processors'], [{ inFlight: 0, leaving: false }]);
  t.like(status['rates'], { handshakes: { waiting: 0 } });
  t.like(status['figures'], { stationsConnected: 1, inFlight: 0, callsOpen: 0 });
  const { storeResponseSeconds = -1 } = status['figures'] as { storeResponseSeconds?: number };
  t.true(storeResponseSeconds > 0 && storeResponseSeconds < 2);
  const [proxy] = status['proxies'] as { id: string }[];
  const station = (await cluster.ask('GET', '/v1/stations/CP-1')).body['connection'] as { proxy?: string };
  t.true(proxy !== undefined);
  t.is(station.proxy, String(proxy?.id));
});

test('requests that come within a second get the same figures', async (t) => {
  const { api: starting, state } = memoryApi();
  await using api = await starting;
  const open = async () => {
    const answer = await api.inject({ url: '/v1/status', headers: { authorization: 'Bearer x' } });
    return answer.json<{ figures: { openTransactions: number } }>().figures.openTransactions;
  };
  t.is(await open(), 0);
  await state.amend({
    writes: [{ kind: 'add', key: 'open-transactions', member: '["transaction:1","CP-1"]', score: 1 }],
    events: [],
  });
  t.is(await open(), 0);
  await until(async () => (await open()) === 1, 'the next reading');
});

test('what a transport does not know is absent', async (t) => {
  await using api = await memoryApi().api;
  const answer = await api.inject({ url: '/v1/status', headers: { authorization: 'Bearer x' } });
  const status = answer.json<Record<string, object>>();
  for (const name of ['proxies', 'processors', 'rates', 'rollout']) t.false(name in status, name);
  for (const name of ['callsOpen', 'storeMemoryShare', 'storeResponseSeconds'])
    t.false(name in (status['figures'] ?? {}), name);
});

test('requests of a second share one reading, and one that failed is not kept', async (t) => {
  let [now, count, fails] = [0, 0, false];
  const read = sharedReading(
    1000,
    async () => {
      if (fails) throw new Error('away');
      return ++count;
    },
    () => now,
  );
  t.deepEqual(
    await Promise.all(Array.from({ length: 20 }, read)),
    Array.from({ length: 20 }, () => 1),
  );
  now = 999;
  t.is(await read(), 1);
  now = 1000;
  t.is(await read(), 2);
  now = 2000;
  fails = true;
  await Promise.all([t.throwsAsync(read()), t.throwsAsync(read())]);
  fails = false;
  t.is(await read(), 3, 'at once');
});

test('refused handshakes are listed, the newest first', async (t) => {
  await using cluster = await startApiCluster();
  const list = async (query = '') =>
    (await cluster.ask('GET', `/v1/refusals${query}`, { as: 'read' })).body.items ?? [];
  t.deepEqual(await list(), []);
  for (const path of ['/wrong/CP-1', '/wrong/CP-2'])
    await RawStation.open(cluster.proxy.stationPort, path, ['Sec-WebSocket-Protocol: ocpp1.6']);
  await until(async () => (await list()).length === 2, 'two');
  t.like((await list('?limit=1'))[0], { code: 'path', status: 404, known: false, count: 1 });
  t.like(await list('?identity=CP-1'), [{ identity: 'CP-1' }]);
  t.is((await list('?identity=CP-9')).length, 0);
});
