/** From release 0.1.0 to this version: the operator first, which no station notices, then the Pods, with one move per station. */
import test from 'ava';
import { scenarioNamed } from '../rollout-trial/scenarios/scenarios.ts';
import { DEFAULTS, type TrialSettings } from '../rollout-trial/settings.ts';
import { tryOut } from '../rollout-trial/trial.ts';
import { removeEverything, startAfresh } from './environment.ts';

const SMALL: TrialSettings = {
  ...DEFAULTS,
  stations: 60,
  proxies: 2,
  ratePerSecond: 20,
  readyAfterSeconds: 1,
  minReadySeconds: 3,
  returnWithinSeconds: 15,
  deadlineSeconds: 20,
  cadenceSeconds: 3,
  limitSeconds: 150,
};

test.before('one image, and a cluster of ours', async (t) => {
  t.timeout(600_000);
  await startAfresh();
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  await removeEverything();
});

test.serial('an upgrade from 0.1.0 moves each station once, and loses no CALL', async (t) => {
  t.timeout(600_000);
  const scenario = scenarioNamed('upgrade');
  if (scenario === undefined) return t.fail('there is no scenario upgrade');
  const { expectations } = await tryOut(scenario, SMALL, (line) => t.log(line));
  t.deepEqual(
    expectations
      .filter(({ ok }) => !ok)
      .map(({ what, measured, wanted }) => `${what}: ${measured}, wanted ${wanted}`),
    [],
  );
  return undefined;
});
