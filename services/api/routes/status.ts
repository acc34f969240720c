/** The state of the whole cluster in one request. */
import type { ClusterProcesses } from '../../client/connect.ts';
import { deniedCommand } from '../../transport/errors.ts';
import { ok, operation } from '../operation.ts';
import { Status } from '../schemas/status.ts';
import { sharedReading } from '../cluster/shared-reading.ts';
import type { Parts } from './parts.ts';

/** Pages that are open ask every second or two; ms. */
const SHARED = 1000;

export const statusOperations = ({ client, readCluster, version }: Parts) => {
  const read = sharedReading(SHARED, () => Promise.all([client.figures(), readProcesses(client)]));
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
        const { responseSeconds: storeResponseSeconds, ...known } = processes;
        const all = { ...figures, ...(storeResponseSeconds !== undefined && { storeResponseSeconds }) };
        return ok({ ...cluster, figures: all, ...shownOf(known), version, you: caller });
      },
    }),
  ];
};

type Processes = Partial<ClusterProcesses> & { readonly processesProblem?: string };

/** A user of Redis that lacks a right for them gets the rest of the status. */
async function readProcesses(client: Parts['client']): Promise<Processes> {
  try {
    return (await client.processes()) ?? {};
  } catch (error) {
    const command = deniedCommand(error);
    if (command === undefined) throw error;
    // A script of Redis 6 and 7.0 does not name it. Processors need all others of the script too.
    const what = command === '' ? 'SCARD, or another command that reads them' : command;
    return {
      processesProblem: `the Redis user of the API may not run ${what}: grant it the commands that docs/redis.md lists for the API`,
    };
  }
}

function shownOf({ rollout, ...rest }: Processes) {
  return { ...rest, ...(rollout && { rollout: { ...rollout, returned: rollout.stations - rollout.away } }) };
}
