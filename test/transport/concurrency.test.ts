/** A processor with a limit handles no more deliveries at the same time, and all of them in the end. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import type { TransportHarness } from '../conformance/transport.ts';
import { call, outcome, Received } from '../conformance/station.ts';
import { startRedis } from '../support/redis-server.ts';
import { gatewayHarness, redisHarness } from './gateway-harness.ts';

const server = await startRedis();
test.after.always(() => server[Symbol.asyncDispose]());

const STATIONS = 12;

const STORES: Readonly<Record<string, (maxInFlight: number) => TransportHarness>> = {
  memory(maxInFlight) {
    const bus = createMemoryBus(undefined, maxInFlight);
    return gatewayHarness(bus.transport, bus.gateway('gateway'));
  },
  redis(maxInFlight) {
    const redis = { addr: server.addr, db: 0, clientTimeoutMs: 5000 };
    return redisHarness({ redis, channelPrefix: `m${maxInFlight}`, maxInFlight });
  },
};

for (const [store, create] of Object.entries(STORES)) {
  for (const limit of [1, 3]) {
    test(`at most ${limit} at a time, ${store}`, async (t) => {
      await using harness = create(limit);
      let running = 0;
      let peak = 0;
      harness.transport.onMessage(async () => {
        peak = Math.max(peak, ++running);
        await wait(10);
        running--;
        return outcome();
      });
      await harness.transport.start();
      const names = Array.from({ length: STATIONS }, (_, i) => `CP-${i}`);
      const stations = await Promise.all(names.map((name) => harness.connect(name, 'ocpp1.6')));
      const received = stations.map((station) => new Received(station));
      await Promise.all(stations.map((station) => station.write(call('a'))));
      for (const one of received) t.deepEqual(await one.until(1), [[3, 'a', {}]]);
      t.is(peak, limit);
    });
  }
}
