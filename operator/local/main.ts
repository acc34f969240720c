/**
 * `npm start`: reads a manifest, runs it on this machine, shows how it does, applies the manifest again
 * whenever it was changed, and stops cleanly on Ctrl-C.
 */
import { dirname } from 'node:path';
import { sleep } from '../../services/runtime/clock.ts';
import { settledSpec } from '../api/defaults.ts';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject, Resource } from '../kube/object-store.ts';
import { createScraper } from '../signals/scrape.ts';
import { freePort } from './addresses.ts';
import { PODS } from '../render/resources.ts';
import { LocalCluster } from './local-cluster.ts';
import { type Manifest, ManifestError, readManifest, watchManifest } from './manifest.ts';
import { type Options, readOptions } from './options.ts';
import { redisProblem } from './redis-here.ts';
import { belongsTo, scrapeTargets, servesStations, stateLine } from './state-line.ts';
import { Terminal } from './terminal.ts';

const LOOK_EVERY_MS = 1000;
const EVENTS: Resource = { ...PODS, kind: 'Event', plural: 'events' };

/** An Event as the operator writes it. */
interface Event extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly name: string };
}

const terminal = new Terminal(process.stdout, Date.now);

async function main(options: Options): Promise<void> {
  const manifest = readManifest(options.file);
  await checkPorts(manifest);
  const problem = manifest.clusters.some(usesRedisHere) ? redisProblem(options.path) : undefined;
  const local = await LocalCluster.start({
    path: options.path,
    logLevel: options.logLevel,
    redis: problem === undefined,
    say: (text) => terminal.say(text),
  });
  const watching = new AbortController();
  stopOnSignals(local, watching);
  await local.apply(manifest);
  terminal.say(introduction(manifest, options, local, problem));
  const unwatch = watchManifest(options.file, () => void reapply(local, options.file));
  watching.signal.addEventListener('abort', unwatch);
  void showEvents(local, watching.signal);
  await showState(local, watching.signal);
}

const usesRedisHere = (cluster: OcppCluster) => settledSpec(cluster).redis.embedded !== undefined;

/** A port that is taken is found before anything runs. */
async function checkPorts({ clusters }: Manifest): Promise<void> {
  const wanted = clusters.flatMap((cluster) => settledSpec(cluster).listeners.map(({ port }) => port));
  for (const port of wanted) {
    if ((await freePort('127.0.0.1', port)) !== undefined) continue;
    throw new ManifestError(
      `port ${port} is taken by another program: end that, or change spec.listeners[0].port in the manifest`,
    );
  }
  const doubled = wanted.find((port, index) => wanted.indexOf(port) !== index);
  if (doubled !== undefined) throw new ManifestError(`two listeners want the port ${doubled}`);
}

function introduction(
  manifest: Manifest,
  { file }: Options,
  local: LocalCluster,
  problem: string | undefined,
): string {
  return [
    ...(problem === undefined
      ? []
      : ['', `  ${problem}`, '  Until then one process without Redis serves the stations.']),
    ...whereTo(manifest),
    '',
    `  logs of every Pod     ${local.logs.folder}`,
    `  to change it          edit ${file}; what is saved is applied`,
    '  to stop               Ctrl-C; the data of this run is gone then',
    '',
  ].join('\n');
}

/** Where the stations of each cluster connect. */
function whereTo({ clusters }: Manifest): string[] {
  return clusters.flatMap((cluster) => {
    const spec = settledSpec(cluster);
    const { port, path } = spec.listeners[0] ?? { port: 9000, path: '/ocpp' };
    const url = `ws://127.0.0.1:${port}${path}`;
    const where = url === 'ws://127.0.0.1:9000/ocpp' ? '' : ` --url ${url}`;
    return [
      '',
      `  OcppCluster ${cluster.metadata.name}`,
      `  stations connect to   ${url}/{id}   (${spec.protocols.join(', ')})`,
      `  simulated ones        npm run simulate -- --stations 10${where}`,
    ];
  });
}

async function reapply(local: LocalCluster, file: string): Promise<void> {
  try {
    const manifest = readManifest(file);
    await local.apply(manifest);
    terminal.say([`${file} was changed and is applied`, ...whereTo(manifest), ''].join('\n'));
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    terminal.say(`${file} was changed, but has mistakes; what ran before goes on:\n${error.message}`);
  }
}

/** What the operator tells about a cluster, as `kubectl describe` would show it. */
async function showEvents(local: LocalCluster, signal: AbortSignal): Promise<void> {
  const { resourceVersion } = await local.store.list(EVENTS);
  for await (const event of local.store.watch(EVENTS, { resourceVersion, signal })) {
    if (event.type === 'BOOKMARK' || event.type === 'DELETED') continue;
    const { involvedObject, reason, message } = event.object as Event;
    terminal.say(`${involvedObject.name}: ${reason}: ${message}`);
  }
}

async function showState(local: LocalCluster, signal: AbortSignal): Promise<void> {
  const scrape = createScraper(Date.now, () => undefined);
  const began = performance.now();
  const announced = new Set<string>();
  while (!signal.aborted) {
    const pods = await local.pods();
    const samples = await scrape(scrapeTargets(pods));
    const lines = (await local.clusters()).map((cluster) => {
      const { name } = cluster.metadata;
      const own = pods.filter((pod) => belongsTo(pod, cluster));
      if (servesStations(own) && !announced.has(name)) {
        announced.add(name);
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        terminal.say(`${name} is ready after ${seconds} s: stations may connect`);
      }
      const names = new Set(own.map((pod) => pod.metadata.name));
      const ownSamples = samples.filter(({ pod }) => names.has(pod));
      return stateLine(name, cluster.status, own, ownSamples);
    });
    if (!signal.aborted && pods.length > 0) terminal.state(lines.join('   '));
    await sleep(LOOK_EVERY_MS, signal);
  }
}

function stopOnSignals(local: LocalCluster, watching: AbortController): void {
  let stopping = false;
  const stop = async () => {
    watching.abort();
    terminal.clear();
    terminal.say('stopping: stations are told to come again, then everything ends (Ctrl-C again: at once)');
    await local.stop();
    terminal.say(`stopped, nothing is left running. The logs stay in ${dirname(local.logs.folder)}`);
    process.exit(0);
  };
  const onSignal = () => {
    if (stopping) {
      local.kill();
      process.exit(1);
    }
    stopping = true;
    void stop();
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
