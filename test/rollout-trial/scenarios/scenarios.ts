/** All scenarios by name. */
import type { Scenario } from '../trial.ts';
import { BAD_RELEASES } from './bad-releases.ts';
import { MAINTENANCE } from './maintenance.ts';
import { ROLLOUTS } from './rollouts.ts';
import { UPGRADES } from './upgrade.ts';

export const SCENARIOS: readonly Scenario[] = [...ROLLOUTS, ...BAD_RELEASES, ...MAINTENANCE, ...UPGRADES];

export const scenarioNamed = (name: string): Scenario | undefined =>
  SCENARIOS.find((one) => one.name === name);
