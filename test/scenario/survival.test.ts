/**
 * What is guaranteed while things break: nothing lost, nothing answered twice, every transaction in the
 * stream exactly once. Simulated stations of all versions are the judges (test/simulator).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { startBalancer } from './balancer.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { freePort } from '../support/free-port.ts';
import { Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { isClean, type Simulation, startSimulation, type Summary } from '../simulator/simulation.ts';

const STATIONS = 30;
/** A lease is 10 s; other processes look every 3. */
const PAST_LEASE_MS = 15_000;

/** Stations that work all the time and come back fast, behind a balancer. */
async function workload(cluster: Cluster, prefix: string) {
  const living = () => cluster.proxies.filter(({ ended }) => !ended);
  const balancer = await startBalancer(() => living().map(({ stationPort }) => stationPort));
  const simulation = startSimulation({
    url: `ws://127.0.0.1:${balancer.port}/ocpp`,
    stations: STATIONS,
    prefix,
    cadenceSeconds: 0.25,
    reconnectScale: 0.2,
    redis: cluster.redis,
  });
  return { simulation, [Symbol.asyncDispose]: () => balancer[Symbol.asyncDispose]() };
}

async function progress(simulation: Simulation, enough: (progress: Summary) => boolean): Promise<void> {
  const isEnough = () => enough(simulation.progress());
  await until(isEnough, 'progress of the stations', 90_000, 50).catch((error: unknown) => {
    throw new Error(`still ${JSON.stringify(simulation.progress())}`, { cause: error });
  });
}

/** Until every station has gone round once more. */
async function goOn(simulation: Simulation): Promise<void> {
  const { stopped } = simulation.progress().transactions;
  await progress(
    simulation,
    ({ transactions, online }) => online === STATIONS && transactions.stopped >= stopped + STATIONS,
  );
}

test('processors and proxies killed one after the other under load: nothing is lost, nothing doubled', async (t) => {
  t.timeout(300_000);
  await using cluster = await startCluster({ proxies: 2, processors: 2 });
  const { proxies, processors, redis } = cluster;
  await using load = await workload(cluster, 'KILL');
  const { simulation } = load;
  await goOn(simulation);

  await processors[0]?.kill('SIGKILL');
  await goOn(simulation);
  await using processor = await startProgram('processor', { REDIS_ADDR: redis.addr });
  await processors[1]?.kill('SIGTERM');
  await goOn(simulation);
  t.false(processor.ended);

  await proxies[0]?.kill('SIGKILL');
  await goOn(simulation);
  t.true(simulation.progress().moves.reconnects > 0);
  await using proxy = await startProgram('ws-proxy', { REDIS_ADDR: redis.addr });
  proxies.push(proxy);
  const stopped = proxies[1]?.kill('SIGTERM');
  await goOn(simulation);
  t.is(await stopped, 0);
  t.true(simulation.progress().moves.closedBy1012 > 0, 'a draining proxy tells its stations 1012');

  simulation.stop();
  const summary = await simulation.done;
  t.true(isClean(summary), JSON.stringify(summary, undefined, 1));
  t.true((summary.stream?.expected ?? 0) >= 4 * STATIONS);
  t.is(summary.unsent, 0);
});

test('stations whose sockets are cut again and again lose nothing and are never charged twice', async (t) => {
  t.timeout(180_000);
  await using cluster = await startCluster({ proxies: 2, processors: 1 });
  await using load = await workload(cluster, 'CUT');
  const { simulation } = load;
  const [processor] = cluster.processors;
  for (let round = 0; round < 3; round++) {
    await goOn(simulation);
    // While the processor stands still, CALLs are open on most of the sockets.
    processor?.signal('SIGSTOP');
    await sleep(600);
    simulation.cut(STATIONS);
    processor?.signal('SIGCONT');
    await progress(simulation, ({ online }) => online < STATIONS);
  }
  await goOn(simulation);
  simulation.stop();
  const summary = await simulation.done;
  t.true(isClean(summary), JSON.stringify(summary, undefined, 1));
  t.true(summary.resent > 0, 'CALLs were open when the sockets were cut');
});

test('a processor and a proxy that sleep past their lease and wake are fenced out', async (t) => {
  t.timeout(240_000);
  await using cluster = await startCluster({ proxies: 2, processors: 2 });
  await using load = await workload(cluster, 'SLEEP');
  const { simulation } = load;
  await goOn(simulation);

  const [sleeper] = cluster.processors;
  sleeper?.signal('SIGSTOP');
  await sleep(PAST_LEASE_MS);
  sleeper?.signal('SIGCONT');
  await goOn(simulation);

  const [proxy] = cluster.proxies;
  proxy?.signal('SIGSTOP');
  await sleep(PAST_LEASE_MS);
  // Its stations see a socket that says nothing; they come back when it closes, or reconnect by themselves.
  proxy?.signal('SIGCONT');
  await goOn(simulation);

  simulation.stop();
  const summary = await simulation.done;
  t.true(isClean(summary), JSON.stringify(summary, undefined, 1));
  t.true(summary.moves.reconnects > 0, 'the proxy closed its sockets when it woke');
});

test('a program that has never reached Redis, or has lost it, stops on SIGTERM', async (t) => {
  const nowhere = { REDIS_ADDR: '127.0.0.1:1', OCPP_DRAIN_PROPAGATION: '0s' };
  for (const name of ['processor', 'ws-proxy'] as const) {
    const ports = { admin: await freePort(), station: await freePort() };
    const program = new Program(name, nowhere, ports);
    await using _ = program;
    while ((await program.ask('/healthz')).status !== 200) await sleep(50);
    t.is(await program.kill('SIGTERM'), 0, program.log);
  }
  const cluster = await startCluster();
  await using _ = cluster;
  await cluster.redis.kill();
  await sleep(500);
  for (const program of [...cluster.processors, ...cluster.proxies]) {
    t.is(await program.kill('SIGTERM'), 0, program.log);
  }
});
