/** What is stored, page by page: stations, transactions, lists; and the changes of lists. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { startStation } from '../client/station.ts';
import { until } from '../support/until.ts';
import { type ApiCluster, startApiCluster } from './cluster.ts';

let cluster: ApiCluster;
test.before(async () => {
  cluster = await startApiCluster();
});
test.after.always(() => cluster[Symbol.asyncDispose]());

const get = (path: string) => cluster.ask('GET', path, { as: 'read' });
const at = '2026-01-01T10:00:00Z';

/** All items of a list, in pages of two. */
async function all(path: string) {
  const items = [];
  let after = '';
  do {
    const page = await get(`${path}${path.includes('?') ? '&' : '?'}limit=2${after}`);
    items.push(...(page.body.items ?? []));
    after = page.body.next === undefined ? '' : `&after=${encodeURIComponent(page.body.next)}`;
  } while (after !== '');
  return items;
}

test('stations, their connections and transactions', async (t) => {
  const ids = ['LIST-1', 'LIST-2', 'LIST-3'];
  const stations = await Promise.all(
    ids.map((id) => startStation(cluster.proxy.url, id, () => Promise.resolve())),
  );
  await using connected = new AsyncDisposableStack();
  for (const station of stations)
    await connected
      .use(station)
      .sendRequest('BootNotification', { chargePointVendor: 'Acme', chargePointModel: 'DC-9' });
  const [first] = stations;
  const fault = { connectorId: 1, errorCode: 'GroundFailure', status: 'Faulted', timestamp: at } as const;
  await first?.sendRequest('StatusNotification', fault);
  const start = { connectorId: 1, idTag: 'Card-1', meterStart: 1000, timestamp: at };
  const started = await first?.sendRequest('StartTransaction', start);
  t.is(started?.kind, 'confirmed');

  const idsOf = (items: readonly Readonly<Record<string, unknown>>[]) => items.map((item) => item['id']);
  t.deepEqual(idsOf(await all('/v1/stations?prefix=LIST-')), ids);
  t.deepEqual(idsOf(await all('/v1/stations?prefix=LIST-&status=Faulted')), ['LIST-1']);
  t.deepEqual(idsOf(await all('/v1/stations?prefix=LIST-&connected=false')), []);
  const one = await get('/v1/stations/LIST-1');
  t.like(one.body, { id: 'LIST-1', connected: true, protocol: 'ocpp1.6', registration: 'Accepted' });
  t.like(one.body['lastFault'], { connector: 1, status: 'Faulted', errorCode: 'GroundFailure' });
  t.is((await get('/v1/stations/LIST-9')).body.code, 'no-such-station');

  const open = await all('/v1/transactions?station=LIST-1');
  t.like(open, [{ state: 'open', station: 'LIST-1', token: 'Card-1', meterStart: '1000' }]);
  const id = String(open[0]?.['transaction']);
  t.deepEqual((await get(`/v1/stations/LIST-1/transactions/${id}`)).body, open[0]);
  t.is((await get('/v1/stations/LIST-1/transactions/none')).body.code, 'no-such-transaction');
  t.deepEqual(await all('/v1/transactions?token=card-1&station=LIST-2'), []);

  const erase = (as: string) => cluster.ask('DELETE', '/v1/tokens/CARD-1/history', { as });
  t.like(await erase('admin'), { status: 409, body: { code: 'token-charging' } });

  const stop = { transactionId: Number(id), meterStop: 5000, timestamp: '2026-01-01T11:00:00Z' };
  await first?.sendRequest('StopTransaction', stop);
  const [bill] = await all('/v1/transactions?state=closed&token=CARD-1');
  t.like(bill, { state: 'closed', kind: 'final', station: 'LIST-1', energy: '4000' });
  t.like((await get(`/v1/stations/LIST-1/transactions/${id}`)).body, { state: 'closed', energy: '4000' });

  // The mark of a final bill of 1.6 has no token.
  t.like(await erase('admin'), { status: 200, body: { bills: 1, marks: 0, events: 2 } });
  t.like(await all('/v1/transactions?state=closed&station=LIST-1'), [{ token: 'ERASED', energy: '4000' }]);
  const audit = JSON.stringify((await cluster.ask('GET', '/v1/audit', { as: 'admin' })).body);
  t.true(audit.includes('/v1/tokens/ERASED/history'));
  t.notRegex(audit, /card-1/i);

  t.is((await all('/v1/sessions')).length, 3);
  await Promise.all(stations.map((station) => station[Symbol.asyncDispose]()));
  await until(async () => (await all('/v1/sessions')).length === 0, 'the end of the sessions');
  const { body: status } = await get('/v1/status');
  t.like(status['figures'], { stationsKnown: 3, stationsConnected: 0, openTransactions: 0 });
  for (const path of ['meter-values', 'reports', 'settlements', 'unreadable', 'dead-letters'])
    t.is((await get(`/v1/${path}`)).status, 200, path);
});

