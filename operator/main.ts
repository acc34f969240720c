/** The operator program: an API server, leader election, and the admin port around operator.ts. */
import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { type AdminServer, startAdminServer } from '../services/runtime/admin-server.ts';
import { systemClock } from '../services/runtime/clock.ts';
import { loadConfig } from '../services/runtime/config.ts';
import { runProgram, type Running } from '../services/runtime/lifecycle.ts';
import { createLog, type Log } from '../services/runtime/log.ts';
import { namesIn, operatorSettings } from './config.ts';
import { LeaderElector } from './controller/leader.ts';
import { connectKube } from './kube/client.ts';
import { KubeLeaseStore } from './kube/kube-lease-store.ts';
import { KubeObjectStore } from './kube/kube-object-store.ts';
import { type Operator, runOperator } from './operator.ts';

let log: Log = createLog('operator', 'info');

async function main(): Promise<Running> {
  const config = loadConfig('operator', operatorSettings);
  log = createLog('operator', config.logLevel);
  const registry = new Registry();
  const kube = connectKube();
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
  const leader = new LeaderElector({
    store: new KubeLeaseStore(kube.http, {
      name: config.leaseName,
      namespace: config.podNamespace || kube.namespace,
    }),
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
    // Who waits for the Lease is as ready as it can be.
    ready: () => (operator?.synced() === false ? 'not all lists of the API server were read yet' : undefined),
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

await runProgram(() => log, main);
