/** The API over the memory bus, without a socket: for what needs no cluster. */
import { Registry } from 'prom-client';
import { createApiMetrics } from '../../services/api/metrics.ts';
import { type ApiOptions, createApi } from '../../services/api/server.ts';
import { createWebhookMetrics } from '../../services/api/webhooks/metrics.ts';
import { memoryClient } from '../../services/client/memory-client.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { memoryLog } from '../support/memory-log.ts';

export function memoryApi(
  options: Partial<
    Pick<
      ApiOptions,
      'client' | 'access' | 'streamTimes' | 'requestTimeoutMs' | 'consoleFolder' | 'readHistory'
    >
  > = {},
) {
  const bus = createMemoryBus();
  const api = createApi({
    client: memoryClient(bus),
    access: { callerOf: () => Promise.resolve({ name: 'test', scope: 'admin' }) },
    requestsPerSecond: 1000,
    log: memoryLog(),
    metrics: createApiMetrics(new Registry()),
    version: '1.2.3',
    webhooks: { settings: [], metrics: createWebhookMetrics(new Registry(), Date.now) },
    ...options,
  });
  return { api, state: bus.state };
}
