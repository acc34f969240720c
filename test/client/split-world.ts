/** A station with a limit of items in one message, on Redis and in memory, for the tests of commands that are split. */
import test, { type ExecutionContext } from 'ava';
import { type ClusterClient, connect } from '../../services/client/connect.ts';
import { memoryClient } from '../../services/client/memory-client.ts';
import type { Command } from '../../services/csms/commands/commands.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import type { CallOutcome } from '../../services/transport/station-call.ts';
import type { StateStore } from '../../services/transport/stored-state.ts';
import type { TransportHarness } from '../conformance/transport.ts';
import { startRedis } from '../support/redis-server.ts';
import { gatewayHarness, redisHarness } from '../transport/gateway-harness.ts';

interface World extends AsyncDisposable {
  readonly state: StateStore;
  readonly connect: TransportHarness['connect'];
  /** Of one process more. */
  readonly client: () => Promise<ClusterClient>;
}

const redis = await startRedis();
test.after.always(() => redis[Symbol.asyncDispose]());
let prefixes = 0;

const WORLDS: Readonly<Record<string, () => Promise<World>>> = {
  async Redis() {
    const channelPrefix = `split-${++prefixes}`;
    const settings = { addr: redis.addr, db: 0, clientTimeoutMs: 2000 };
    const harness = redisHarness({ redis: settings, channelPrefix });
    return worldOf(harness, () => connect(settings, { channelPrefix }));
  },
  async memory() {
    const bus = createMemoryBus();
    const harness = gatewayHarness(bus.transport, bus.gateway('proxy'));
    return worldOf(harness, () => Promise.resolve(memoryClient(bus)));
  },
};

async function worldOf(harness: TransportHarness, create: () => Promise<ClusterClient>): Promise<World> {
  const { transport } = harness;
  const clients: ClusterClient[] = [];
  transport.onMessage(async () => ({ answer: { kind: 'result', payload: {} }, writes: [], events: [] }));
  await transport.start();
  return {
    state: transport.state,
    connect: (...args) => harness.connect(...args),
    async client() {
      const client = await create();
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      await harness[Symbol.asyncDispose]();
    },
  };
}

export function everywhere(title: string, body: (t: ExecutionContext, world: World) => Promise<void>): void {
  for (const [name, create] of Object.entries(WORLDS))
    test(`${title} (${name})`, async (t) => {
      await using world = await create();
      await body(t, world);
    });
}

export const ID = 'CP-2';
export const KEY = 'one';

export interface Item {
  readonly component: { readonly name: string };
  readonly variable: { readonly name: string; readonly instance?: string };
  /** Of a monitor. */
  readonly type?: string;
  readonly severity?: number;
}
export const item = (name: string): Item => ({ component: { name: 'Ctrlr' }, variable: { name } });
export const names = (count: number) => Array.from({ length: count }, (_, index) => `V${index}`);
export const get = (count: number): Command => ({
  stationId: ID,
  action: 'GetVariables',
  payload: { getVariableData: names(count).map(item) },
});

export type Said = readonly [number, object] | readonly [number, string, string, object];
/** What a station does with the part of a command that it gets as the nth one: an answer, or none. */
export type Behaviour = (
  action: string,
  payload: Record<string, Item[]>,
  nth: number,
) => Promise<Said | undefined>;

const read = (items: readonly Item[], value: string, status = 'Accepted') => ({
  getVariableResult: items.map(({ component, variable }) => ({
    component,
    variable,
    attributeStatus: status,
    attributeValue: value,
  })),
});
/** The result of one monitor: what the station was asked for, and the id that it has given it. */
const monitored = ({ component, variable, type, severity }: Item, id: number) => ({
  component,
  variable,
  type,
  severity,
  id,
  status: 'Accepted',
});
export const good: Behaviour = async (action, payload, nth) => {
  const { getVariableData = [], setVariableData = [], setMonitoringData = [], id = [] } = payload;
  if (action === 'GetVariables') return [3, read(getVariableData, 'x')];
  if (action === 'ClearVariableMonitoring')
    return [3, { clearMonitoringResult: id.map((one) => ({ id: one, status: 'Accepted' })) }];
  if (action === 'SetVariableMonitoring')
    return [
      3,
      { setMonitoringResult: setMonitoringData.map((one, index) => monitored(one, nth * 100 + index)) },
    ];
  const results = (items: readonly Item[]) =>
    items.map(({ component, variable }) => ({ component, variable, attributeStatus: 'Accepted' }));
  return [3, { setVariableResult: results(setVariableData) }];
};

/** A station of 2.0.1 with a limit. `got` has the number of items of each message, 'limit' for a question. */
export async function station(
  { connect, state }: World,
  limit: string | undefined,
  behave: Behaviour = good,
) {
  const got: (number | string)[] = [];
  let nth = 0;
  await state.amend({
    writes: [{ kind: 'set', key: `station:${ID}`, fields: { protocol: 'ocpp2.0.1' } }],
    events: [],
  });
  const link = await connect(ID, 'ocpp2.0.1', (text) => {
    const [kind, id, action, payload] = JSON.parse(text) as [number, string, string, Record<string, Item[]>];
    if (kind !== 2) return;
    const items = Object.values(payload)[0] ?? [];
    const say = ([type, ...rest]: Said) => void link.write(JSON.stringify([type, id, ...rest]));
    if (items[0]?.variable?.name === 'ItemsPerMessage') {
      got.push('limit');
      const status = limit === undefined ? 'UnknownVariable' : 'Accepted';
      say([3, read(items, limit ?? '', status)]);
      return;
    }
    got.push(items.length);
    void behave(action, payload, ++nth).then((said) => said && say(said));
  });
  return { got, link };
}

export function namesIn(outcome: CallOutcome): readonly string[] {
  if (outcome.kind !== 'answered' || outcome.answer.kind === 'error') return [];
  const { getVariableResult } = outcome.answer.payload as { readonly getVariableResult: readonly Item[] };
  return getVariableResult.map(({ variable }) => variable.name);
}
