/** The conformance suite over memory and over a real Redis. WebSocket: test/ws-proxy. */
import test from 'ava';
import { GatewayClientTransport } from '../../services/transport/client-transport.ts';
import { createGateway, createTransport } from '../../services/transport/factory.ts';
import { createMemoryBus } from '../../services/transport/memory.ts';
import type { Gateway, Transport } from '../../services/transport/transport.ts';
import { transportConformance, type TransportHarness } from '../conformance/transport.ts';
import { startRedis } from '../support/redis-server.ts';

const redis = await startRedis();
test.after.always(() => redis[Symbol.asyncDispose]());

function harness(transport: Transport, gateway: Gateway): TransportHarness {
  const stations: GatewayClientTransport[] = [];
  let started: Promise<void> | undefined;
  return {
    transport,
    async connect(stationId, protocol, onMessage) {
      await (started ??= gateway.start());
      const station = new GatewayClientTransport({ gateway, stationId, protocol });
      if (onMessage !== undefined) station.onMessage(onMessage);
      await station.start();
      stations.push(station);
      return station;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(stations.map((station) => station.stop()));
      await gateway.stop();
      await transport.stop();
    },
  };
}

transportConformance(test, 'memory', async () => {
  const bus = createMemoryBus();
  return harness(bus.transport, bus.gateway('gateway'));
});

let clusters = 0;
transportConformance(test, 'redis', async () => {
  const config = {
    kind: 'redis',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
    channelPrefix: `c${++clusters}`,
  } as const;
  return harness(
    createTransport({ ...config, name: 'processor' }),
    createGateway({ ...config, name: 'proxy' }),
  );
});
