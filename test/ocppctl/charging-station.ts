/** A station of 1.6 that has booted and charges, with answers to harmless commands. */
import { newClientWithTransport, type OcppClient } from '../../services/library/client.ts';
import { stationProfile } from '../../services/library/profile.ts';
import { WebSocketClient } from '../../services/library/websocket-client.ts';
import { MemoryServerState } from '../../services/transport/pending-requests.ts';

/** Its model has a sequence that would colour a terminal. */
export const MODEL = 'DC\u001B[31m-9';

export async function startChargingStation(url: string, stationId: string): Promise<OcppClient<'ocpp1.6'>> {
  const link = new WebSocketClient({ url, stationId, protocols: ['ocpp1.6'] });
  const profile = stationProfile('ocpp1.6', 'Core', {
    Reset: async ({ type }) => ({ status: type === 'Hard' ? 'Rejected' : 'Accepted' }),
    ClearCache: async () => ({ status: 'Accepted' }),
    TriggerMessage: async () => ({ status: 'Accepted' }),
    GetConfiguration: async () => ({
      configurationKey: [{ key: 'HeartbeatInterval', readonly: false, value: '300' }],
    }),
  });
  const state = new MemoryServerState().clientState(stationId);
  const station = newClientWithTransport(link, 'ocpp1.6', state, profile);
  await station.start();
  const timestamp = new Date().toISOString();
  await station.sendRequest('BootNotification', { chargePointVendor: 'Acme', chargePointModel: MODEL });
  await station.sendRequest('StatusNotification', {
    connectorId: 1,
    errorCode: 'NoError',
    status: 'Charging',
  });
  await station.sendRequest('StartTransaction', { connectorId: 1, idTag: 'ABC', meterStart: 5, timestamp });
  return station;
}
