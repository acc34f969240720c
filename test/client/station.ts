/** A station that reports each Reset, and answers it when the test lets it. */
import { newClientWithTransport, type OcppClient } from '../../services/library/client.ts';
import { stationProfile } from '../../services/library/profile.ts';
import { WebSocketClient } from '../../services/library/websocket-client.ts';
import { MemoryServerState } from '../../services/transport/pending-requests.ts';

/** @param onReset resolves when the Reset is to be answered */
export async function startStation(
  url: string,
  stationId: string,
  onReset: (type: string) => Promise<void>,
): Promise<OcppClient<'ocpp1.6'>> {
  const link = new WebSocketClient({ url, stationId, protocols: ['ocpp1.6'] });
  const core = stationProfile('ocpp1.6', 'Core', {
    Reset: async ({ type }) => {
      await onReset(type);
      return { status: 'Accepted' };
    },
    ClearCache: async () => ({ status: 'Accepted' }),
  });
  const station = newClientWithTransport(
    link,
    'ocpp1.6',
    new MemoryServerState().clientState(stationId),
    core,
  );
  await station.start();
  return station;
}
