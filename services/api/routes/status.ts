/** The state of the whole cluster in one request. */
import { ok, operation } from '../operation.ts';
import { Status } from '../schemas/status.ts';
import type { Parts } from './parts.ts';

export const statusOperations = ({ client, readCluster, version }: Parts) => [
  operation({
    id: 'getStatus',
    method: 'GET',
    url: '/v1/status',
    summary:
      'Figures of the cluster, the status of its OcppCluster object, and the access token of the request.',
    tag: 'status',
    scope: 'read',
    takes: {},
    answers: { 200: Status },
    async handle({ caller }) {
      const [figures, cluster] = await Promise.all([client.figures(), readCluster()]);
      return ok({ ...cluster, figures, version, you: caller });
    },
  }),
];
