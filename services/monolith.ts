/**
 * Proxy and processor in one process, joined by memory: the same station endpoint, rules and handlers without Redis.
 * For development, demonstrations and tests: all data is lost when the process ends.
 */
import { BUILT_IN } from './library/profile.ts';
import { newDispatcher, newServerWithTransport } from './library/server.ts';
import { loadConfig } from './runtime/config.ts';
import { LiveSettings } from './runtime/live-settings.ts';
import { type Running, runProgram } from './runtime/lifecycle.ts';
import { createLog } from './runtime/log.ts';
import { warmUp } from './ocpp/schema.ts';
import {
  handlerSettings,
  readHandlerSettings,
  readHandlerTimeout,
  readTransactionPolicy,
} from './processor/config.ts';
import { createMemoryBus } from './transport/memory/bus.ts';
import { MemoryServerState } from './transport/pending-requests.ts';
import { readProtocols } from './station-server/admission.ts';
import { proxySettings } from './ws-proxy/config.ts';
import { Proxy } from './ws-proxy/proxy.ts';
import { doorSettings, hasAccess } from './api/config.ts';
import { startApi } from './api/start-api.ts';
import { memoryClient } from './client/memory-client.ts';

const settings = {
  ...proxySettings,
  ...handlerSettings,
  ...doorSettings,
  // There is no Service whose endpoints have to propagate.
  drainPropagation: { ...proxySettings.drainPropagation, default: 0 },
} as const;

/** Time for requests of the API to finish; ms. */
const API_GRACE = 2000;

let log = createLog('monolith', 'info');

async function main(): Promise<Running> {
  const config = loadConfig('monolith', settings);
  log = createLog('monolith', config.logLevel);
  const live = new LiveSettings(settings, config, { folder: config.settingsFolder, log });
  await live.start();
  const bus = createMemoryBus();
  const dispatcher = newDispatcher({
    settings: readHandlerSettings(live.values),
    handlerTimeoutMs: readHandlerTimeout(config),
    transactionPolicy: readTransactionPolicy(live.values),
    log,
  });
  const server = newServerWithTransport(bus.transport, dispatcher, new MemoryServerState(), ...BUILT_IN);
  const proxy = new Proxy(live.values, bus.gateway(config.podName), log, live);
  warmUp(readProtocols(config.protocols));
  await server.start();
  await proxy.start();
  const api = hasAccess(config)
    ? await startApi(config, { client: memoryClient(bus), log, registry: proxy.registry })
    : undefined;
  return {
    async stop(signal) {
      await api?.stop(API_GRACE);
      // The proxy first: the processor answers the CALLs that it waits for.
      await proxy.stop(signal);
      await server.stop();
    },
  };
}

await runProgram(() => log, main);
