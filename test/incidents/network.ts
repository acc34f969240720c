/**
 * The network in which incidents happen: `city` in `charging`, as the docs name it, with 200 idle stations, a webhook,
 * a Prometheus with impatient alerts, and the console in Chromium.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Browser, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { stringify } from 'yaml';
import { componentOf, type Pod } from '../../operator/local/kinds.ts';
import { podVolume } from '../../operator/local/kubelet/pod.ts';
import { LOGIN } from '../../operator/render/redis-access.ts';
import { PORT } from '../../services/contract.ts';
import { TEXTS } from '../../services/console/texts.ts';
import { openConsole, startBrowser } from '../console/browser.ts';
import { startWorld, type World } from '../dashboard/world.ts';
import { type Simulation, startSimulation } from '../simulator/simulation.ts';
import { serverCertificate, testAuthority, tlsFiles } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { startWebhook, type WebhookServer } from '../support/webhook-server.ts';
import { hastened } from './hastened.ts';

export const CLUSTER = { namespace: 'charging', name: 'city' } as const;
export const STATIONS = 200;
/** Of a signed webhook: whsec_ and 32 bytes. */
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
/** The object store of npm start sends no bookmarks, so that a watch without changes is silent. */
const WITHOUT_BOOKMARKS = 'OcppOperatorWatchSilent';
/** An alert after five minutes fires after two seconds. */
const FACTOR = 150;
/** This machine may be busy with other tests; ms. */
const PATIENCE = 120_000;

export interface Network extends AsyncDisposable {
  readonly world: World;
  readonly simulation: Simulation;
  /** The page Network. */
  readonly page: Page;
  readonly tlsPort: number;
  /** Of the stations' endpoint without TLS. */
  readonly url: string;
  /** PUT to the HTTP API, with a JSON body. */
  readonly put: (path: string, body: object) => Promise<Response>;
  /** A station connects, boots and leaves. @returns the answer */
  bootOnce(): Promise<string>;
  /** The endpoint of the webhook; another one may take its place. */
  endpoint: WebhookServer;
  /** `kubectl patch ocpp city --type merge`: null removes a field. */
  patch(change: Patch): Promise<void>;
  /** `kubectl annotate ocpp city --overwrite` */
  annotate(name: string, value: string): Promise<void>;
  replaceSecret(name: string, stringData: Readonly<Record<string, string>>): Promise<void>;
  /** A connection of an operator, as redis-cli in the Pod has one. */
  redis(): Promise<Redis>;
  pods(component: string): Promise<readonly Pod[]>;
  /** Names of the alerts that fire. */
  firing(): Promise<ReadonlySet<string>>;
  /** The console says that all is well, and no alert fires. */
  isHealthy(): Promise<void>;
}

export type Patch = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Patch =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As RFC 7386 has it. */
function merged(target: Patch, change: Patch): Patch {
  const result: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? merged(isObject(result[key]) ? result[key] : {}, value) : value;
  }
  return result;
}

