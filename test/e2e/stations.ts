/** Simulated stations that reach a cluster through its Service. */
import type { ExecutionContext } from 'ava';
import { compareStream, type StreamCheck } from '../simulator/ledger.ts';
import { startSimulation, type Simulation, type Summary } from '../simulator/simulation.ts';
import { get, list, until } from './kubectl.ts';
import { type RedisPod, stream } from './redis.ts';

interface Service {
  readonly spec: {
    readonly clusterIP: string;
    readonly ports: readonly { readonly port: number; readonly nodePort?: number }[];
  };
}
interface Node {
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] };
}

/**
 * Where stations connect. ClusterIP (the default) needs a route from here to the Services' addresses;
 * with E2E_ADDRESS=NodePort the nodes' addresses are enough, as with kind, and the clusters' Services
 * have to be of type NodePort.
 */
export async function stationUrl({ cluster, namespace }: RedisPod): Promise<string> {
  const service = await get<Service>('service', `${cluster}-ws-proxy`, namespace);
  if (service === undefined) throw new Error(`there is no Service ${cluster}-ws-proxy in ${namespace}`);
  const [port] = service.spec.ports;
  if (process.env['E2E_ADDRESS'] !== 'NodePort') return `ws://${service.spec.clusterIP}:${port?.port}/ocpp`;
  const [node] = await list<Node>('nodes', namespace);
  const address = node?.status.addresses.find(({ type }) => type === 'InternalIP');
  return `ws://${address?.address}:${port?.nodePort}/ocpp`;
}

/** Stations that charge all the time, connected to this cluster; resolves when all of them are. */
export async function connectStations(
  t: ExecutionContext,
  to: RedisPod,
  stations: number,
  prefix: string,
): Promise<Simulation> {
  const url = await stationUrl(to);
  const simulation = startSimulation({ url, stations, prefix, cadenceSeconds: 1, connectRate: 100 });
  t.teardown(() => simulation.stop());
  await until(
    `${stations} stations connected to ${url}`,
    60,
    async () => simulation.progress().online === stations,
  );
  return simulation;
}

export interface Report extends Summary {
  readonly stream: StreamCheck;
  /** What must be zero: CALLs lost, doubled or answered wrongly, and differences in the stream of billing. */
  readonly losses: Readonly<Record<string, number>>;
}

/** Lets the stations finish, after a charging session each on average, and compares their ledgers with what the cluster wrote down. */
export async function finishStations(at: RedisPod, simulation: Simulation): Promise<Report> {
  await until('a charging session of each station', 120, async () => {
    const { transactions, stations } = simulation.progress();
    return transactions.stopped >= stations;
  });
  simulation.stop();
  const summary = await simulation.done;
  const check = compareStream(simulation.transactions, await stream(at, 'ocpp:transactions'));
  const { lost, unsent, duplicated, wrong } = summary;
  const { missing, doubled, differing } = check;
  return {
    ...summary,
    stream: check,
    losses: { lost, unsent, duplicated, wrong, missing, doubled, differing },
  };
}

export const NO_LOSSES = {
  lost: 0,
  unsent: 0,
  duplicated: 0,
  wrong: 0,
  missing: 0,
  doubled: 0,
  differing: 0,
};
