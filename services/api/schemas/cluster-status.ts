/**
 * The status of the OcppCluster object, as the operator reports it: the parts that people watch. Its phase, reasons and messages
 * are explained in docs/operations.md. An operator of another version may write other properties too.
 */
import * as Type from 'typebox';
import { answerOf, listOf, maybe, text, time, whole, word } from './schema.ts';

const number = (description: string) => Type.Number({ description });
const total = (description: string) => whole(description, 0, Number.MAX_SAFE_INTEGER);
const count = (description: string) => maybe(total(description));
const figure = (description: string) => maybe(number(description));
const moment = (description: string) => maybe(time(description));
const words = (description: string) => maybe(text(description));

const Condition = answerOf('ClusterCondition', 'What holds of the cluster, why, and what to do.', {
  type: text('Name of the condition.'),
  status: word(['True', 'False', 'Unknown'], 'Whether it holds.'),
  reason: text('Reason in one word.'),
  message: text('Reason with names and figures, and what to do.'),
  lastTransitionTime: time('When its status last changed.'),
});

export const GapSeconds = answerOf('GapSeconds', 'Time from the close of a socket to the next response.', {
  p50: number('Half of the stations waited no longer.'),
  p99: number('99 % of the stations waited no longer.'),
});

const Rollout = answerOf(
  'ClusterRollout',
  'The running rollout of the ws-proxies, or the report of the last one.',
  {
    id: text('Id of the rollout.'),
    phase: text('Preparing, Switching, FirstPortion, Moving, GoingBack; Completed or Aborted: it has ended.'),
    fromSet: words('Deployment that served before.'),
    toSet: text('Deployment that is to serve.'),
    message: words('What it waits for; or how it ended and why.'),
    reason: words('Why it went back.'),
    startedTime: time('When it began.'),
    phaseTime: time('When the phase began.'),
    finishedTime: moment('When it ended.'),
    switchedTime: moment('When new connections began to reach the new set.'),
    progressTime: moment('When a station last moved or returned.'),
    stations: count('Stations that were connected at the switch.'),
    moved: count('Stations that it moved.'),
    returned: count('Those that have connected again.'),
    missing: count('Those that are away for too long.'),
    movedAgain: count('Stations that it moved more than once.'),
    forced: count('Sockets closed with an open CALL because the deadline had passed.'),
    ratePerSecond: figure('Stations moved per second of late.'),
    eta: moment('When the last station moves at this rate.'),
    gapSeconds: maybe(GapSeconds),
    peakReturnsPerSecond: count('Most moved stations that connected again within one second.'),
  },
);

const Drain = answerOf('ClusterDrain', 'A ws-proxy Pod that ends.', {
  pod: text('Name of the Pod.'),
  sessions: count('Stations that are still connected to it.'),
  deadline: moment('When Kubernetes ends the Pod in any case.'),
});

const ScaleIn = answerOf('ClusterScaleIn', 'A running scale-in of ws-proxies.', {
  id: text('Id of the scale-in.'),
  since: time('When the last of its Pods was chosen.'),
  pods: listOf(text('Pod that is to end.')),
  message: words('What it waits for.'),
});

const Rebalance = answerOf('ClusterRebalance', 'The running rebalance, or the report of the last one.', {
  id: text('Id of the rebalance.'),
  round: total('Number of the round.'),
  before: listOf(total('Stations of each Pod when it began.')),
  after: maybe(listOf(total('Stations of each Pod when it ended.'))),
  finishedTime: moment('When it ended.'),
  message: words('What it waits for; or how it ended.'),
});

const pods = {
  replicas: total('Number of Pods.'),
  readyReplicas: total('Number of ready Pods.'),
};

const scaling = {
  desiredReplicas: count('Desired number of Pods.'),
  reason: words('Why there are so many: the sentence.'),
  lastScaleTime: moment('When that number last changed.'),
};

