/**
 * `npm start`: reads a manifest, runs it on this machine, shows its state, applies every change of the file, and stops
 * cleanly on Ctrl-C.
 */
import { inspect } from 'node:util';
import { ConfigError } from '../../../services/runtime/config.ts';
import { defaultedSpec } from '../../api/defaults.ts';
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import { StoreError } from '../../kube/object-store.ts';
import { DataFolderError } from '../kubelet/data-folder.ts';
import { LocalCluster } from '../local-cluster.ts';
import { freePort, LOOPBACK } from '../network/addresses.ts';
import { introductionOf, trialLines } from './access.ts';
import { Board } from './board.ts';
import { Display } from './display.ts';
import { JsonScreen, PlainScreen } from './lines.ts';
import { type Manifest, ManifestError, readManifest, watchManifest } from './manifest.ts';
import { type Options, readOptions, UsageError } from './options.ts';
import { redisProblem } from './redis-here.ts';
import type { Screen } from './screen.ts';
import { whatStops } from './state.ts';
import { inColour, withoutColour } from './table.ts';

async function main(options: Options): Promise<void> {
  const manifest = readManifest(options.file);
  await checkPorts(manifest);
  const problem = manifest.clusters.some(usesRedisHere) ? redisProblem(options.path) : undefined;
  const screen = screenOf(options);
  const local = await LocalCluster.start({
    path: options.path,
    logLevel: options.logLevel,
    redis: problem === undefined,
    data: options.data,
    say: (text) => screen.note(text),
  });
  const display = new Display(local, screen);
  const watching = new AbortController();
  stopOnSignals(local, display, screen, watching);
  await local.apply(manifest);
  screen.say(introduction(manifest, options, local, problem));
  const unwatch = watchManifest(options.file, () => void reapply(local, display, screen, options.file));
  watching.signal.addEventListener('abort', unwatch);
  await display.show(watching.signal);
}

function screenOf({ json, term, colour }: Options): Screen {
  const { stdout, stderr } = process;
  if (json) return new JsonScreen(stdout, stderr, Date.now);
  if (!stdout.isTTY || term === 'dumb') return new PlainScreen(stdout, Date.now);
  return new Board(stdout, Date.now, colour ? inColour : withoutColour);
}

const usesRedisHere = (cluster: OcppCluster) => defaultedSpec(cluster).redis.embedded !== undefined;

/** Finds a taken port before anything runs. */
async function checkPorts({ clusters }: Manifest): Promise<void> {
  const listeners = clusters.flatMap((cluster) => defaultedSpec(cluster).listeners);
  for (const { name, port } of listeners) {
    if ((await freePort(LOOPBACK, port)) !== undefined) continue;
    throw new ManifestError(
      `port ${port} is taken by another program: end that, or give the listener ${name} in the manifest another port`,
    );
  }
  const ports = listeners.map(({ port }) => port);
  const doubled = ports.find((port, index) => ports.indexOf(port) !== index);
  if (doubled !== undefined) throw new ManifestError(`two listeners want the port ${doubled}`);
}

function introduction(
  manifest: Manifest,
  { file, data }: Options,
  local: LocalCluster,
  problem: string | undefined,
): string[] {
  const kept =
    data === undefined
      ? 'the data of this run is deleted (--data FOLDER keeps it)'
      : `the data stays in ${data}`;
  return [
    ...(problem === undefined
      ? []
      : ['', `  ${problem}`, '  Without it, one process without Redis serves the stations.']),
    ...places(manifest, local),
    '',
    `  logs of every Pod     ${local.logs.folder}`,
    `  to change it          edit ${file}; every change of the file is applied`,
    `  to stop               Ctrl-C; ${local.hasOperator ? kept : 'nothing is kept without Redis'}`,
    '',
  ];
}

const places = ({ clusters, secrets }: Manifest, local: LocalCluster) =>
  clusters.flatMap((cluster) => [
    '',
    ...introductionOf(cluster, local.hasOperator, secrets),
    ...trialLines(local.trial.madeFor(cluster), local.trial.folderOf(cluster)),
  ]);

async function reapply(local: LocalCluster, display: Display, screen: Screen, file: string): Promise<void> {
  try {
    const running = await local.clusters();
    const manifest = readManifest(file, running);
    const left = running.filter((one) => !manifest.clusters.some(isSame(one)));
    checkPortsOf(left, manifest);
    await local.apply(manifest);
    const kept = left.map(
      ({ metadata: { name } }) => `${name} is no longer in the file and keeps running; Ctrl-C stops it`,
    );
    screen.note([`${file} was changed and is applied`, ...kept, ...places(manifest, local), ''].join('\n'));
    await display.showAccess();
  } catch (error) {
    // Nothing that a file holds ends what runs.
    const [why, text] =
      error instanceof ManifestError
        ? ['has mistakes', error.message]
        : ['could not be applied', error instanceof StoreError ? error.message : inspect(error)];
    screen.note(`${file} was changed, but ${why}; the last good version keeps running:\n${text}`);
  }
}

const isSame = (one: OcppCluster) => (other: OcppCluster) =>
  other.metadata.name === one.metadata.name && other.metadata.namespace === one.metadata.namespace;

/** A cluster that left the file keeps its ports. @throws ManifestError */
function checkPortsOf(left: readonly OcppCluster[], { clusters }: Manifest): void {
  const wanted = new Set(
    clusters.flatMap((cluster) => defaultedSpec(cluster).listeners).map(({ port }) => port),
  );
  for (const cluster of left) {
    const taken = defaultedSpec(cluster).listeners.find(({ port }) => wanted.has(port));
    if (taken === undefined) continue;
    throw new ManifestError(
      `port ${taken.port} belongs to the cluster ${cluster.metadata.name}, which is no longer in the file and keeps running: ` +
        'use another port, or restart npm start',
    );
  }
}

/** The terminal and npm both send a Ctrl-C: within this time they are one. */
const SAME_SIGNAL_MS = 500;

function stopOnSignals(
  local: LocalCluster,
  display: Display,
  screen: Screen,
  watching: AbortController,
): void {
  let since: number | undefined;
  const stop = async () => {
    watching.abort();
    screen.end();
    screen.note(`stopping: ${whatStops(await local.pods(), display.states)} (Ctrl-C again: at once)`);
    await local.stop();
    screen.note(`stopped, nothing is left running; the logs stay in ${local.logs.folder}`);
    process.exit(0);
  };
  const onSignal = () => {
    since ??= performance.now();
    if (!watching.signal.aborted) void stop();
    else if (performance.now() - since > SAME_SIGNAL_MS) {
      local.kill();
      process.exit(1);
    }
  };
  // The reader has closed the pipe (`npm start | head`).
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', () => {
      if (!watching.signal.aborted) onSignal();
    });
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}

/** Errors of the user have a message that says everything; their exit status. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof UsageError || error instanceof ConfigError) return 2;
  const ofUser = [ManifestError, DataFolderError, StoreError].some((kind) => error instanceof kind);
  return ofUser ? 1 : undefined;
}

try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  const status = statusOf(error);
  if (status === undefined || !(error instanceof Error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(status);
}
