/** The operator program: an API server, leader election, and the admin port around operator.ts. */
import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { type AdminServer, startAdminServer } from '../services/runtime/admin-server.ts';
import { systemClock } from '../services/runtime/clock.ts';
import { ConfigError, loadConfig } from '../services/runtime/config.ts';
import { runProgram, type Running } from '../services/runtime/lifecycle.ts';
import { createLog, type Log } from '../services/runtime/log.ts';
import { namesIn, operatorSettings } from './config.ts';
import { LeaderElector } from './controller/leader.ts';
import { connectKube, type KubeClient } from './kube/client.ts';
import { KubeLeaseStore } from './kube/kube-lease-store.ts';
import { KubeObjectStore } from './kube/kube-object-store.ts';
import { ApiMetrics } from './kube/metrics.ts';
import { type Operator, runOperator } from './operator.ts';
import { showProgram } from './program-metrics.ts';

/** A stand-by reads the Lease every 2 s. */
const LEASE_UNREAD_MS = 10_000;

let log: Log = createLog('operator', 'info');

async function main(): Promise<Running> {
  const config = loadConfig('operator', operatorSettings);
  log = createLog('operator', config.logLevel);
  const registry = new Registry();
  const kube = connect(registry);
  let operator: Operator | undefined;
  const store = new KubeObjectStore(kube.http, {
    cached: (ref) => operator?.caches.get(ref),
    // After a pause that outlasted the Lease, what was under way goes on before any timer tells us.
    mayWrite: () => leading(),
  });
  const start = () => {
    operator = runOperator({
      store,
      namespaces: namesIn(config.watchNamespaces),
      defaultImage: config.defaultImage,
      redisImage: config.redisImage,
      // Known in a Pod; from elsewhere we come from no namespace.
      ...(config.podNamespace !== '' && { operatorNamespace: config.podNamespace }),
      scrapeIntervalMs: config.scrapeInterval,
      instance: config.podName,
      clock: systemClock,
      log,
      registry,
    });
  };
  const lease = { name: config.leaseName, namespace: config.podNamespace || kube.namespace };
  const { leader, unread } = election(kube, lease, config.podName, start);
  const leading = () => (config.leaderElection ? leader.leading : operator !== undefined);
  showProgram(registry, leading);
  const admin: AdminServer = await startAdminServer({
    host: config.host,
    port: config.adminPort,
    registry,
    live: () => operator?.healthy(),
    // Who waits for the Lease is as ready as it can be.
    ready: () => (operator === undefined ? unread() : operator.unsynced()),
  });
  log.info({ server: kube.server, admin: admin.port, image: config.defaultImage }, 'operator started');
  if (config.leaderElection) leader.start();
  else start();
  return {
    async stop() {
      await operator?.stop();
      await leader.stop();
      await admin[Symbol.asyncDispose]();
      kube.http.close();
    },
  };
}

/** @returns the elector, and what keeps a stand-by from being ready */
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
    // A restarted container has the Pod's name of the one before it.
    identity: `${podName}_${randomUUID()}`,
    onAcquired,
    // Another may lead already: nothing of this process may go on.
    onLost: () => process.exit(1),
    log,
    clock: systemClock,
  });
  const unread = () =>
    performance.now() - readAt < LEASE_UNREAD_MS
      ? undefined
      : `the API server ${kube.server} cannot be reached, see the log`;
  return { leader, unread };
}

function connect(registry: Registry): KubeClient {
  const metrics = new ApiMetrics(registry);
  try {
    return connectKube(undefined, { onCall: (...call) => metrics.called(...call) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`operator cannot start, it finds no Kubernetes cluster (KUBECONFIG): ${why}`);
  }
}

await runProgram(() => log, main);
