/**
 * One scenario on the cluster that KUBECONFIG points at: an OcppCluster of its own, stations that charge, a change, and what the
 * stations and the cluster say afterwards.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, KIND, type OcppCluster, type RolloutStatus } from '../../operator/api/ocpp-cluster.ts';
import { createNamespace, diagnostics } from '../e2e/environment.ts';
import { apply, condition, get, kubectl, patch, until } from '../e2e/kubectl.ts';
import { type RedisPod, stream } from '../e2e/redis.ts';
import { stationUrl } from '../e2e/stations.ts';
import { compareStream } from '../simulator/ledger.ts';
import { type MovesReading, movesBetween } from '../simulator/moves.ts';
import { type Simulation, startSimulation } from '../simulator/simulation.ts';
import { ApiProxy } from '../e2e/api-proxy.ts';
import type { Mark, Sample } from './chart.ts';
import { exactly, type Expectation, type Observation } from './expectations.ts';
import { Sampler } from './sampler.ts';
import { clusterSpec, type EnvVariable, type TrialSettings } from './settings.ts';

export const NAMESPACE = 'ocpp-e2e-rollouts';
/** Stations speak for so long before and after the change. */
const SPEAK_MS = 5000;
const START_SECONDS = 240;
/** Longest pause of firmware, and its handshake. */
const RETURN_SECONDS = 30;

export interface Scenario {
  readonly name: string;
  /** Other settings than those that were asked for. */
  readonly settings?: (given: TrialSettings) => Partial<TrialSettings>;
  /** Puts another operator on the cluster before the OcppCluster is made; disposed of after its end. */
  readonly prepare?: () => Promise<AsyncDisposable>;
  /** The spec to begin with; without it, that of the settings. */
  readonly spec?: (settings: TrialSettings) => object;
  /** Makes the change, and waits for its end. */
  readonly run: (trial: Trial) => Promise<void>;
  readonly expect: (seen: Observation) => readonly Expectation[];
}

export interface TrialResult {
  readonly scenario: string;
  readonly expectations: readonly Expectation[];
  readonly samples: readonly Sample[];
  readonly marks: readonly Mark[];
}

/** What a scenario can do and see. */
export class Trial {
  readonly at: RedisPod;
  readonly settings: TrialSettings;
  readonly simulation: Simulation;
  readonly sampler: Sampler;
  readonly noted: Record<string, number> = {};
  readonly #startedAt: MovesReading;
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });

  constructor(at: RedisPod, settings: TrialSettings, simulation: Simulation, sampler: Sampler) {
    this.at = at;
    this.settings = settings;
    this.simulation = simulation;
    this.sampler = sampler;
    this.#startedAt = simulation.moves();
    this.#delay.enable();
  }

  async cluster(): Promise<OcppCluster> {
    const found = await get<OcppCluster>('ocppcluster', this.at.cluster, this.at.namespace);
    if (found === undefined) throw new Error(`there is no OcppCluster ${this.at.cluster}`);
    return found;
  }

  /** Adds variables to the ws-proxy Pods, which changes their template. */
  async changeEnv(...env: readonly EnvVariable[]): Promise<void> {
    const { proxy } = clusterSpec(this.settings, env);
    await this.change({ proxy: { podTemplate: proxy.podTemplate } });
  }

  async change(spec: object): Promise<void> {
    this.sampler.mark('change');
    await patch('ocppcluster', this.at.cluster, this.at.namespace, { spec });
  }

  async annotate(annotation: string): Promise<void> {
    await kubectl([
      'annotate',
      'ocppcluster',
      this.at.cluster,
      '-n',
      this.at.namespace,
      '--overwrite',
      annotation,
    ]);
  }

  /** What happened to connections since the start of the trial. */
  moves(since: MovesReading = this.#startedAt): ReturnType<typeof movesBetween> {
    return movesBetween(since, this.simulation.moves());
  }

  /** Waits until this share of the stations has moved. */
  async moved(share: number): Promise<void> {
    const { stations, limitSeconds } = this.settings;
    await until(`${share * 100} % of the stations have moved`, limitSeconds, async () => {
      return this.moves().moved >= share * stations;
    });
  }

  /** Waits for the end of the rollout to the template that the spec asks for now. */
  async ended(): Promise<RolloutStatus> {
    return until('the end of the rollout', this.settings.limitSeconds, async () => {
      const { metadata, status } = await this.cluster();
      const rollout = status?.rollout;
      const observed = status?.observedGeneration === metadata.generation;
      const done = rollout?.phase === 'Completed' || rollout?.phase === 'Aborted';
      return observed && done && rollout;
    });
  }

  get heldUpSeconds(): number {
    return this.#delay.max / 1e9;
  }

  async allOnline(seconds: number): Promise<void> {
    const { stations } = this.settings;
    await until(
      `${stations} stations connected`,
      seconds,
      async () => this.simulation.progress().online === stations,
    );
  }
}

