/** One command to many stations over HTTP. */
import test from 'ava';
import { until } from '../support/until.ts';
import { type ApiCluster, startApiCluster } from './cluster.ts';
import { startStations } from './stations.ts';

const reset = { action: 'Reset', payload: { type: 'Soft' } };

let cluster: ApiCluster;
test.before(async () => {
  cluster = await startApiCluster();
});
test.after.always(() => cluster[Symbol.asyncDispose]());

const ended = async (of: ApiCluster, id: string) => {
  const { body } = await of.ask('GET', `/v1/broadcasts/${id}`);
  return body['state'] === 'ended' && body;
};

test('each station of a list or a filter gets it once, and has an outcome', async (t) => {
  await using stations = await startStations(cluster, ['B-1', 'B-2', 'B-3']);
  const body = { ...reset, stations: ['B-1', 'B-2', 'B-3', 'B-1', 'NEVER'], perSecond: 100 };
  const headers = { 'Idempotency-Key': 'night' };
  const started = await cluster.ask('POST', '/v1/broadcasts', { as: 'command', body, headers });
  t.is(started.status, 202, started.text);
  t.is(started.headers.get('location'), '/v1/broadcasts/night');
  t.like(started.body, { id: 'night', state: 'running', stations: 4, answered: 0 });
  const view = await until(() => ended(cluster, 'night'), 'the end');
  t.like(view, { answered: 3, notSent: 1, uncertain: 0 });
  const again = await cluster.ask('POST', '/v1/broadcasts', { body, headers });
  t.deepEqual(again.body, view, 'the same key starts nothing');
  const other = await cluster.ask('POST', '/v1/broadcasts', {
    body: { ...body, stations: ['B-1'] },
    headers,
  });
  t.is(other.body.code, 'key-conflict');

  const first = await cluster.ask('GET', '/v1/broadcasts/night/outcomes?limit=3');
  t.is(first.body.items?.length, 3);
  const last = await cluster.ask('GET', `/v1/broadcasts/night/outcomes?limit=3&after=${first.body.next}`);
  t.like(last.body, { items: [{ station: 'NEVER', state: 'not-sent', reason: 'offline' }], next: undefined });

  const filtered = { ...reset, filter: { prefix: 'B-' } };
  const byPrefix = await cluster.ask('POST', '/v1/broadcasts', { body: filtered });
  t.is(byPrefix.body['stations'], 3);
  await until(() => ended(cluster, String(byPrefix.body['id'])), 'the end');
  t.deepEqual(
    stations.asked.sort((a, b) => (a < b ? -1 : 1)),
    ['B-1', 'B-1', 'B-2', 'B-2', 'B-3', 'B-3'],
  );
});

test('a broadcast is stopped, and an unknown one is 404', async (t) => {
  await using stations = await startStations(cluster, ['S-1', 'S-2', 'S-3', 'S-4']);
  const body = { ...reset, stations: ['S-1', 'S-2', 'S-3', 'S-4'], perSecond: 1 };
  const { body: started } = await cluster.ask('POST', '/v1/broadcasts', { body });
  const url = `/v1/broadcasts/${String(started['id'])}`;
  await until(() => stations.asked.length > 0, 'the first one');
  t.like((await cluster.ask('DELETE', url)).body, { state: 'stopped' });
  t.like((await cluster.ask('GET', url)).body, { state: 'stopped' });
  await until(async () => (await cluster.ask('DELETE', url)).body['state'] === 'stopped', 'a second stop');
  t.true(stations.asked.length < 4);
  t.is((await cluster.ask('GET', '/v1/broadcasts/none')).body.code, 'no-such-broadcast');
  t.is((await cluster.ask('GET', '/v1/broadcasts/none/outcomes')).body.code, 'no-such-broadcast');
});

for (const [name, body, status] of [
  ['without stations', reset, 400],
  ['with a list and a filter', { ...reset, stations: ['A'], filter: {} }, 400],
  ['of an action that no version has', { ...reset, action: 'Explode', stations: ['A'] }, 422],
  [
    'of a password',
    {
      action: 'ChangeConfiguration',
      payload: { key: 'AuthorizationKey', value: 'A'.repeat(40) },
      filter: {},
    },
    422,
  ],
] as const)
  test(`refused: a broadcast ${name}`, async (t) => {
    const refused = await cluster.ask('POST', '/v1/broadcasts', { body });
    t.is(refused.status, status, refused.text);
  });
