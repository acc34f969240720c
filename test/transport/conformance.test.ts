/** The conformance suite over memory and over a real Redis. WebSocket: test/ws-proxy. */
import test from 'ava';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { transportConformance } from '../conformance/transport.ts';
import { gatewayHarness, redisHarness } from './gateway-harness.ts';
import { startRedis } from '../support/redis-server.ts';

const redis = await startRedis();
test.after.always(() => redis[Symbol.asyncDispose]());

transportConformance(test.serial, 'memory', async () => {
  const bus = createMemoryBus();
  return gatewayHarness(bus.transport, bus.gateway('gateway'));
});

let clusters = 0;
transportConformance(test, 'redis', async () => {
  const config = {
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
    channelPrefix: `c${++clusters}`,
  };
  return redisHarness(config);
});
