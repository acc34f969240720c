/** The state of the whole cluster in one request. */
import type { ClusterProcesses } from '../../client/connect.ts';
import { ok, operation } from '../operation.ts';
import { Status } from '../schemas/status.ts';
import { sharedReading } from '../cluster/shared-reading.ts';
import type { Parts } from './parts.ts';

/** Pages that are open ask every second or two; ms. */
const SHARED = 1000;

export const statusOperations = ({ client, readCluster, version }: Parts) => {
  const read = sharedReading(SHARED, () => Promise.all([client.figures(), client.processes()]));
  return [
    operation({
      id: 'getStatus',
      method: 'GET',
      url: '/v1/status',
      summary:
        'Figures and processes of the cluster, the status of its OcppCluster object, and the access token of the request.',
      tag: 'status',
      scope: 'read',
      takes: {},
      answers: { 200: Status },
      async handle({ caller }) {
        const [[figures, processes], cluster] = await Promise.all([read(), readCluster()]);
        const { responseSeconds: storeResponseSeconds, ...known } = processes ?? {};
        const all = { ...figures, ...(storeResponseSeconds !== undefined && { storeResponseSeconds }) };
        return ok({ ...cluster, figures: all, ...shownOf(known), version, you: caller });
      },
    }),
  ];
};

function shownOf({ rollout, ...rest }: Partial<ClusterProcesses>) {
  return { ...rest, ...(rollout && { rollout: { ...rollout, returned: rollout.stations - rollout.away } }) };
}
