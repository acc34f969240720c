/**
 * A rollout moves each station once, also when the operator's leader dies, and a release that refuses stations goes back. `npm run
 * rollout-trial` has the same at full size, and more: docs/rollouts.md.
 */
import test from 'ava';
import { SPREAD } from '../rollout-trial/expectations.ts';
import { scenarioNamed } from '../rollout-trial/scenarios/scenarios.ts';
import { DEFAULTS, type TrialSettings } from '../rollout-trial/settings.ts';
import { tryOut } from '../rollout-trial/trial.ts';
import { removeEverything, startAfresh } from './environment.ts';

const SMALL: TrialSettings = {
  ...DEFAULTS,
  stations: 300,
  proxies: 2,
  ratePerSecond: 30,
  readyAfterSeconds: 3,
  minReadySeconds: 3,
  returnWithinSeconds: 15,
  deadlineSeconds: 20,
  cadenceSeconds: 3,
  limitSeconds: 150,
};

test.before('one image, one operator, and a cluster of ours', async (t) => {
  t.timeout(600_000);
  await startAfresh();
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  await removeEverything();
});

const TITLES = {
  clean: 'a rollout moves each of 300 stations once, and loses no CALL',
  'leader-killed': 'the same while the leader of the operators dies: the next one continues',
  refuses:
    'a release whose Pods are ready and refuse stations moves ten of them, and they return to the old Pods',
};

for (const [name, title] of Object.entries(TITLES)) {
  test.serial(title, async (t) => {
    t.timeout(300_000);
    const scenario = scenarioNamed(name);
    if (scenario === undefined) return t.fail(`there is no scenario ${name}`);
    const { expectations } = await tryOut(scenario, SMALL, (line) => t.log(line));
    // Chance puts 300 stations less evenly than 2000.
    const failed = expectations.filter(({ ok, what }) => !ok && what !== SPREAD);
    t.deepEqual(
      failed.map(({ what, measured, wanted }) => `${what}: ${measured}, wanted ${wanted}`),
      [],
    );
    return undefined;
  });
}
