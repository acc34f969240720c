/** Stations that are asked for a Reset. */
import { startStation } from '../client/station.ts';
import type { ApiCluster } from './cluster.ts';

const boot = { chargePointVendor: 'Acme', chargePointModel: 'DC-9' };

/** Stations that answer after `ms`, and what they were asked. */
export async function startStations(of: ApiCluster, ids: readonly string[], ms = 0) {
  const asked: string[] = [];
  const stations = await Promise.all(
    ids.map((id) =>
      startStation(of.proxy.url, id, async () => {
        asked.push(id);
        await new Promise((resolve) => setTimeout(resolve, ms));
      }),
    ),
  );
  for (const station of stations) await station.sendRequest('BootNotification', boot);
  return {
    asked,
    async [Symbol.asyncDispose]() {
      await Promise.all(stations.map((station) => station[Symbol.asyncDispose]()));
    },
  };
}
