/** What happens to stations without a rollout: nodes are drained, numbers and settings change, and all stations return at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl, list, type Manifest, patch, until } from '../../e2e/kubectl.ts';
import { release } from '../../e2e/release.ts';
import { atMost, exactly, nothingLost, paced } from '../expectations.ts';
import type { TrialSettings } from '../settings.ts';
import type { Scenario, Trial } from '../trial.ts';

interface Pod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

const podsOf = ({ at }: Trial, component: 'ws-proxy' | 'processor' | 'redis') =>
  list<Pod>(
    'pods',
    at.namespace,
    `app.kubernetes.io/instance=${at.cluster},app.kubernetes.io/component=${component}`,
  );
const proxies = (trial: Trial) => podsOf(trial, 'ws-proxy');

async function scaleOperator(replicas: number): Promise<void> {
  const [operator] = await list<Manifest>(
    'deployments',
    release.namespace,
    'app.kubernetes.io/component=operator',
  );
  const name = `deployment/${operator?.metadata.name}`;
  await kubectl(['scale', name, '-n', release.namespace, `--replicas=${replicas}`]);
}

const drainNode: Scenario = {
  name: 'drain-node',
  async run(trial) {
    await scaleOperator(0);
    const byNode = Map.groupBy(await proxies(trial), ({ spec }) => spec.nodeName ?? '');
    const [[node, pods] = ['', []]] = [...byNode].sort(([, a], [, b]) => b.length - a.length);
    if (byNode.size < 2) throw new Error(`all ws-proxy Pods are on ${node}: this scenario needs two nodes`);
    const names = new Set(pods.map(({ metadata }) => metadata.name));
    const seen = (await trial.sampler.now()).filter(({ pod }) => names.has(pod));
    trial.noted['sessionsOfNode'] = seen.reduce((total, { sessions }) => total + sessions, 0);
    trial.sampler.mark(`drain of ${node}`);
    const { limitSeconds } = trial.settings;
    try {
      // Redis and the processors stay: their node is not what is looked at.
      await kubectl(
        ['drain', node, '--pod-selector=app.kubernetes.io/component=ws-proxy', `--timeout=${limitSeconds}s`],
        '',
        limitSeconds + 10,
      );
    } finally {
      await kubectl(['uncordon', node]);
      await scaleOperator(2);
    }
    await trial.allOnline(60);
  },
  expect: (seen) => [
    atMost('moves of one station', seen.moves.mostOfOneStation, 2),
    atMost('moves', seen.moves.moves, 2 * (seen.noted['sessionsOfNode'] ?? 0)),
    exactly('connections that ended otherwise', seen.moves.drops, 0),
    ...paced(seen),
    ...nothingLost(seen),
  ],
};

async function scaleTo(trial: Trial, replicas: number, label: string): Promise<void> {
  const before = trial.simulation.moves();
  await trial.change({ proxy: { replicas } });
  await until(`${replicas} ws-proxy Pods`, trial.settings.limitSeconds, async () => {
    const found = await proxies(trial);
    return found.length === replicas && (await trial.sampler.now()).length === replicas;
  });
  await trial.allOnline(60);
  trial.noted[label] = trial.moves(before).mostOfOneStation;
}

const scale: Scenario = {
  name: 'scale',
  async run(trial) {
    const { proxies: many } = trial.settings;
    await scaleTo(trial, Math.ceil(many / 2), 'in');
    await scaleTo(trial, many, 'out');
  },
  expect: (seen) => [
    atMost('moves of one station by the scale-in', seen.noted['in'], 1),
    atMost('moves of one station by the scale-out', seen.noted['out'], 1),
    exactly('connections that ended otherwise', seen.moves.drops, 0),
    ...paced(seen),
    ...nothingLost(seen),
  ],
};

const WATCH_MS = 120_000;

/** What a Pod logs when it applies the changes below; durations in ms. */
const changesOf = ({ ratePerSecond }: TrialSettings) => [
  {
    component: 'ws-proxy' as const,
    changes: ['LOG_LEVEL: info -> debug', `OCPP_DRAIN_RATE: ${ratePerSecond} -> ${ratePerSecond * 2}`],
  },
  {
    component: 'processor' as const,
    changes: ['LOG_LEVEL: info -> debug', 'OCPP_HEARTBEAT_INTERVAL: 300000 -> 600000'],
  },
];

