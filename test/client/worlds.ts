/** A client beside a cluster, on Redis and in memory, for tests that hold for both. */
import test, { type ExecutionContext } from 'ava';
import { type ClusterClient, connect } from '../../services/client/connect.ts';
import { memoryClient } from '../../services/client/memory-client.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import type { StateStore } from '../../services/transport/stored-state.ts';
import type { TransportHarness } from '../conformance/transport.ts';
import { startRedis } from '../support/redis-server.ts';
import { gatewayHarness, redisHarness } from '../transport/gateway-harness.ts';

export interface World extends AsyncDisposable {
  readonly client: ClusterClient;
  readonly state: StateStore;
  readonly connect: TransportHarness['connect'];
}

const redis = await startRedis();
test.after.always(() => redis[Symbol.asyncDispose]());
let prefixes = 0;

const WORLDS: Readonly<Record<string, () => Promise<World>>> = {
  async Redis() {
    const channelPrefix = `world-${++prefixes}`;
    const settings = { addr: redis.addr, db: 0, clientTimeoutMs: 2000 };
    const harness = redisHarness({ redis: settings, channelPrefix });
    return worldOf(harness, await connect(settings, { channelPrefix }));
  },
  async memory() {
    const bus = createMemoryBus();
    return worldOf(gatewayHarness(bus.transport, bus.gateway('proxy')), memoryClient(bus));
  },
};

async function worldOf(harness: TransportHarness, client: ClusterClient): Promise<World> {
  const { transport } = harness;
  transport.onMessage(async () => ({ answer: { kind: 'result', payload: {} }, writes: [], events: [] }));
  await transport.start();
  return {
    client,
    state: transport.state,
    connect: (...args) => harness.connect(...args),
    async [Symbol.asyncDispose]() {
      await client.close();
      await harness[Symbol.asyncDispose]();
    },
  };
}

/** Declares the test once for each transport. */
export function everywhere(title: string, body: (t: ExecutionContext, world: World) => Promise<void>): void {
  for (const [name, create] of Object.entries(WORLDS))
    test(`${title} (${name})`, async (t) => {
      await using world = await create();
      await body(t, world);
    });
}