/** @throws Error with what the page did wrong, when it is disposed */
export async function startNetwork(): Promise<Network> {
  const stack = new AsyncDisposableStack();
  try {
    const [port, tlsPort] = [await freePort(), await freePort()];
    const endpoint = stack.use(await startWebhook(() => ({})));
    let object: Patch = {
      apiVersion: 'ocpp.dev/v1alpha1',
      kind: 'OcppCluster',
      metadata: { ...CLUSTER, annotations: {} },
      spec: specOf(port, tlsPort, endpoint.url),
    };
    const secrets = new Map<string, object>();
    const setSecret = (name: string, stringData: object) =>
      secrets.set(name, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: CLUSTER.namespace, name },
        stringData,
      });
    setSecret('hooks', { billing: SECRET });
    setSecret('station-tls', tlsFiles(await serverCertificate()));
    const manifest = () => [object, ...secrets.values()].map((one) => stringify(one)).join('---\n');
    const world = stack.use(await startWorld(manifest(), hastened(FACTOR)));
    const apply = () => world.apply(manifest());
    const api = await until(async () => world.local.apiOf(await world.cluster()), 'the API', PATIENCE, 200);
    await until(async () => (await fetch(`${api.url}/v1/stations`)).ok || true, 'its answer', PATIENCE, 200);
    const simulation = await connectStations(stack, port);
    const browser = stack.adopt(await startBrowser(), (one) => one.close());
    const token = readFileSync(api.tokenFile ?? '', 'utf8').trim();
    const page = await openPage(stack, browser, api.url, token);
    const network: Network = {
      world,
      simulation,
      page,
      tlsPort,
      url: `ws://127.0.0.1:${port}/ocpp`,
      put: (path, body) =>
        fetch(`${api.url}${path}`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      endpoint,
      bootOnce: () => bootOnce(`ws://127.0.0.1:${port}/ocpp/NEW-0001`),
      async patch(change) {
        object = merged(object, change);
        await apply();
      },
      annotate: (name, value) => network.patch({ metadata: { annotations: { [name]: value } } }),
      async replaceSecret(name, stringData) {
        setSecret(name, stringData);
        await apply();
      },
      redis: async () => connectRedis(world),
      pods: async (component) => (await world.local.pods()).filter((pod) => componentOf(pod) === component),
      async firing() {
        const series = await world.query('ALERTS{alertstate="firing"}');
        const names = series.map(({ labels }) => labels['alertname'] ?? '');
        return new Set(names.filter((name) => name !== WITHOUT_BOOKMARKS));
      },
      async isHealthy() {
        await page.getByText(TEXTS.network.headline.good).waitFor({ timeout: PATIENCE });
        const firing = async () => [...(await network.firing())].join(', ');
        await until(async () => (await firing()) === '', 'no alert', PATIENCE, 500).catch(async () => {
          throw new Error(`alerts still fire: ${await firing()}`);
        });
      },
      async [Symbol.asyncDispose]() {
        if (network.endpoint !== endpoint) await network.endpoint[Symbol.asyncDispose]();
        await stack.disposeAsync();
      },
    };
    return network;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

const specOf = (port: number, tlsPort: number, webhook: string): Patch => ({
  listeners: [
    { name: 'stations', port, path: '/ocpp' },
    { name: 'tls', port: tlsPort, path: '/ocpp', securityProfile: 2, tls: { secretName: 'station-tls' } },
  ],
  authentication: { unknownStations: 'Accept', stations: { register: true } },
  // The second one comes with the incident of one that holds all stations.
  proxy: { replicas: 1, drain: { ratePerSecond: 100 } },
  processor: { unknownTokens: 'Accept', autoscaling: { minReplicas: 1, maxReplicas: 1 } },
  redis: { embedded: { podTemplate: { resources: { limits: { memory: '256Mi' } } } } },
  api: {
    enabled: true,
    webhooks: [{ name: 'billing', url: webhook, signingSecret: { name: 'hooks', key: 'billing' } }],
  },
});

/** They say little after their boot, so that each may be moved. */
async function connectStations(stack: AsyncDisposableStack, port: number): Promise<Simulation> {
  const url = `ws://127.0.0.1:${port}/ocpp`;
  const simulation = startSimulation({
    url,
    stations: STATIONS,
    cadenceSeconds: 300,
    reconnectScale: 0.1,
    settleSeconds: 1,
  });
  stack.defer(async () => {
    simulation.stop();
    await simulation.done;
  });
  await until(() => simulation.progress().online === STATIONS, 'all stations', PATIENCE, 200);
  return simulation;
}

function bootOnce(url: string): Promise<string> {
  const socket = new WebSocket(url, ['ocpp1.6']);
  return new Promise<string>((resolve, reject) => {
    const payload = { chargePointVendor: 'V', chargePointModel: 'M' };
    socket.on('open', () => socket.send(JSON.stringify([2, '1', 'BootNotification', payload])));
    socket.on('message', (data: Buffer) => resolve(data.toString('utf8')));
    socket.on('error', reject);
  }).finally(() => socket.close());
}

/** In incidents requests of the page may fail; it says so, and the browser too. */
async function openPage(
  stack: AsyncDisposableStack,
  browser: Browser,
  url: string,
  token: string,
): Promise<Page> {
  const t = { teardown: (end: () => void) => stack.defer(async () => end()) };
  const options = { token, hash: '#/network', expected: [/Failed to load resource/] };
  const page = await openConsole(t, browser, url, { ...options, viewport: { width: 1000, height: 900 } });
  await page.locator('.net-headline').waitFor({ timeout: PATIENCE });
  return page;
}

async function connectRedis({ local }: World): Promise<Redis> {
  const pod = (await local.pods()).find((one) => componentOf(one) === 'redis');
  if (pod?.status?.podIP === undefined) throw new Error('there is no Pod of Redis');
  const password = readFileSync(join(podVolume(local.folder, pod, LOGIN), 'password'), 'utf8');
  return new Redis({ host: pod.status.podIP, port: PORT.redis, password, retryStrategy: () => null });
}

/** Of the listener with TLS, with a short life. */
export async function certificateOf(days: number): Promise<Readonly<Record<string, string>>> {
  const authority = await testAuthority();
  return tlsFiles(await authority.issueServerCertificate(['localhost', '127.0.0.1'], { days }));
}
