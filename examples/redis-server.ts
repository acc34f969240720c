/**
 * A central system of your own on Redis, with the handlers of this project and one of its own. Stations reach it through
 * ws-proxies on the same Redis, or without a WebSocket: examples/redis-client.ts.
 *
 *   npx node examples/redis-server.ts [host:port of Redis [identity of a station to reset]]
 *
 * It prints which stations connect. Only the station that is named is reset, whenever it connects.
 */
import { createLog } from 'ocpp-cluster/log';
import { BUILT_IN, serverProfile } from 'ocpp-cluster/profile';
import { newDispatcher, newServerWithTransport } from 'ocpp-cluster/server';
import { createServerState, createTransport, type RedisConfig } from 'ocpp-cluster/transport-factory';

// First of all: a signal without a listener ends the process at once.
const stopped = new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));

const [addr = '127.0.0.1:6379', stationToReset] = process.argv.slice(2);
const config: RedisConfig = {
  kind: 'redis',
  redis: { addr, db: 0, clientTimeoutMs: 5000, stateTtlMs: 30_000 },
  channelPrefix: 'ocpp',
  name: 'example-server',
};

const acme = serverProfile('ocpp1.6', 'Acme', {
  DataTransfer: async ({ vendorId, data = '' }) => ({
    response: vendorId === 'com.acme' ? { status: 'Accepted', data } : { status: 'UnknownVendorId' },
  }),
});

await using state = await createServerState(config);
await using server = newServerWithTransport(
  createTransport(config),
  newDispatcher({ log: createLog('example-server', 'warn') }),
  state,
  ...BUILT_IN,
  acme,
);
server.transport.onConnection(({ stationId }) => {
  console.log('connected:', stationId);
  if (stationId !== stationToReset) return;
  server.sendRequest(stationId, 'Reset', { type: 'Soft' }).then(
    (outcome) => console.log('reset:', stationId, outcome),
    (error: Error) => console.error(`reset: ${stationId}: ${error.message}`),
  );
});
await server.start();
console.log('serving');
await stopped;