/** Of both components. */
async function podNames(trial: Trial): Promise<ReadonlySet<string>> {
  const pods = [...(await podsOf(trial, 'ws-proxy')), ...(await podsOf(trial, 'processor'))];
  return new Set(pods.map(({ metadata }) => metadata.name));
}

/** Of the Pods that run since before the change, how many applied it, by their logs. */
async function countApplied(trial: Trial, before: ReadonlySet<string>): Promise<void> {
  let [pods, applied] = [0, 0];
  for (const { component, changes } of changesOf(trial.settings)) {
    for (const { metadata } of await podsOf(trial, component)) {
      if (!before.has(metadata.name)) continue;
      const log = await kubectl(['logs', metadata.name, '-n', trial.at.namespace]);
      pods += 1;
      if (changes.every((change) => log.includes(change))) applied += 1;
    }
  }
  Object.assign(trial.noted, { pods, applied });
}

const liveSettings: Scenario = {
  name: 'live-settings',
  async run(trial) {
    const { ratePerSecond, deadlineSeconds } = trial.settings;
    const before = await podNames(trial);
    await trial.change({
      proxy: {
        logLevel: 'debug',
        drain: { ratePerSecond: ratePerSecond * 2 },
        maxSessionsPerPod: Math.ceil((ratePerSecond * deadlineSeconds) / 2),
        admission: { connectionsPerSecond: 500 },
      },
      processor: { logLevel: 'debug', heartbeatSeconds: 600 },
    });
    const { status } = await trial.cluster();
    const secret = status?.redis?.passwordSecretName ?? '';
    await patch('secret', secret, trial.at.namespace, { stringData: { password: 'another one' } });
    await sleep(WATCH_MS);
    await countApplied(trial, before);
  },
  expect: (seen) => [
    exactly('connections that ended within 2 minutes', seen.moves.moves + seen.moves.drops, 0),
    exactly('new ws-proxy Pods', seen.sessionsOfNewPods.length, 0),
    exactly('Pods that applied the settings while they ran', seen.noted['applied'], seen.noted['pods'] ?? 0),
    ...nothingLost(seen),
  ],
};

const STORM = { stations: 5000, connectRate: 500, patience: 1.3, queueSeconds: 5 };

async function restarts(trial: Trial): Promise<number> {
  const pods = [
    ...(await proxies(trial)),
    ...(await podsOf(trial, 'processor')),
    ...(await podsOf(trial, 'redis')),
  ];
  return pods
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .reduce((sum, one) => sum + one.restartCount, 0);
}

const storm: Scenario = {
  name: 'storm',
  settings: () => ({ stations: STORM.stations, connectRate: STORM.connectRate, reconnectScale: 0.1 }),
  async run(trial) {
    const { stations, limitSeconds } = trial.settings;
    trial.sampler.mark('all lose their connection');
    trial.simulation.cut(stations);
    const startedAt = performance.now();
    await until(
      'the end of the connections',
      30,
      async () => trial.simulation.progress().online < stations / 2,
    );
    await trial.allOnline(limitSeconds);
    trial.noted['seconds'] = Math.round((performance.now() - startedAt) / 100) / 10;
    trial.noted['restarts'] = await restarts(trial);
    const { oldestSeconds } = trial.sampler;
    if (oldestSeconds !== undefined) trial.noted['queueSeconds'] = oldestSeconds;
  },
  expect: (seen) => [
    atMost(
      'seconds until all are back',
      seen.noted['seconds'],
      Math.round((STORM.patience * seen.stations * 10) / STORM.connectRate) / 10,
    ),
    atMost('age of the oldest frame in the queue, s', seen.noted['queueSeconds'], STORM.queueSeconds),
    exactly('restarts of containers', seen.noted['restarts'], 0),
    ...nothingLost(seen),
  ],
};

export const MAINTENANCE: readonly Scenario[] = [drainNode, scale, liveSettings, storm];
