/** The API over the memory bus, without a socket: for what needs no cluster. */
import { Registry } from 'prom-client';
import { createApiMetrics } from '../../services/api/metrics.ts';
import { createApi } from '../../services/api/server.ts';
import { createClusterClient } from '../../services/client/create-client.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { memoryLog } from '../support/memory-log.ts';

export function memoryApi() {
  const { transport, state, directory } = createMemoryBus();
  const client = createClusterClient({
    calls: transport.calls,
    state,
    lists: state.lists,
    directory,
    load: () => transport.load(),
    close: () => Promise.resolve(),
  });
  return createApi({
    client,
    access: { callerOf: () => Promise.resolve({ name: 'test', scope: 'admin' }) },
    requestsPerSecond: 1000,
    log: memoryLog(),
    metrics: createApiMetrics(new Registry()),
    version: '1.2.3',
  });
}
