/** The processes of a cluster as a client sees them, on a real Redis. */
import test from 'ava';
import { connect } from '../../services/client/connect.ts';
import { memoryClient } from '../../services/client/memory-client.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { until } from '../support/until.ts';
import { cluster, done, LEASE_MS, station } from '../transport/redis/processes.ts';

test('proxies with their stations, processors with what they hold, leases, and those that leave', async (t) => {
  const { redis, proxy, processor, lapse, look } = await cluster(t);
  await using client = await connect({ addr: redis.addr, db: 0, clientTimeoutMs: 2000 });
  t.like(await client.processes(), { proxies: [], processors: [], rates: {} });

  const [one, two] = [await proxy(), await proxy()];
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await processor(async () => {
    await held;
    return done();
  }, '0.3.0 rc/1');
  const stations = await Promise.all(['A', 'B', 'C'].map((id) => station(one, id)));
  await station(two, 'D/ü');
  await stations[0]?.call('1');
  await until(async () => (await client.processes())?.processors[0]?.inFlight === 1, 'one in flight');

  const found = await client.processes();
  const byId = new Map(found?.proxies.map((each) => [each.id, each]));
  t.like(byId.get(one.id), { name: 'proxy', stations: 3, leaving: false });
  t.like(byId.get(two.id), { name: 'proxy', stations: 1, leaving: false });
  t.is((await client.station('A'))?.connection?.proxy, one.id);
  t.like(found?.processors, [{ name: 'processor', release: '0.3.0 rc/1', inFlight: 1, leaving: false }]);
  for (const { leaseSeconds } of [...(found?.proxies ?? []), ...(found?.processors ?? [])])
    t.true(leaseSeconds > 0 && leaseSeconds <= LEASE_MS / 1000, `${leaseSeconds}`);
  t.true((found?.responseSeconds ?? 0) > 0 && (found?.responseSeconds ?? 9) < 1);
  t.like(await client.figures(), { inFlight: 1, callsOpen: 0, stationsConnected: 4 });

  two.leave?.();
  await until(async () => {
    const { proxies = [] } = (await client.processes()) ?? {};
    return proxies.find(({ id }) => id === two.id)?.leaving === true;
  }, 'the one that leaves');
  await look.zadd('ocpp:proxies', 1, 'gone-00000000');
  const gone = (await client.processes())?.proxies.find(({ name }) => name === 'gone');
  t.like(gone, { leaseSeconds: 0, stations: 0 });
  await lapse('processors', found?.processors[0]?.id ?? '');
  release();
});

test('rates are summed over the proxies that have a valid lease', async (t) => {
  const { redis, proxy, look } = await cluster(t);
  await using client = await connect({ addr: redis.addr, db: 0, clientTimeoutMs: 2000 });
  const [one, two] = [await proxy(), await proxy()];
  const asks = (demand: number, waiting: number) => ({
    closes: { rate: 100, demand: 0 },
    handshakes: { rate: 500, demand, waiting },
    boots: { rate: 0, demand: 7 },
  });
  await one.leaseRates(asks(2000, 1500));
  await two.leaseRates(asks(400, 300));
  const { rates } = (await client.processes()) ?? {};
  t.like(rates?.handshakes, { limit: 500, demand: 2400, waiting: 1800 });
  t.true((rates?.handshakes?.leased ?? 501) <= 500 && (rates?.handshakes?.leased ?? 0) > 400);
  t.like(rates?.closes, { limit: 100, demand: 0, waiting: 0 });
  t.is(rates?.boots, undefined, 'no limit');

  // An earlier release has no waiting; a lease that has ended counts no more.
  await look.hset(
    'ocpp:rates',
    'old',
    `${Date.now() + 60_000} 0 0 0 200 50 1 0 0 0`,
    'ended',
    '1 0 0 0 9 9 9 0 0 0',
  );
  const mixed = (await client.processes())?.rates.handshakes;
  t.like(mixed, { limit: 200, demand: 2450 });
  t.is(mixed?.waiting, undefined);
  const { shares } = await one.leaseRates(asks(2000, 1500));
  t.is(
    shares.handshakes.demand,
    2450,
    'the lease of an earlier release counts for this one, and the reverse',
  );
});

test('the counts of the last rollout move as stations do', async (t) => {
  const { redis, proxy, look } = await cluster(t);
  await using client = await connect({ addr: redis.addr, db: 0, clientTimeoutMs: 2000 });
  t.is((await client.processes())?.rollout, undefined);
  const [one, two] = [await proxy(), await proxy()];
  const first = await station(one, 'A');
  await station(one, 'B');
  const epochs = await Promise.all(['A', 'B'].map((id) => look.get(`ocpp:last-epoch:${id}`)));
  one.rollouts.recordMoves('city 1', [
    { stationId: 'A', epoch: Number(epochs[0]), forced: true },
    { stationId: 'B', epoch: Number(epochs[1]), forced: false },
  ]);
  await until(async () => (await client.processes())?.rollout?.moves === 2, 'two moves');
  t.like((await client.processes())?.rollout, {
    id: 'city 1',
    stations: 2,
    away: 2,
    forced: 1,
    movedAgain: 0,
  });
  await first.client.stop();
  await station(two, 'A');
  await until(async () => (await client.processes())?.rollout?.away === 1, 'a return');
});

test('a transport without processes says so', async (t) => {
  await using client = memoryClient(createMemoryBus());
  t.is(await client.processes(), undefined);
  const { callsOpen, storeMemoryShare } = await client.figures();
  t.deepEqual([callsOpen, storeMemoryShare], [undefined, undefined]);
});
