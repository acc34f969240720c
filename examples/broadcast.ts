/**
 * One command to many stations over the memory transport: paced, and with an outcome or an error for each.
 *
 *   npx node examples/broadcast.ts
 */
import { broadcast } from 'ocpp-cluster/broadcast';
import { newClientWithTransport } from 'ocpp-cluster/client';
import { createCommands } from 'ocpp-cluster/commands';
import { GatewayClientTransport } from 'ocpp-cluster/gateway-client';
import { createMemoryBus } from 'ocpp-cluster/memory';
import { MemoryServerState } from 'ocpp-cluster/pending-requests';
import { BUILT_IN, stationProfile } from 'ocpp-cluster/profile';
import { newDispatcher, newServerWithTransport } from 'ocpp-cluster/server';
import { TransportError } from 'ocpp-cluster/transport-errors';

const bus = createMemoryBus();
const state = new MemoryServerState();
await using server = newServerWithTransport(bus.transport, newDispatcher(), state, ...BUILT_IN);
await server.start();

const core = stationProfile('ocpp1.6', 'Core', { ClearCache: async () => ({ status: 'Accepted' }) });
await using gateway = bus.gateway('proxy');
for (const stationId of ['CP-1', 'CP-2']) {
  const link = new GatewayClientTransport({ gateway, stationId, protocol: 'ocpp1.6' });
  await newClientWithTransport(link, 'ocpp1.6', state.clientState(stationId), core).start();
}

const stations = ['CP-1', 'CP-2', 'CP-3'];
const send = createCommands(bus.transport);
for await (const result of broadcast(send, {
  stations,
  action: 'ClearCache',
  payload: {},
  queueable: false,
})) {
  console.log(result.stationId, 'outcome' in result ? result.outcome : result.error.message);
}
try {
  await send({ stationId: 'CP-1', action: 'ClearCache', payload: { all: true } });
} catch (error) {
  if (error instanceof TransportError) console.log(error.code, error.retryable, error.message);
}
