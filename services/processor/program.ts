/**
 * The processor program: claims the messages of stations from Redis, answers them with the given handlers, and exports
 * health and metrics. An image with custom handlers runs it with them (examples/own-handlers).
 */
import { PROTOCOLS } from '../ocpp/frame.ts';
import { warmUp } from '../ocpp/schema.ts';
import { startAdminServer } from '../runtime/admin-server.ts';
import { systemClock } from '../runtime/clock.ts';
import { loadConfig } from '../runtime/config.ts';
import { createRegistry } from '../runtime/default-metrics.ts';
import { LiveSettings } from '../runtime/live-settings.ts';
import { type Running, runProgram } from '../runtime/lifecycle.ts';
import { createLog } from '../runtime/log.ts';
import { readAdminAccess } from '../runtime/program-settings.ts';
import { redisOptions, redisSettings } from '../runtime/redis-settings.ts';
import { startTracing } from '../runtime/tracing/start-tracing.ts';
import { certificateExpiry } from '../transport/redis/connection/connection.ts';
import { createTransport } from '../library/transport-factory.ts';
import {
  processorSettings,
  readHandlerSettings,
  readHandlerTimeout,
  readTransactionPolicy,
} from './config.ts';
import { createProviders } from './providers.ts';
import type { HandlerTable } from '../csms/handler.ts';
import { createMetrics } from './metrics.ts';
import { createProcessor } from '../csms/processor.ts';
import { BILLS, BILLS_KEPT } from '../csms/transactions/bill.ts';
import { OPEN_TRANSACTIONS } from '../csms/transactions/register.ts';
import { serveLastStations } from './last-stations.ts';
import { StoreCertificate } from './store-certificate.ts';
import { startSampler } from './sampler.ts';
import { throttlingMeter } from './throttling.ts';

const PROGRAM = 'processor';

let log = createLog(PROGRAM, 'info');

/** Runs until a signal stops it. Configured by environment variables; `--help` prints them. */
export function runProcessor(handlers: HandlerTable): Promise<void> {
  return runProgram(
    () => log,
    () => main(handlers),
  );
}

async function main(handlers: HandlerTable): Promise<Running> {
  const config = loadConfig(PROGRAM, { ...processorSettings, ...redisSettings });
  log = createLog(PROGRAM, config.logLevel);
  const settings = new LiveSettings(processorSettings, config, { folder: config.settingsFolder, log });
  await settings.start();
  const registry = createRegistry();
  const { podName: name, release, concurrency: maxInFlight } = config;
  const traces = await startTracing({ program: PROGRAM, config, log });
  traces?.register(registry);
  const tracing = traces?.deliveries();
  const options = { name, release, maxInFlight, tracing, ...redisOptions(config) };
  const transport = createTransport({ kind: 'redis', ...options });
  const store = () => transport.store?.();
  const handlerTimeoutMs = readHandlerTimeout(config);
  const metrics = createMetrics(registry, store, settings);
  const ofDecisions = { config: settings.values, concurrency: maxInFlight, log, observer: metrics };
  const providers = createProviders(config, handlerTimeoutMs, systemClock, ofDecisions);
  metrics.countWebhooks(providers.webhooks);
  if (providers.authorityExpiry !== undefined) metrics.readAuthorityExpiry(providers.authorityExpiry);
  const { redis } = redisOptions(config);
  const storeCertificate = redis.tls && new StoreCertificate(certificateExpiry(redis, redis.tls));
  if (storeCertificate !== undefined) metrics.readStoreExpiry(async () => storeCertificate.expires);
  const processor = createProcessor({
    transport,
    handlers,
    settings: readHandlerSettings(settings.values),
    handlerTimeoutMs,
    providers,
    transactionPolicy: readTransactionPolicy(settings.values),
    clock: systemClock,
    log,
    observer: metrics,
  });

  metrics.boundBills(() => (settings.values.billSink ? undefined : BILLS_KEPT));
  metrics.countInFlight(() => processor.inFlight());

  let stopping = false;
  let phase: string | undefined = 'starting: waiting for Redis';
  const sampler = startSampler({
    load: async () => {
      const open = transport.state.size(OPEN_TRANSACTIONS);
      const stored = transport.state.streamSize(BILLS);
      const [load, openTransactions, bills] = await Promise.all([transport.load(), open, stored]);
      return { ...load, openTransactions, bills };
    },
    inFlightSeconds: () => processor.inFlightSeconds(),
    inFlightLimit: maxInFlight,
    clock: systemClock,
    onLoad: metrics.setLoad,
    onBusy: metrics.addBusy,
    throttled: throttlingMeter(),
    onThrottled: metrics.addThrottled,
  });
  const { host, adminPort: port } = config;
  const unready = () => phase ?? sampler.problem();
  // The cause, where there is one: what follows is that the queue cannot be read.
  const ready = () => (unready() === undefined ? undefined : (store()?.problem?.message ?? unready()));
  const access = readAdminAccess(config);
  const admin = await startAdminServer({ host, port, registry, live: () => undefined, ready, ...access });
  log.info({ host, port: admin.port, redis: config.redisAddr }, 'starting');

  warmUp(PROTOCOLS);
  // Not awaited: it waits for Redis, and a signal must be able to stop the program meanwhile.
  void processor.start().then(() => {
    if (stopping) return;
    phase = undefined;
    log.info({}, 'processing messages');
  });
  return {
    async stop(signal) {
      stopping = true;
      phase = 'stopping';
      log.info({ signal, inFlight: processor.inFlight() }, 'stopping');
      await serveLastStations(async () => transport.isEnding?.() ?? false, config.lastStations);
      await processor.stop(config.stopGrace);
      sampler[Symbol.dispose]();
      storeCertificate?.[Symbol.dispose]();
      providers[Symbol.dispose]();
      await traces?.stop();
      await admin[Symbol.asyncDispose]();
      settings[Symbol.dispose]();
      log.info({}, 'stopped');
    },
  };
}
