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
import { type Operator, runOperator } from './operator.ts';

/** A stand-by reads the Lease every 2 s. */
const LEASE_UNREAD_MS = 10_000;

let log: Log = createLog('operator', 'info');

async function main(): Promise<Running> {
  const config = loadConfig('operator', operatorSettings);
  log = createLog('operator', config.logLevel);
  const registry = new Registry();
  const kube = connect();
  let operator: Operator | undefined;
  const store = new KubeObjectStore(kube.http, { cached: (ref) => operator?.caches.get(ref) });
  const start = () => {
    operator = runOperator({
      store,
      namespaces: namesIn(config.watchNamespaces),
      defaultImage: config.defaultImage,
      redisImage: config.redisImage,
      scrapeIntervalMs: config.scrapeInterval,
      instance: config.podName,
      clock: systemClock,
      log,
      registry,
    });
  };
  let leaseReadAt = -Infinity;
  const leases = new KubeLeaseStore(kube.http, {
    name: config.leaseName,
    namespace: config.podNamespace || kube.namespace,
  });
  const leader = new LeaderElector({
    store: {
      async get(signal) {
        const lease = await leases.get(signal);
        leaseReadAt = systemClock.now();
        return lease;
      },
      create: leases.create.bind(leases),
      update: leases.update.bind(leases),
    },
    // A restarted container has the Pod's name of the one before it.
    identity: `${config.podName}_${randomUUID()}`,
    onAcquired: start,
    // Another may lead already: nothing of this process may go on.
    onLost: () => process.exit(1),
    log,
    clock: systemClock,
  });
  const admin: AdminServer = await startAdminServer({
    host: config.host,
    port: config.adminPort,
    registry,
    live: () => operator?.healthy(),
    ready() {
      if (operator !== undefined) {
        return operator.synced() ? undefined : 'not all lists of the API server were read yet';
      }
      // Who waits for the Lease is as ready as it can be.
      const waiting = systemClock.now() - leaseReadAt < LEASE_UNREAD_MS;
      return waiting ? undefined : `the API server ${kube.server} cannot be reached, see the log`;
    },
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

function connect(): KubeClient {
  try {
    return connectKube();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`operator cannot start, it finds no Kubernetes cluster (KUBECONFIG): ${why}`);
  }
}

await runProgram(() => log, main);
