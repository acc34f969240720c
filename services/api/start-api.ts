/** The API with its settings, on its port: in the API program, and in the monolith. */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { ClusterClient } from '../client/cluster-client.ts';
import { sleep, systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { AccessTokens } from './access/access-tokens.ts';
import { createClusterReader } from './cluster/cluster-object.ts';
import {
  type DoorConfig,
  readAccessFiles,
  readClusterPlace,
  readHistoryPlace,
  readWebhooks,
} from './config.ts';
import { sourceOf } from './cloud-event.ts';
import { createHistory } from './history/history.ts';
import { createApiMetrics } from './metrics.ts';
import { createApi } from './server.ts';
import { VERSION } from './version.ts';
import { createWebhookMetrics } from './webhooks/metrics.ts';

/** Between looks for connections that have become idle; ms. */
const LOOK = 100;

export interface ApiParts {
  readonly client: ClusterClient;
  readonly log: Log;
  readonly registry: Registry;
}

export interface StartedApi {
  /** @param graceMs time for requests to finish */
  stop(graceMs: number): Promise<void>;
}

/** Resolves when the port is open. @throws ConfigError */
export async function startApi(
  config: DoorConfig & { readonly host: string },
  { client, log, registry }: ApiParts,
): Promise<StartedApi> {
  const { host, apiPort: port, apiRequestsPerSecond: requestsPerSecond } = config;
  const access = new AccessTokens(readAccessFiles(config), log);
  const place = readClusterPlace(config);
  const readCluster = createClusterReader(place);
  const metrics = createApiMetrics(registry);
  const api = await createApi({
    client,
    access,
    requestsPerSecond,
    log,
    metrics,
    version: VERSION,
    readCluster,
    readHistory: createHistory(readHistoryPlace(config)),
    source: sourceOf(place.url),
    webhooks: {
      settings: readWebhooks(config),
      metrics: createWebhookMetrics(registry, () => systemClock.now()),
    },
  });
  await api.listen({ host, port });
  const problem = await access.problem();
  if (problem !== undefined) log.warn({ problem }, 'every request to the API is refused');
  log.info({ host, port }, 'serving the API');
  return { stop: (graceMs) => stopApi(api, graceMs) };
}

/** No request is cut that can be finished in time: it stops accepting, ends streams and waits of commands, and closes what is left after `graceMs`. */
async function stopApi(api: FastifyInstance, graceMs: number): Promise<void> {
  // A connection that becomes idle after the beginning of the end would stay open, for a request that never comes.
  const idle = setInterval(() => api.server.closeIdleConnections(), LOOK);
  const closed = new AbortController();
  const last = sleep(graceMs, closed.signal).then(() => api.server.closeAllConnections());
  await api.close();
  clearInterval(idle);
  closed.abort();
  await last;
}
