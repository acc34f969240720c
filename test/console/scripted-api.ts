/** An API whose status is what a test says: for states of a network that no test can bring about in seconds. */
import { Registry } from 'prom-client';
import { createApiMetrics } from '../../services/api/metrics.ts';
import { createApi } from '../../services/api/server.ts';
import { createWebhookMetrics } from '../../services/api/webhooks/metrics.ts';
import { memoryClient } from '../../services/client/memory-client.ts';
import type { Status } from '../../services/console/network/status.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { memoryLog } from '../support/memory-log.ts';

export type ScriptedStatus = Partial<Omit<Status, 'version' | 'you'>>;

export interface ScriptedApi extends AsyncDisposable {
  readonly url: string;
  /** From now on. */
  show(status: ScriptedStatus): void;
}

export async function startScriptedApi(): Promise<ScriptedApi> {
  let now: ScriptedStatus = {};
  const client = {
    ...memoryClient(createMemoryBus()),
    figures: () => Promise.resolve(now.figures ?? {}),
    processes: () => Promise.resolve(processesOf(now)),
  };
  const api = await createApi({
    client,
    access: { callerOf: () => Promise.resolve({ name: 'test', scope: 'admin' }) },
    requestsPerSecond: 1000,
    log: memoryLog(),
    metrics: createApiMetrics(new Registry()),
    version: '1.2.3',
    webhooks: { settings: [], metrics: createWebhookMetrics(new Registry(), Date.now) },
    readCluster: () => {
      const { cluster, clusterProblem } = now;
      return Promise.resolve({
        ...(cluster && { cluster }),
        ...(clusterProblem !== undefined && { clusterProblem }),
      });
    },
  });
  const url = await api.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    show: (status) => void (now = status),
    [Symbol.asyncDispose]: async () => {
      api.server.closeAllConnections();
      await api.close();
    },
  };
}

function processesOf({ proxies, processors, rates = {}, rollout, figures }: ScriptedStatus) {
  if (proxies === undefined || processors === undefined) return undefined;
  const responseSeconds = figures?.storeResponseSeconds ?? 0.001;
  return { proxies, processors, rates, responseSeconds, ...(rollout && { rollout }) };
}
