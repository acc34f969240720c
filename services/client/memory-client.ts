/** The client of a memory bus: what connect.ts is for Redis. No message becomes a dead letter there. */
import type { MemoryBus } from '../transport/memory/bus.ts';
import type { ClusterClient } from './cluster-client.ts';
import { createClusterClient } from './create-client.ts';

/** Closing it leaves the bus as it is. */
export function memoryClient({ transport, state, directory }: MemoryBus): ClusterClient {
  const { calls, load } = transport;
  return createClusterClient({
    calls,
    load,
    state,
    lists: state.lists,
    directory,
    close: async () => undefined,
  });
}
