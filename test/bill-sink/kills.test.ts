/** Sink, PostgreSQL and Redis are killed at random moments while 2000 bills are written: each bill arrives, and once. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { ENV } from '../../services/contract.ts';
import { until } from '../support/until.ts';
import { hasPostgres } from './postgres-server.ts';
import { bill, startWorld } from './world.ts';

const run = hasPostgres() ? test : test.skip;
const BILLS = 2000;
const STEP = 20;

run('nothing is lost and nothing is stored twice, whatever is killed', async (t) => {
  await using world = await startWorld();
  const place = await world.place();
  const env = { [ENV.billSinkKeep]: '50' };
  let sink = await place.sink(env);
  const written = new AbortController();
  const writing = (async () => {
    for (let n = 0; n < BILLS; n += STEP) {
      const bills = Array.from({ length: STEP }, (_, i) => bill(n + i));
      // What Redis has not confirmed is written again, as a processor does; then it may be there twice.
      await until(
        async () => (await place.append('transactions', ...bills)).length,
        'a confirmed write',
        60_000,
      );
      await wait(60);
    }
    written.abort();
  })();
  const kills = { sink: 0, postgres: 0, redis: 0 };
  while (!written.signal.aborted) {
    await wait(Math.random() * 500);
    const choice = Math.random();
    if (choice < 0.5) {
      await sink.kill('SIGKILL');
      sink = await place.sink(env);
      kills.sink += 1;
      await wait(600);
    } else if (choice < 0.8) {
      await world.postgres.kill();
      await world.postgres.restart();
      kills.postgres += 1;
    } else {
      await world.redis.kill();
      await world.redis.restart();
      kills.redis += 1;
    }
  }
  await writing;
  await until(async () => (await place.count('bills')) >= BILLS, `${BILLS} bills`, 60_000);
  t.log(kills);
  const [sum] = await place.rows(
    'SELECT count(*) AS rows, count(DISTINCT bill_id) AS bills, sum(energy_wh) AS energy FROM ocpp.bills',
  );
  t.deepEqual(sum, { rows: String(BILLS), bills: String(BILLS), energy: String(BILLS * 7500.5) + '.0' });
  await until(async () => (await world.look.xlen(`${place.name}:transactions`)) <= 55, 'a trimmed stream');
  t.notRegex(sink.log, /lost for PostgreSQL/);
  t.is(await sink.kill(), 0);
});
