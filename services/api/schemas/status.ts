/** The state of the whole cluster. */
import * as Type from 'typebox';
import { SCOPES } from '../access/scope.ts';
import { ClusterStatus, GapSeconds } from './cluster-status.ts';
import { answerOf, flag, listOf, maybe, text, whole, word } from './schema.ts';

const total = (description: string) => whole(description, 0, Number.MAX_SAFE_INTEGER);
const count = (description: string) => maybe(total(description));
const figure = (description: string) => Type.Number({ description, minimum: 0 });

const Figures = answerOf('Figures', 'A figure that cannot be read is absent.', {
  stationsKnown: count('Stations that connected at least once.'),
  stationsConnected: count('Stations with a connection.'),
  openTransactions: count('Open transactions.'),
  queueDepth: count('Messages of stations that no processor has claimed.'),
  queueOldestSeconds: maybe(figure('Age of the oldest of them.')),
  inFlight: count('Messages that processors have claimed and not acknowledged.'),
  deadLetters: count('Dead letters.'),
  callsOpen: count('Commands to stations that have not ended.'),
  storeMemoryShare: maybe(figure('Share of its `maxmemory` that Redis uses, from 0 to 1.')),
  storeResponseSeconds: maybe(figure('Time in which Redis answered the reading of the processes.')),
});

const process = {
  id: text('Identifies the process: `proxy` of a connection is that of its ws-proxy.'),
  name: text('Name of the Pod; it begins with the name of its Deployment.'),
  leaseSeconds: figure('Until its lease ends; 0: it has ended, and others take over what it holds.'),
  leaving: flag('Whether it stops, or moves its stations away.'),
};

const ProxyProcess = answerOf('ProxyProcess', 'A ws-proxy, as Redis knows it.', {
  ...process,
  stations: total('Connected stations.'),
});

const ProcessorProcess = answerOf('ProcessorProcess', 'A processor, as Redis knows it.', {
  ...process,
  inFlight: total('Messages that it has claimed and not acknowledged.'),
  release: maybe(text('Its release.')),
});

const RateUse = answerOf('RateUse', 'A rate of the cluster, summed over its ws-proxies.', {
  limit: figure('The rate per second.'),
  demand: figure('What arrived in the last second, and what waits.'),
  leased: figure('What the ws-proxies may use now, per second.'),
  waiting: count('What waits now. Absent while a ws-proxy of an earlier release runs.'),
});

const Rates = answerOf(
  'Rates',
  'Rates that have a limit. In a storm `demand` is above `limit`, and stations wait.',
  {
    handshakes: maybe(RateUse),
    boots: maybe(RateUse),
    closes: maybe(RateUse),
  },
);

const RolloutCounts = answerOf(
  'RolloutCounts',
  'Counts of the last order to move stations: a rollout, a scale-in or a rebalance, by its `id` in `cluster.status`.',
  {
    id: text('Id of the rollout, scale-in or rebalance.'),
    moves: total('Sockets that were closed.'),
    stations: total('Stations that were moved.'),
    returned: total('Those that have connected again.'),
    away: total('Those that have not.'),
    movedAgain: total('Stations that were moved more than once.'),
    forced: total('Sockets that were closed with an open CALL, as the deadline had passed.'),
    gapSeconds: maybe(GapSeconds),
    peakReturnsPerSecond: total('Most stations that connected again within one second.'),
  },
);

const ProcessorLimits = answerOf('ProcessorLimits', 'Bounds of the autoscaler of processors.', {
  minReplicas: total('Least number of processors.'),
  maxReplicas: total('Greatest number of processors.'),
});

const ClusterObject = answerOf('ClusterObject', 'The OcppCluster object.', {
  name: text('Name.'),
  namespace: maybe(text('Namespace.')),
  processorLimits: maybe(ProcessorLimits),
  status: ClusterStatus,
});

const Caller = answerOf('Caller', 'The access token of the request.', {
  name: text('Name.'),
  scope: word(SCOPES, 'What it permits.'),
});

export const Status = answerOf('Status', 'The state of the whole cluster.', {
  cluster: maybe(ClusterObject),
  clusterProblem: maybe(text('Why the OcppCluster object cannot be read.')),
  figures: Figures,
  proxies: maybe(listOf(ProxyProcess)),
  processors: maybe(listOf(ProcessorProcess)),
  rates: maybe(Rates),
  processesProblem: maybe(
    text(
      'Why proxies, processors, rates and rollout are absent: a right that the Redis user of the API lacks.',
    ),
  ),
  rollout: maybe(RolloutCounts),
  version: text('Version of the API program.'),
  you: Caller,
});
