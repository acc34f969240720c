/**
 * `npm start`: reads a manifest, runs it on this machine, shows how it does, applies the manifest again
 * whenever it was changed, and stops cleanly on Ctrl-C.
 */
import { defaultedSpec } from '../../api/defaults.ts';
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import { freePort } from '../network/addresses.ts';
import { Display, whereTo } from './display.ts';
import { LocalCluster } from '../local-cluster.ts';
import { type Manifest, ManifestError, readManifest, watchManifest } from './manifest.ts';
import { type Options, readOptions } from './options.ts';
import { redisProblem } from './redis-here.ts';
import { Terminal } from './terminal.ts';

const terminal = new Terminal(process.stdout, Date.now);

async function main(options: Options): Promise<void> {
  const manifest = readManifest(options.file);
  await checkPorts(manifest);
  const problem = manifest.clusters.some(usesRedisHere) ? redisProblem(options.path) : undefined;
  const local = await LocalCluster.start({
    path: options.path,
    logLevel: options.logLevel,
    redis: problem === undefined,
    say: (text) => terminal.note(text),
  });
  const watching = new AbortController();
  stopOnSignals(local, watching);
  await local.apply(manifest);
  terminal.say(await introduction(manifest, options, local, problem));
  const unwatch = watchManifest(options.file, () => void reapply(local, options.file));
  watching.signal.addEventListener('abort', unwatch);
  await new Display(local, terminal).show(watching.signal);
}

const usesRedisHere = (cluster: OcppCluster) => defaultedSpec(cluster).redis.embedded !== undefined;

/** A port that is taken is found before anything runs. */
async function checkPorts({ clusters }: Manifest): Promise<void> {
  const listeners = clusters.flatMap((cluster) => defaultedSpec(cluster).listeners);
  for (const { name, port } of listeners) {
    if ((await freePort('127.0.0.1', port)) !== undefined) continue;
    throw new ManifestError(
      `port ${port} is taken by another program: end that, or give the listener ${name} in the manifest another port`,
    );
  }
  const ports = listeners.map(({ port }) => port);
  const doubled = ports.find((port, index) => ports.indexOf(port) !== index);
  if (doubled !== undefined) throw new ManifestError(`two listeners want the port ${doubled}`);
}

async function introduction(
  manifest: Manifest,
  { file }: Options,
  local: LocalCluster,
  problem: string | undefined,
): Promise<string> {
  return [
    ...(problem === undefined
      ? []
      : ['', `  ${problem}`, '  Until then one process without Redis serves the stations.']),
    ...(await places(manifest, local)),
    '',
    `  logs of every Pod     ${local.logs.folder}`,
    `  to change it          edit ${file}; what is saved is applied`,
    '  to stop               Ctrl-C; the data of this run is gone then',
    '',
  ].join('\n');
}

const places = async (manifest: Manifest, local: LocalCluster) =>
  whereTo(manifest, await Promise.all(manifest.clusters.map((cluster) => local.tokenLines(cluster))));

async function reapply(local: LocalCluster, file: string): Promise<void> {
  try {
    const manifest = readManifest(file, await local.clusters());
    await local.apply(manifest);
    terminal.note([`${file} was changed and is applied`, ...(await places(manifest, local)), ''].join('\n'));
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    terminal.note(`${file} was changed, but has mistakes; what ran before goes on:\n${error.message}`);
  }
}

/** npm passes a Ctrl-C on that the terminal had sent us as well: within this time they are one. */
const SAME_SIGNAL_MS = 500;

function stopOnSignals(local: LocalCluster, watching: AbortController): void {
  let since: number | undefined;
  const stop = async () => {
    watching.abort();
    terminal.clear();
    terminal.note('stopping: stations are told to come again, then everything ends (Ctrl-C again: at once)');
    await local.stop();
    terminal.note(`stopped, nothing is left running; the logs stay in ${local.logs.folder}`);
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
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}

try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof ManifestError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