const Proxy = answerOf('ClusterProxies', 'The ws-proxy Pods of the serving set.', {
  ...pods,
  servingSet: words('Deployment whose Pods get new connections.'),
  sessions: count('Open station sockets of all sets.'),
  scaleIn: maybe(ScaleIn),
  rebalance: maybe(Rebalance),
  autoscaling: maybe(answerOf('ProxyAutoscaling', 'The last decision of the ws-proxy autoscaler.', scaling)),
});

const Pods = answerOf('ClusterPods', 'Pods of a kind.', pods);

const Queue = answerOf('ClusterQueue', 'The queue, as the operator last read it.', {
  depth: total('Waiting messages.'),
  oldestSeconds: number('Age of the oldest of them.'),
  inFlight: total('Messages that are claimed and not acknowledged.'),
});

const Inputs = answerOf('ScalingInputs', 'The figures of the last decision.', {
  source: words('Pods or Prometheus.'),
  ageSeconds: figure('Age of the latest reading of the queue.'),
  arrivalsPerSecond: figure('Messages that the ws-proxies enqueued, as a mean.'),
  recentArrivalsPerSecond: figure('The same between the last two readings.'),
  stations: count('Connected stations.'),
  waiting: count('Messages that no processor has claimed.'),
  oldestSeconds: figure('Age of the oldest of them.'),
  inFlight: count('Messages that are claimed and not acknowledged.'),
  completedPerSecond: figure('Messages that the processors complete.'),
  busyShare: figure('Share of their time that they were busy.'),
  throttledShare: figure('Share of their time that the CPU limit stopped them.'),
  handlerSeconds: figure('Mean time to handle a message.'),
  storeSeconds: figure('Time in which Redis answered them.'),
});

const Ceiling = answerOf('ScalingCeiling', 'More processors completed no more messages.', {
  replicas: total('The number at which the scale-out stopped.'),
  since: time('When it was found.'),
  evidence: text('What the measurements show.'),
});

const Autoscaling = answerOf('ProcessorAutoscaling', 'The last decision of the processor autoscaler.', {
  ...scaling,
  mode: words('Its mode.'),
  recommendedReplicas: count('Processors for the load of this moment, before bounds, windows and steps.'),
  lastScaleDirection: words('Up or Down: the last change.'),
  capacityPerReplica: figure('Messages per busy second of one processor.'),
  ceiling: maybe(Ceiling),
  inputs: maybe(Inputs),
});

const DataLoss = answerOf('ClusterDataLoss', 'Redis has other data than before.', {
  identity: total('Random number of the data that are in Redis now.'),
  since: time('When the operator noticed it.'),
});

const Store = answerOf('ClusterStore', 'The data in Redis.', {
  identity: total('Random number of the data.'),
  lost: maybe(DataLoss),
  certificateNotAfter: moment('When the certificate of Redis expires.'),
});

const ExpiringFile = answerOf('ListenerCertificate', 'A file of a listener that expires.', {
  listener: text('Name of the listener.'),
  what: text('Which of its files.'),
  notAfter: time('When the first certificate in it expires.'),
});

const Security = answerOf('ClusterSecurity', 'How stations prove who they are.', {
  unproven: count('Connected stations that mode Enforce would refuse.'),
  stationsExpiring: count('Connected stations whose certificate expires within 7 days.'),
  authorityNotAfter: moment('When the certificate of the internal authority expires.'),
  certificates: maybe(listOf(ExpiringFile)),
});

export const ClusterStatus = answerOf(
  'ClusterStatus',
  'The status of the OcppCluster object, as the operator reports it.',
  {
    phase: words('Summary: Pending, Running, Progressing, Draining, Degraded or Paused.'),
    conditions: maybe(listOf(Condition)),
    image: words('Image of the Pods.'),
    rollout: maybe(Rollout),
    drain: maybe(listOf(Drain)),
    proxy: maybe(Proxy),
    processor: maybe(Pods),
    autoscaling: maybe(Autoscaling),
    queue: maybe(Queue),
    store: maybe(Store),
    security: maybe(Security),
    api: maybe(Pods),
    billing: maybe(Pods),
    endpoints: maybe(listOf(text('URL that stations connect to.'))),
  },
);