export async function tryOut(
  scenario: Scenario,
  given: TrialSettings,
  log: (line: string) => void,
): Promise<TrialResult> {
  const settings = { ...given, ...scenario.settings?.(given) };
  const at = { cluster: `trial-${scenario.name}`, namespace: NAMESPACE };
  await using _ = await scenario.prepare?.();
  await createNamespace(at.namespace);
  const metadata = { name: at.cluster, namespace: at.namespace };
  const spec = scenario.spec?.(settings) ?? clusterSpec(settings);
  await apply({ apiVersion: API_VERSION, kind: KIND, metadata, spec });
  using api = await ApiProxy.start();
  const sampler = new Sampler(api, at);
  const simulation = await stationsOf(at, settings);
  try {
    await sampler.start();
    const trial = new Trial(at, settings, simulation, sampler);
    log(`${scenario.name}: ${settings.stations} stations are connected`);
    const failure = await scenario.run(trial).then(() => undefined, String);
    const observation = await observe(trial);
    const expectations = [...scenario.expect(observation)];
    if (failure !== undefined) {
      log(`${scenario.name}: ${failure}`);
      expectations.unshift(exactly('the scenario ran to its end', 'no', 'yes'));
    }
    log(`${scenario.name}: stations saw ${JSON.stringify(observation.moves)}`);
    log(`${scenario.name}: closes by second: ${simulation.moves().closes.join(' ')}`);
    log(`${scenario.name}: returns by second: ${simulation.moves().returns.join(' ')}`);
    log(`${scenario.name}: held up for ${Math.round(observation.heldUpSeconds * 1000)} ms at most`);
    for (const sample of observation.summary.samples) log(`${scenario.name}: ${sample}`);
    if (observation.rollout !== undefined) log(`${scenario.name}: ${JSON.stringify(observation.rollout)}`);
    if (expectations.some(({ ok }) => !ok)) log(await diagnostics([at.namespace]));
    return { scenario: scenario.name, expectations, samples: sampler.samples, marks: sampler.marks };
  } finally {
    simulation.stop();
    await sampler.stop();
    await kubectl(['delete', 'ocppcluster', at.cluster, '-n', at.namespace, '--timeout=180s'], '', 200);
  }
}

async function stationsOf(at: RedisPod, settings: TrialSettings): Promise<Simulation> {
  const { stations } = settings;
  await condition(at.cluster, at.namespace, 'Available', START_SECONDS);
  const url = await stationUrl(at);
  const { cadenceSeconds, longChargingShare, reconnectScale } = settings;
  const prefix = at.cluster.toUpperCase();
  const connectRate = 150;
  const options = { url, stations, prefix, cadenceSeconds, longChargingShare, connectRate };
  const simulation = startSimulation({ ...options, ...(reconnectScale !== undefined && { reconnectScale }) });
  try {
    await until(`${stations} stations connected to ${url}`, START_SECONDS, async () => {
      return simulation.progress().online === stations;
    });
  } catch (error) {
    simulation.stop();
    throw error;
  }
  await sleep(SPEAK_MS);
  return simulation;
}

/** Ends the stations, and compares their ledgers with what the cluster wrote down. */
async function observe(trial: Trial): Promise<Observation> {
  const { at, settings, simulation, sampler, noted } = trial;
  // The last to move may be on their way; those that do not arrive are counted below.
  await trial.allOnline(RETURN_SECONDS).catch(() => undefined);
  await sleep(SPEAK_MS);
  const { status } = await trial.cluster();
  const pods = await sampler.now();
  const sessions = (isOld: boolean) => pods.filter((one) => one.isOld === isOld).map((one) => one.sessions);
  const [sessionsOfOldPods, sessionsOfNewPods] = [sessions(true), sessions(false)];
  const { heldUpSeconds } = trial;
  const moves = trial.moves();
  const onlineAtEnd = simulation.progress().online;
  await sampler.stop();
  simulation.stop();
  const summary = await simulation.done;
  const degraded = status?.conditions?.find(({ type, status: is }) => type === 'Degraded' && is === 'True');
  return {
    stations: settings.stations,
    ratePerSecond: settings.ratePerSecond,
    moves,
    summary,
    stream: compareStream(simulation.transactions, await stream(at, 'ocpp:transactions')),
    rollout: status?.rollout,
    degraded: degraded?.reason ?? '',
    degradedMeanwhile: [...sampler.degraded],
    mostEnding: sampler.mostEnding,
    onlineAtEnd,
    heldUpSeconds,
    sessionsOfNewPods,
    sessionsOfOldPods,
    noted,
  };
}
