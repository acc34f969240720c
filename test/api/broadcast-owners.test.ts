/** A broadcast goes on when the process that got it stops or dies. */
import test from 'ava';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { startApiCluster } from './cluster.ts';
import { startStations } from './stations.ts';

const reset = { action: 'Reset', payload: { type: 'Soft' } };

test('another process goes on when the owner of a broadcast stops or dies, and no station gets it twice', async (t) => {
  await using own = await startApiCluster();
  const ids = Array.from({ length: 30 }, (_, index) => `M-${index}`);
  await using stations = await startStations(own, ids, 200);
  const { folder, redis } = own;
  const env = { REDIS_ADDR: redis.addr, OCPP_API_TOKENS_FOLDER: folder };
  const body = { ...reset, stations: ids, perSecond: 10 };
  const headers = { 'Idempotency-Key': 'moved' };
  t.is((await own.ask('POST', '/v1/broadcasts', { body, headers })).status, 202);
  await until(() => stations.asked.length > 3, 'the first ones');
  t.is(await own.api.kill('SIGTERM'), 0);
  const stopped = stations.asked.length;
  t.true(stopped < 30, 'the owner has not ended it');

  // The second owner dies with commands that are open.
  await using second = await startProgram('api', env);
  await until(() => stations.asked.length > stopped + 3, 'the second owner');
  await second.kill('SIGKILL');
  t.true(stations.asked.length < 30, 'the second owner has not ended it');
  await using third = await startProgram('api', env);
  const read = async () => {
    const url = `${third.apiUrl}/v1/broadcasts/moved`;
    const view = (await (await fetch(url, { headers: { authorization: 'Bearer read' } })).json()) as Record<
      string,
      unknown
    >;
    return view['state'] === 'ended' && view;
  };
  t.like(await until(read, 'the end', 60_000, 100), { stations: 30, answered: 30, notSent: 0, uncertain: 0 });
  t.is(new Set(stations.asked).size, 30);
  t.is(stations.asked.length, 30, 'each station once');
});