test('tokens are stored, imported, listed and removed', async (t) => {
  const expiry = '2030-01-01T00:00:00.000Z';
  const set = await cluster.ask('PUT', '/v1/tokens/card%2F7', {
    body: { status: 'Accepted', expiry, parent: 'FLEET' },
  });
  t.deepEqual(set.body, { token: 'CARD/7', status: 'Accepted', expiry, parent: 'FLEET' });
  t.deepEqual((await get('/v1/tokens/CARD%2F7')).body, set.body);

  const csv =
    '\uFEFFToken,status,expiry\r\nA1,Accepted,\r\n"B ""1"", x",Blocked,\r\nC1,Wrong,\r\nD1,Accepted,soon\r\n\r\nE1\r\n';
  const headers = { 'content-type': 'text/csv' };
  const imported = await cluster.ask('POST', '/v1/tokens/import', { body: csv, headers });
  t.is(imported.body['imported'], 2);
  t.deepEqual(
    (imported.body['refused'] as readonly { line: number }[]).map(({ line }) => line),
    [4, 5, 7],
  );
  t.deepEqual(
    (await all('/v1/tokens')).map(({ token }) => String(token)).sort((a, b) => (a < b ? -1 : 1)),
    ['A1', 'B "1", X', 'CARD/7'],
  );
  for (const [body, why] of [
    ['', /header line/],
    ['A1,Accepted\n', /header line/],
    ['token,status,color\n', /header line/],
    ['token,status\n"A,Accepted\n', /line 2/],
  ] as const)
    t.regex((await cluster.ask('POST', '/v1/tokens/import', { body, headers })).body.detail ?? '', why);

  const limits =
    'token,status,maxEnergyWh,MAXDURATIONSECONDS\nF1,Accepted,5000,60\nF2,Accepted,much,\nF3,Accepted,,-1\n';
  const limited = await cluster.ask('POST', '/v1/tokens/import', { body: limits, headers });
  t.like(limited.body, { imported: 1 });
  t.like(limited.body['refused'], [{ line: 3 }, { line: 4 }]);
  t.like((await get('/v1/tokens/F1')).body, { maxEnergyWh: 5000, maxDurationSeconds: 60 });

  t.is((await cluster.ask('DELETE', '/v1/tokens/a1')).status, 204);
  t.is((await cluster.ask('DELETE', '/v1/tokens/a1')).body.code, 'no-such-token');
  t.is((await get('/v1/tokens/A1')).status, 404);
});

test('registrations and the register are changed', async (t) => {
  t.is((await cluster.ask('PUT', '/v1/registrations/CP-1', { body: { status: 'Pending' } })).status, 200);
  t.deepEqual(await all('/v1/registrations'), [{ station: 'CP-1', status: 'Pending' }]);
  t.is((await cluster.ask('DELETE', '/v1/registrations/CP-1')).status, 204);
  t.deepEqual(await all('/v1/registrations'), []);

  const change = (body: object) => cluster.ask('PATCH', '/v1/register/CP-1', { body });
  t.is((await get('/v1/register/CP-1')).body.code, 'no-such-entry');
  await change({ profile: 2, vendor: 'Acme', labels: { site: 'north' } });
  t.deepEqual((await change({ vendor: null, blocked: true })).body, {
    station: 'CP-1',
    profile: 2,
    labels: { site: 'north' },
    blocked: true,
    hasPassword: false,
    hasNextPassword: false,
  });
  t.is((await all('/v1/register')).length, 1);
  t.is((await cluster.ask('POST', '/v1/register/CP-1/reset-profile')).status, 204);
  t.is((await cluster.ask('DELETE', '/v1/register/CP-1')).status, 204);
  t.is((await cluster.ask('DELETE', '/v1/register/CP-1')).status, 404);
});

test('status has the OcppCluster object, or says why it cannot be read', async (t) => {
  let [status, mode] = [200, 'Internal'];
  const server = createServer((request, response) => {
    response.writeHead(request.headers.authorization === 'Bearer own-token' ? status : 401);
    const metadata = { name: 'city', namespace: 'ev' };
    const spec = { processor: { autoscaling: { mode, minReplicas: 2, maxReplicas: 9 } } };
    response.end(JSON.stringify({ metadata, spec, status: { phase: 'Ready' } }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  await using own = await startApiCluster({
    OCPP_CLUSTER_URL: `http://127.0.0.1:${port}/clusters/city`,
    OCPP_CLUSTER_TOKEN_FILE: `${cluster.folder}/../own`,
  });
  const read = async () => (await own.ask('GET', '/v1/status')).body;
  const object = { name: 'city', namespace: 'ev', status: { phase: 'Ready' } };
  const processorLimits = { minReplicas: 2, maxReplicas: 9 };
  t.deepEqual((await read())['cluster'], { ...object, processorLimits });
  mode = 'Off';
  await until(async () => !('processorLimits' in ((await read())['cluster'] as object)), 'no limits');
  t.deepEqual((await read())['cluster'], object);
  status = 403;
  await until(async () => (await read())['clusterProblem'], 'the failure');
  t.regex(String((await read())['clusterProblem']), /answered 403: check its token/);
  t.true('figures' in (await read()));
});
