/** Rollouts that reach their end, with and without failures on the way. */
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl, list, type Manifest, until } from '../../e2e/kubectl.ts';
import { killContainer } from '../../e2e/processes.ts';
import { release } from '../../e2e/release.ts';
import {
  atMost,
  completed,
  exactly,
  movedOnce,
  nothingLost,
  paced,
  reportAgrees,
  spread,
} from '../expectations.ts';
import type { Scenario, Trial } from '../trial.ts';

const CHANGED = { name: 'TRIAL_TEMPLATE', value: '2' };
/** Half-way: enough have moved, and many have not. */
const HALF_WAY = 0.4;
const EVENNESS = 0.1;

interface Lease extends Manifest {
  readonly spec: { readonly holderIdentity?: string };
}
interface Pod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly uid: string };
}

const clean: Scenario = {
  name: 'clean',
  async run(trial) {
    await trial.changeEnv(CHANGED);
    await trial.ended();
  },
  expect: (seen) => [
    ...completed(seen),
    ...movedOnce(seen),
    ...reportAgrees(seen),
    ...paced(seen),
    spread(seen, EVENNESS),
    ...nothingLost(seen),
  ],
};

const leaderKilled: Scenario = {
  name: 'leader-killed',
  async run(trial) {
    await trial.changeEnv(CHANGED);
    await trial.moved(HALF_WAY);
    const [lease] = await list<Lease>('leases', release.namespace);
    const [pod = ''] = (lease?.spec.holderIdentity ?? '').split('_');
    trial.sampler.mark('leader killed');
    await kubectl(['delete', 'pod', pod, '-n', release.namespace, '--force', '--grace-period=0']);
    await trial.ended();
  },
  expect: (seen) => [
    ...completed(seen),
    ...movedOnce(seen),
    ...reportAgrees(seen),
    ...paced(seen),
    ...nothingLost(seen),
  ],
};

const proxyKilled: Scenario = {
  name: 'proxy-killed',
  async run(trial) {
    await trial.changeEnv(CHANGED);
    await trial.moved(HALF_WAY);
    await killFullestOldProxy(trial);
    await trial.ended();
  },
  expect: (seen) => [
    ...completed(seen),
    atMost('connections that ended otherwise', seen.moves.drops, seen.noted['sessionsOfKilled'] ?? 0),
    atMost(
      'stations whose connection ended again',
      seen.moves.endedAgain,
      seen.noted['sessionsOfKilled'] ?? 0,
    ),
    exactly('stations moved more than once', seen.moves.movedAgain, 0),
    ...nothingLost(seen),
  ],
};

async function killFullestOldProxy({ at, sampler, noted }: Trial): Promise<void> {
  const pods = (await sampler.now()).filter(({ isOld }) => isOld);
  const [fullest] = [...pods].sort((a, b) => b.sessions - a.sessions);
  const selector = `app.kubernetes.io/instance=${at.cluster},app.kubernetes.io/component=ws-proxy`;
  const found = await list<Pod>('pods', at.namespace, selector);
  const victim = found.find(({ metadata }) => metadata.name === fullest?.pod);
  noted['sessionsOfKilled'] = fullest?.sessions ?? 0;
  sampler.mark('ws-proxy killed');
  killContainer(victim?.metadata.uid ?? '', 'ws-proxy.js');
}

const redisReplaced: Scenario = {
  name: 'redis-replaced',
  async run(trial) {
    await trial.changeEnv(CHANGED);
    await trial.moved(HALF_WAY);
    const { cluster, namespace } = trial.at;
    trial.sampler.mark('Redis deleted');
    await kubectl(['delete', 'pod', `${cluster}-redis-0`, '-n', namespace]);
    await trial.ended();
  },
  expect: (seen) => [...completed(seen), ...movedOnce(seen), ...paced(seen), ...nothingLost(seen)],
};

const changed: Scenario = {
  name: 'changed',
  async run(trial) {
    await trial.changeEnv(CHANGED);
    await trial.moved(HALF_WAY);
    const { status } = await trial.cluster();
    const first = status?.rollout?.id;
    await trial.changeEnv({ ...CHANGED, value: '3' });
    await until('the rollout of the second change', 60, async () => {
      return (await trial.cluster()).status?.rollout?.id !== first;
    });
    await trial.ended();
  },
  expect: (seen) => [
    ...completed(seen),
    // Those on the first set move to the third at once; only those that were on the second move again.
    atMost('moves of one station', seen.moves.mostOfOneStation, 2),
    exactly('stations that moved', seen.moves.moved, seen.stations),
    exactly('connections that ended otherwise', seen.moves.drops, 0),
    ...paced(seen),
    ...nothingLost(seen),
  ],
};

/** The operator and the Pods see the annotation within this time. */
const NOTICE_MS = 5000;
const PAUSE_MS = 20_000;

const paused: Scenario = {
  name: 'paused',
  async run(trial) {
    await trial.changeEnv(CHANGED);
    await trial.moved(HALF_WAY);
    trial.sampler.mark('paused');
    await trial.annotate('ocpp.dev/pause-rollouts=true');
    await sleep(NOTICE_MS);
    const before = trial.simulation.moves();
    await sleep(PAUSE_MS);
    trial.noted['movesWhilePaused'] = trial.moves(before).moves;
    trial.sampler.mark('resumed');
    await trial.annotate('ocpp.dev/pause-rollouts-');
    await trial.ended();
  },
  expect: (seen) => [
    exactly('moves while paused', seen.noted['movesWhilePaused'], 0),
    ...completed(seen),
    ...movedOnce(seen),
    ...reportAgrees(seen),
    ...paced(seen),
    ...nothingLost(seen),
  ],
};

export const ROLLOUTS: readonly Scenario[] = [
  clean,
  leaderKilled,
  proxyKilled,
  redisReplaced,
  changed,
  paused,
];
