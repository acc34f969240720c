/** The ws-proxy program: it connects the WebSockets of stations to Redis. */
import { loadConfig } from '../runtime/config.ts';
import { LiveSettings } from '../runtime/live-settings.ts';
import { type Running, runProgram } from '../runtime/lifecycle.ts';
import { createLog } from '../runtime/log.ts';
import { redisOptions, redisSettings } from '../runtime/redis-settings.ts';
import { startTracing } from '../runtime/tracing/start-tracing.ts';
import { createGateway } from '../library/transport-factory.ts';
import { tracedProxySettings } from './config.ts';
import { Proxy } from './proxy.ts';

const PROGRAM = 'ws-proxy';

let log = createLog(PROGRAM, 'info');

async function main(): Promise<Running> {
  const config = loadConfig(PROGRAM, { ...tracedProxySettings, ...redisSettings });
  log = createLog(PROGRAM, config.logLevel);
  const settings = new LiveSettings(tracedProxySettings, config, { folder: config.settingsFolder, log });
  await settings.start();
  const { podName: name, ocppGoInterop } = config;
  const tracing = await startTracing({ program: PROGRAM, config, log });
  const calls = tracing?.calls(() => settings.values.traceShare);
  const gateway = createGateway({ kind: 'redis', name, ocppGoInterop, ...redisOptions(config) });
  const proxy = new Proxy(settings.values, gateway, log, settings, calls);
  tracing?.register(proxy.registry);
  await proxy.start();
  return {
    async stop(signal) {
      await proxy.stop(signal);
      await tracing?.stop();
    },
  };
}

await runProgram(() => log, main);
