/**
 * A simulated station of 1.6 with one connector: it starts and stops transactions when it is asked to, and measures 10 Wh a second. It is
 * for trials of the HTTP API (docs/api.md); no real charger has its identity.
 *
 *   npx node examples/charging-station.ts [URL of the station endpoint] [identity]
 */
import { newClientWithTransport } from 'ocpp-cluster/client';
import { MemoryServerState } from 'ocpp-cluster/pending-requests';
import { stationProfile } from 'ocpp-cluster/profile';
import { WebSocketClient } from 'ocpp-cluster/websocket-client';

const [, , url = 'ws://127.0.0.1:9000/ocpp', stationId = 'DEMO-1'] = process.argv;
const stopped = new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));

const connectorId = 1;
const now = () => new Date().toISOString();
let meter = 1000;
let transactionId: number | undefined;

const core = stationProfile('ocpp1.6', 'Core', {
  RemoteStartTransaction: async ({ idTag }) => {
    if (transactionId !== undefined) return { status: 'Rejected' };
    // The response leaves first.
    setImmediate(() => void begin(idTag).catch(console.error));
    return { status: 'Accepted' };
  },
  RemoteStopTransaction: async ({ transactionId: asked }) => {
    if (transactionId !== asked) return { status: 'Rejected' };
    setImmediate(() => void end(asked).catch(console.error));
    return { status: 'Accepted' };
  },
  UnlockConnector: async () => ({ status: 'Unlocked' }),
  Reset: async () => ({ status: 'Accepted' }),
});

const link = new WebSocketClient({ url, stationId, protocols: ['ocpp1.6'] });
const state = new MemoryServerState().clientState(stationId);
await using station = newClientWithTransport(link, 'ocpp1.6', state, core);

const report = (status: 'Available' | 'Charging') =>
  station.sendRequest('StatusNotification', { connectorId, status, errorCode: 'NoError', timestamp: now() });

async function begin(idTag: string): Promise<void> {
  const start = { connectorId, idTag, meterStart: meter, timestamp: now() };
  const outcome = await station.sendRequest('StartTransaction', start);
  if (outcome.kind !== 'confirmed') return console.error('no start:', outcome);
  console.log('start:', idTag, outcome.response.idTagInfo.status);
  if (outcome.response.idTagInfo.status !== 'Accepted')
    return end(outcome.response.transactionId, 'DeAuthorized');
  ({ transactionId } = outcome.response);
  await report('Charging');
}

async function end(transaction: number, reason: 'Remote' | 'DeAuthorized' = 'Remote'): Promise<void> {
  transactionId = undefined;
  const stop = { transactionId: transaction, meterStop: meter, timestamp: now(), reason };
  await station.sendRequest('StopTransaction', stop);
  console.log('stop:', transaction, meter);
  await report('Available');
}

async function measure(): Promise<void> {
  if (transactionId === undefined) return;
  meter += 10;
  const sampledValue = [{ value: `${meter}`, measurand: 'Energy.Active.Import.Register' as const }];
  const meterValue = [{ timestamp: now(), sampledValue }];
  await station.sendRequest('MeterValues', { connectorId, transactionId, meterValue });
}

await station.start();
await station.sendRequest('BootNotification', { chargePointVendor: 'Example', chargePointModel: 'Demo' });
await report('Available');
console.log('connected:', stationId);
const timer = setInterval(() => void measure().catch(console.error), 1000);
await stopped;
clearInterval(timer);
