/**
 * A central system and a station in one process, over a plain WebSocket and without Redis.
 *
 *   npx node examples/monolith.ts
 */
import { newClientWithTransport } from 'ocpp-cluster/client';
import { createLog } from 'ocpp-cluster/log';
import { MemoryServerState } from 'ocpp-cluster/pending-requests';
import { BUILT_IN, stationProfile } from 'ocpp-cluster/profile';
import { newDispatcher, newServerWithTransport } from 'ocpp-cluster/server';
import { newWebSocketTransport } from 'ocpp-cluster/websocket';
import { WebSocketClient } from 'ocpp-cluster/websocket-client';

const transport = newWebSocketTransport({ port: 0, host: '127.0.0.1' });
const dispatcher = newDispatcher({ log: createLog('example', 'warn') });
await using server = newServerWithTransport(transport, dispatcher, new MemoryServerState(), ...BUILT_IN);
await server.start();

const url = `ws://127.0.0.1:${transport.port}/ocpp`;
const core = stationProfile('ocpp2.0.1', 'Core', {
  Reset: async ({ type }) => ({ status: type === 'OnIdle' ? 'Scheduled' : 'Accepted' }),
});
await using station = newClientWithTransport(
  new WebSocketClient({ url, stationId: 'CS-1', protocols: ['ocpp2.0.1'] }),
  'ocpp2.0.1',
  new MemoryServerState().clientState('CS-1'),
  core,
);
await station.start();
const boot = { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'DC-9' } } as const;
console.log('boot:', await station.sendRequest('BootNotification', boot));
console.log('reset:', await server.sendRequest('CS-1', 'Reset', { type: 'OnIdle' }));
