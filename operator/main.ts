/** The operator program: connects to an API server, takes part in leader election, and serves the admin port. */
import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { type AdminServer, startAdminServer } from '../services/runtime/admin-server.ts';
import { readAdminAccess } from '../services/runtime/program-settings.ts';
import { systemClock } from '../services/runtime/clock.ts';
import { ConfigError, loadConfig } from '../services/runtime/config.ts';
import { runProgram, type Running } from '../services/runtime/lifecycle.ts';
import { createLog, type Log } from '../services/runtime/log.ts';
import { namesIn, operatorSettings } from './config.ts';
import { LeaderElector } from './controller/leader.ts';
import { readAdminKey } from './kube/admin-key.ts';
import { connectKube, type KubeClient } from './kube/client.ts';
import { KubeLeaseStore } from './kube/kube-lease-store.ts';
import { KubeObjectStore } from './kube/kube-object-store.ts';
import { ApiMetrics } from './kube/metrics.ts';
import { type Operator, runOperator } from './operator.ts';
import { showProgram } from './program-metrics.ts';

/** A standby reads the Lease every 2 s; after this time without a read the API server counts as unreachable. */
const LEASE_READ_MS = 10_000;

let log: Log = createLog('operator', 'info');

type Config = ReturnType<typeof readConfig>;

const readConfig = () => loadConfig('operator', operatorSettings);

async function main(): Promise<Running> {
  const config = readConfig();
  log = createLog('operator', config.logLevel);
  const registry = new Registry();
  const kube = connect(registry, config.kubeconfig);
  let operator: Operator | undefined;
  const stopping = new AbortController();
  const store = new KubeObjectStore(kube.http, {
    cached: (ref) => operator?.caches.get(ref),
    // After a suspension that outlasted the Lease, pending writes would resume before any timer fires.
    mayWrite: () => leading(),
  });
  const start = async () => {
    const name = `${config.leaseName}-admin-key`;
    const adminKey = await readAdminKey(store, { name, namespace: lease.namespace }, log, stopping.signal);
    if (stopping.signal.aborted) return;
    const options = { ...optionsOf(config), store, clock: systemClock, log, registry };
    operator = runOperator({ ...options, ...(adminKey !== undefined && { adminKey }) });
  };
  const lease = { name: config.leaseName, namespace: config.podNamespace || kube.namespace };
  const { leader, unreachable } = election(kube, lease, config.podName, () => void start());
  const leading = () => (config.leaderElection ? leader.leading : true);
  showProgram(registry, leading);
  const admin: AdminServer = await startAdminServer({
    host: config.host,
    port: config.adminPort,
    ...readAdminAccess(config),
    registry,
    live: () => operator?.healthy(),
    // A standby that reads the Lease is ready.
    ready: () => (operator === undefined ? unreachable() : operator.unsynced()),
  });
  log.info({ server: kube.server, admin: admin.port, image: config.defaultImage }, 'operator started');
  if (config.leaderElection) leader.start();
  else await start();
  return {
    async stop() {
      stopping.abort();
      await operator?.stop();
      await leader.stop();
      await admin[Symbol.asyncDispose]();
      kube.http.close();
    },
  };
}

const optionsOf = (config: Config) => ({
  namespaces: namesIn(config.watchNamespaces),
  defaultImage: config.defaultImage,
  redisImage: config.redisImage,
  // Set in a Pod; outside a cluster the operator has no namespace.
  ...(config.podNamespace !== '' && { operatorNamespace: config.podNamespace }),
  scrapeIntervalMs: config.scrapeInterval,
  instance: config.podName,
});

/** @returns the elector, and why a standby is not ready */
function election(
  kube: KubeClient,
  lease: { readonly name: string; readonly namespace: string },
  podName: string,
  onAcquired: () => void,
) {
  const store = new KubeLeaseStore(kube.http, lease);
  let readAt = -Infinity;
  const leader = new LeaderElector({
    store: {
      async get(signal) {
        const found = await store.get(signal);
        readAt = performance.now();
        return found;
      },
      create: store.create.bind(store),
      update: store.update.bind(store),
    },
    // The random part distinguishes containers of the same Pod.
    identity: `${podName}_${randomUUID()}`,
    onAcquired,
    // Another process may lead already: this one must end at once.
    onLost: () => process.exit(1),
    log,
    clock: systemClock,
  });
  const unreachable = () =>
    performance.now() - readAt < LEASE_READ_MS
      ? undefined
      : `the API server ${kube.server} cannot be reached, see the log`;
  return { leader, unreachable };
}

function connect(registry: Registry, kubeconfig: string): KubeClient {
  const metrics = new ApiMetrics(registry);
  try {
    return connectKube(undefined, { onCall: (...call) => metrics.called(...call) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const source = kubeconfig === '' ? '' : ` (KUBECONFIG is ${kubeconfig})`;
    throw new ConfigError(`operator cannot start: ${why}${source}`);
  }
}

await runProgram(() => log, main);
