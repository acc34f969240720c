/**
 * The bill sink: moves bills, settlements, meter values and reports from Redis to PostgreSQL, each exactly once (docs/bill-sink.md). It is
 * no processor: it claims no message of a station, and stations do not notice whether it runs.
 */
import { createLists } from '../library/transport-factory.ts';
import { startAdminServer } from '../runtime/admin-server.ts';
import { systemClock } from '../runtime/clock.ts';
import { loadConfig } from '../runtime/config.ts';
import { createRegistry } from '../runtime/default-metrics.ts';
import { type Running, runProgram } from '../runtime/lifecycle.ts';
import { LiveSettings } from '../runtime/live-settings.ts';
import { createLog, errorFields } from '../runtime/log.ts';
import { readAdminAccess } from '../runtime/program-settings.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import { redisOptions, redisSettings } from '../runtime/redis-settings.ts';
import { TransportError } from '../transport/errors.ts';
import { checkSink, clusterName, readLoginSettings, sinkSettings } from './config.ts';
import { readLogin } from './login.ts';
import { createSinkMetrics } from './metrics.ts';
import { createObserver } from './observer.ts';
import { runSink } from './sink.ts';
import type { Source } from './stream-reader.ts';

const PROGRAM = 'bill-sink';

let log = createLog(PROGRAM, 'info');

async function main(): Promise<Running> {
  const config = loadConfig(PROGRAM, { ...sinkSettings, ...redisSettings });
  log = createLog(PROGRAM, config.logLevel);
  checkSink(config);
  const settings = new LiveSettings(sinkSettings, config, { folder: config.settingsFolder, log });
  await settings.start();
  const registry = createRegistry();
  const observer = createObserver(log, createSinkMetrics(registry), systemClock);
  const quiet = new QuietLog(log, systemClock);
  const redis = createLists(redisOptions(config), (error) =>
    quiet.warn('connection', errorFields(error), 'error of a connection to Redis'),
  );
  const stopping = new AbortController();
  const { host, adminPort: port } = config;
  const ready = () => (stopping.signal.aborted ? 'stopping' : observer.problem());
  const access = readAdminAccess(config);
  const admin = await startAdminServer({ host, port, registry, live: () => undefined, ready, ...access });
  const cluster = clusterName(config.cluster, config);
  log.info({ host, port: admin.port, redis: config.redisAddr, cluster, schema: config.schema }, 'starting');
  const ended = runSink({
    source: owned(redis, config.clusterId),
    login: () => readLogin(readLoginSettings(config)),
    schema: config.schema,
    cluster,
    keep: config.keep,
    observer,
    signal: stopping.signal,
  });
  return {
    async stop(signal) {
      log.info({ signal }, 'stopping');
      stopping.abort();
      await ended;
      redis.close();
      await admin[Symbol.asyncDispose]();
      settings[Symbol.dispose]();
      log.info({}, 'stopped');
    },
  };
}

/** Refuses the data of another cluster: its bills would be stored under the name of this one. */
function owned({ lists, marker }: Source, clusterId: string): Source {
  return {
    lists,
    async marker() {
      const found = await marker();
      const owner = found?.cluster ?? clusterId;
      if (clusterId !== '' && owner !== clusterId)
        throw new TransportError('prefix-taken', `PrefixTaken: the Redis prefix belongs to cluster ${owner}`);
      return found;
    },
  };
}

await runProgram(() => log, main);
