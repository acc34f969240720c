/** Releases that must not take the stations with them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../e2e/kubectl.ts';
import { atMost, exactly, nothingLost, paced, wentBack } from '../expectations.ts';
import { readyAfter, runFirst } from '../settings.ts';
import type { Scenario } from '../trial.ts';

/** Longer than any phase that could begin by mistake. */
const WATCH_MS = 60_000;

const neverReady: Scenario = {
  name: 'never-ready',
  async run(trial) {
    await trial.changeEnv(runFirst('setInterval(() => {}, 1e6); await new Promise(() => {})'));
    await until(
      'the rollout',
      60,
      async () => (await trial.cluster()).status?.rollout?.phase === 'Preparing',
    );
    await sleep(WATCH_MS);
    const { status } = await trial.cluster();
    trial.noted['preparing'] = status?.rollout?.phase === 'Preparing' ? 1 : 0;
    trial.sampler.mark('change taken back');
    await trial.changeEnv();
    await trial.ended();
  },
  expect: (seen) => [
    exactly('still Preparing after a minute', seen.noted['preparing'], 1),
    exactly('stations moved', seen.moves.moved, 0),
    exactly('connections that ended otherwise', seen.moves.drops, 0),
    ...nothingLost(seen),
  ],
};

const refuses: Scenario = {
  name: 'refuses',
  async run(trial) {
    await trial.changeEnv({ name: 'OCPP_MAX_SESSIONS', value: '1' });
    await trial.ended();
    await trial.allOnline(60);
  },
  expect: (seen) => [...wentBack(seen), ...paced(seen), ...nothingLost(seen)],
};

/** Two thirds of the stations speak a version that the new Pods refuse. */
const refusesVersion: Scenario = {
  name: 'refuses-version',
  async run(trial) {
    await trial.change({ protocols: ['ocpp2.1'] });
    await trial.ended();
    await trial.allOnline(60);
  },
  expect: (seen) => [...wentBack(seen), ...paced(seen), ...nothingLost(seen)],
};

const CRASH_MS = 60_000;

const crashes: Scenario = {
  name: 'crashes',
  async run(trial) {
    const { value } = readyAfter(trial.settings.readyAfterSeconds);
    const [, wait = ''] = decodeURIComponent(value).split('javascript,');
    await trial.changeEnv(runFirst(`setTimeout(() => process.exit(1), ${CRASH_MS}); ${wait}`));
    await trial.ended();
    await trial.allOnline(120);
  },
  expect: (seen) => [
    exactly('phase of the rollout', seen.rollout?.phase, 'Aborted'),
    exactly('Degraded because of', seen.degraded, 'RolloutAborted'),
    // To the new set and back; a crash ends connections without asking.
    atMost('moves of one station', seen.moves.mostOfOneStation, 2),
    exactly(
      'stations on the old Pods',
      seen.sessionsOfOldPods.reduce((total, one) => total + one, 0),
      seen.stations,
    ),
    ...nothingLost(seen),
  ],
};

export const BAD_RELEASES: readonly Scenario[] = [neverReady, refuses, refusesVersion, crashes];
