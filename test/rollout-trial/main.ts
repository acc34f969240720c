/** `npm run rollout-trial -- --help` */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { removeEverything, startAfresh } from '../e2e/environment.ts';
import { chart } from './chart.ts';
import { table } from './expectations.ts';
import { scenarioNamed, SCENARIOS } from './scenarios/scenarios.ts';
import { DEFAULTS, type TrialSettings } from './settings.ts';
import { type Scenario, type TrialResult, tryOut } from './trial.ts';

const HELP = `Tries rollouts out on the Kubernetes cluster that KUBECONFIG points at, with simulated stations.

  npm run rollout-trial -- [options]

  --scenario NAMES     separated by commas; 'all' is all of them (clean)
                       ${SCENARIOS.map(({ name }) => name).join(', ')}
  --stations N         stations of mixed versions (${DEFAULTS.stations})
  --proxies N          ws-proxy Pods (${DEFAULTS.proxies})
  --rate N             spec.proxy.drain.ratePerSecond, of the whole cluster (${DEFAULTS.ratePerSecond})
  --ready-after N      seconds that a new Pod takes to be ready (${DEFAULTS.readyAfterSeconds})
  --return-within N    spec.proxy.rollout.returnWithinSeconds (${DEFAULTS.returnWithinSeconds})
  --deadline N         spec.proxy.drain.deadlineSeconds (${DEFAULTS.deadlineSeconds})
  --charging SHARE     share of the stations, 0 to 1, that charges for longer than that (${DEFAULTS.longChargingShare})
  --cadence SECONDS    mean time between two messages of a station (${DEFAULTS.cadenceSeconds})
  --seconds N          longest time of one wait (${DEFAULTS.limitSeconds})
  --svg FILE           writes the stations per Pod over time; with several scenarios NAME stands before the extension
  --installed          uses the operator that is there, and leaves it

It builds the image as npm run e2e does (E2E_IMAGE_COMMAND, E2E_ADDRESS), and removes all that it made. Each line of the table is an
expectation; the exit status is 1 if one failed.
`;

class UsageError extends Error {}

const OPTIONS = {
  scenario: { type: 'string', default: 'clean' },
  stations: { type: 'string' },
  proxies: { type: 'string' },
  rate: { type: 'string' },
  'ready-after': { type: 'string' },
  'return-within': { type: 'string' },
  deadline: { type: 'string' },
  charging: { type: 'string' },
  cadence: { type: 'string' },
  seconds: { type: 'string' },
  svg: { type: 'string' },
  installed: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
type NumberOption = Exclude<keyof Values, 'scenario' | 'svg' | 'installed' | 'help'>;

const FIELDS: Readonly<Record<NumberOption, keyof TrialSettings>> = {
  stations: 'stations',
  proxies: 'proxies',
  rate: 'ratePerSecond',
  'ready-after': 'readyAfterSeconds',
  'return-within': 'returnWithinSeconds',
  deadline: 'deadlineSeconds',
  charging: 'longChargingShare',
  cadence: 'cadenceSeconds',
  seconds: 'limitSeconds',
};

function settingsOf(values: Values): TrialSettings {
  const given = Object.entries(FIELDS).flatMap(([option, field]) => {
    const text = values[option as NumberOption];
    if (text === undefined) return [];
    const number = Number(text);
    if (text === '' || !(number >= 0)) throw new UsageError(`--${option} needs a number, not "${text}"`);
    return [[field, number] as const];
  });
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}

function scenariosOf({ scenario, installed }: Values): readonly Scenario[] {
  if (scenario === 'all') return SCENARIOS.filter(({ prepare }) => !installed || prepare === undefined);
  return scenario.split(',').map((name) => {
    const found = scenarioNamed(name);
    const known = SCENARIOS.map((one) => one.name).join(', ');
    if (found === undefined) throw new UsageError(`--scenario: known are ${known}, not "${name}"`);
    if (installed && found.prepare !== undefined)
      throw new UsageError(`--installed: the scenario ${name} installs other operators`);
    return found;
  });
}

const log = (line: string) => process.stderr.write(`${line}\n`);

/** The other scenarios go on. */
function brokenOff({ name }: Scenario, error: unknown): TrialResult {
  log(`${name}: ${String(error)}`);
  const expectations = [{ what: 'the scenario ran to its end', measured: 'no', wanted: 'yes', ok: false }];
  return { scenario: name, expectations, samples: [], marks: [] };
}

/** Resolves to the number of expectations that failed. */
async function runAll(
  values: Values,
  scenarios: readonly Scenario[],
  settings: TrialSettings,
): Promise<number> {
  let failed = 0;
  let all = 0;
  for (const scenario of scenarios) {
    const result = await tryOut(scenario, settings, log).catch((error: unknown) =>
      brokenOff(scenario, error),
    );
    process.stdout.write(table(result.scenario, result.expectations));
    all += result.expectations.length;
    failed += result.expectations.filter(({ ok }) => !ok).length;
    if (values.svg === undefined) continue;
    const file =
      scenarios.length === 1 ? values.svg : values.svg.replace(/(?=\.\w+$|$)/, `-${scenario.name}`);
    const title = `${scenario.name}: ${settings.stations} stations on ${settings.proxies} ws-proxy Pods`;
    writeFileSync(file, chart({ title, samples: result.samples, marks: result.marks }));
  }
  process.stdout.write(`${all - failed} of ${all} expectations hold\n`);
  return failed;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const scenarios = scenariosOf(values);
  const settings = settingsOf(values);
  // The current context of ~/.kube/config is not asked: it may be a production cluster.
  if ((process.env['KUBECONFIG'] ?? '') === '')
    throw new UsageError('KUBECONFIG must name a cluster for tests');
  if (!values.installed) await startAfresh();
  try {
    return (await runAll(values, scenarios, settings)) === 0 ? 0 : 1;
  } finally {
    if (!values.installed) await removeEverything();
  }
}

// What a run that is interrupted leaves on the cluster, the next one removes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`rollout-trial: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
