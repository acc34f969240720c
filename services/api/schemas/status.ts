/** The state of the whole cluster. */
import * as Type from 'typebox';
import { SCOPES } from '../access/scope.ts';
import { answerOf, freeObject, maybe, text, whole, word } from './schema.ts';

const count = (description: string) => maybe(whole(description, 0, Number.MAX_SAFE_INTEGER));

const Figures = answerOf('Figures', 'A figure that cannot be read is absent.', {
  stationsKnown: count('Stations that connected at least once.'),
  stationsConnected: count('Stations with a connection.'),
  openTransactions: count('Open transactions.'),
  queueDepth: count('Messages of stations that no processor has claimed.'),
  queueOldestSeconds: maybe(Type.Number({ description: 'Age of the oldest of them.', minimum: 0 })),
  deadLetters: count('Dead letters.'),
});

const ClusterObject = answerOf('ClusterObject', 'The OcppCluster object.', {
  name: text('Name.'),
  namespace: maybe(text('Namespace.')),
  status: freeObject('Its status, as the operator reports it.'),
});

const Caller = answerOf('Caller', 'The access token of the request.', {
  name: text('Name.'),
  scope: word(SCOPES, 'What it permits.'),
});

export const Status = answerOf('Status', 'The state of the whole cluster.', {
  cluster: maybe(ClusterObject),
  clusterProblem: maybe(text('Why the OcppCluster object cannot be read.')),
  figures: Figures,
  version: text('Version of the API program.'),
  you: Caller,
});
