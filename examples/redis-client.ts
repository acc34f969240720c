/**
 * A station over Redis, without a WebSocket: a simulator or a gateway to stations that speak something else.
 *
 *   npx node examples/redis-client.ts [host:port of Redis]
 */
import { newClientWithTransport } from 'ocpp-cluster/client';
import { GatewayClientTransport } from 'ocpp-cluster/gateway-client';
import { MemoryServerState } from 'ocpp-cluster/pending-requests';
import { stationProfile } from 'ocpp-cluster/profile';
import { createGateway } from 'ocpp-cluster/transport-factory';

const addr = process.argv[2] ?? '127.0.0.1:6379';
await using gateway = createGateway({
  kind: 'redis',
  redis: { addr, db: 0, clientTimeoutMs: 5000 },
  channelPrefix: 'ocpp',
  name: 'example-client',
});
// It retries until Redis answers.
gateway.onError(({ message }) => console.error(message));
await gateway.start();
const stopped = new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));

const core = stationProfile('ocpp1.6', 'Core', {
  Reset: async ({ type }) => {
    console.log('asked to reset:', type);
    return { status: 'Accepted' };
  },
});
await using station = newClientWithTransport(
  new GatewayClientTransport({ gateway, stationId: 'CP-1', protocol: 'ocpp1.6' }),
  'ocpp1.6',
  new MemoryServerState().clientState('CP-1'),
  core,
);
await station.start();
const boot = { chargePointVendor: 'Acme', chargePointModel: 'AC-1' };
console.log('boot:', await station.sendRequest('BootNotification', boot));
console.log('data:', await station.sendRequest('DataTransfer', { vendorId: 'com.acme', data: 'hello' }));
await stopped;
