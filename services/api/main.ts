/**
 * The API program: the HTTP API over Redis, and health and metrics on the admin port. It is no process of the data path: it can stop and
 * start at any time, and commands that it sent go on in the cluster.
 */
import { readFile } from 'node:fs/promises';
import type { ClusterClient } from '../client/cluster-client.ts';
import { connect } from '../client/connect.ts';
import { startAdminServer } from '../runtime/admin-server.ts';
import { sleep, systemClock } from '../runtime/clock.ts';
import { ConfigError, loadConfig } from '../runtime/config.ts';
import { createRegistry } from '../runtime/default-metrics.ts';
import { type Running, runProgram } from '../runtime/lifecycle.ts';
import { LiveSettings } from '../runtime/live-settings.ts';
import { createLog, errorFields } from '../runtime/log.ts';
import { readAdminAccess } from '../runtime/program-settings.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import { redisOptions } from '../runtime/redis-settings.ts';
import {
  type ApiConfig,
  apiSettings,
  readAccessFiles,
  readClusterPlace,
  readHistoryPlace,
  readWebhooks,
} from './config.ts';
import { startApi } from './start-api.ts';

const PROGRAM = 'api';
/** Between attempts to reach Redis at the start; ms. */
const RETRY = 1000;

let log = createLog(PROGRAM, 'info');

async function main(): Promise<Running> {
  const config = loadConfig(PROGRAM, apiSettings);
  log = createLog(PROGRAM, config.logLevel);
  const settings = new LiveSettings(apiSettings, config, { folder: config.settingsFolder, log });
  await settings.start();
  // Before it waits for Redis: a bad setting ends the program at once.
  readAccessFiles(config);
  readClusterPlace(config);
  readHistoryPlace(config);
  readWebhooks(config);
  const registry = createRegistry();
  let phase: string | undefined = 'starting: waiting for Redis';
  const { host, adminPort } = config;
  const live = () => undefined;
  const admin = await startAdminServer({
    host,
    port: adminPort,
    registry,
    live,
    ready: () => phase,
    ...readAdminAccess(config),
  });
  log.info({ host, port: admin.port, redis: config.redisAddr }, 'starting');
  const client = await connectWhenReachable(config);
  const api = await startApi(config, { client, log, registry });
  phase = undefined;
  return {
    async stop(signal) {
      phase = 'stopping';
      log.info({ signal }, 'stopping');
      await api.stop(config.stopGrace);
      await client.close();
      await admin[Symbol.asyncDispose]();
      settings[Symbol.dispose]();
      log.info({}, 'stopped');
    },
  };
}

/** Rejects for settings that are wrong; waits for a Redis that is not there. */
async function connectWhenReachable(config: ApiConfig): Promise<ClusterClient> {
  const quiet = new QuietLog(log, systemClock);
  const { redis, channelPrefix, stateKeyPrefix } = redisOptions(config);
  const onError = (error: Error) =>
    quiet.warn(error.message, errorFields(error), 'connection to Redis failed');
  const options = {
    channelPrefix,
    ...(stateKeyPrefix !== undefined && { stateKeyPrefix }),
    ...(config.passwordKeyFile !== '' && { passwordKey: await readKey(config.passwordKeyFile) }),
    onError,
  };
  for (;;) {
    try {
      return await connect(redis, options);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'store-unavailable')) throw error;
      quiet.warn('connect', errorFields(error), 'Redis is not reachable yet');
      await sleep(RETRY);
    }
  }
}

async function readKey(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`the key of the stored passwords cannot be read: ${(error as Error).message}`);
  }
}

await runProgram(() => log, main);
