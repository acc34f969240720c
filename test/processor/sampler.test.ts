/** Metrics of the queue, and readiness by the store. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { Registry } from 'prom-client';
import { METRIC } from '../../services/contract.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { createMetrics } from '../../services/processor/metrics.ts';
import { startSampler } from '../../services/processor/sampler.ts';
import { until } from '../support/until.ts';
import { processorOver, Station } from './session.ts';

function valueOf(text: string, metric: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${metric} `) || one.startsWith(`${metric}{`));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
}

const QUEUE = [METRIC.queueDepth, METRIC.queueOldestSeconds, METRIC.queueInFlight, METRIC.queueSampledAt];

test('the time in which the store responds is measured, and absent while it does not respond', async (t) => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const seconds = async () => valueOf(await registry.metrics(), METRIC.storeResponseSeconds);
  const answers = Promise.withResolvers<void>();
  let works = true;
  using sampler = startSampler({
    async load() {
      await answers.promise;
      if (!works) throw new Error('redis: connection refused');
      return { depth: 0, oldestSeconds: 0, inFlight: 0 };
    },
    inFlightSeconds: () => 0,
    inFlightLimit: 100,
    clock: { now: Date.now },
    onLoad: metrics.setLoad,
    onBusy: metrics.addBusy,
  });
  t.is(await seconds(), undefined, 'before the first response');
  await wait(50);
  answers.resolve();
  await until(() => sampler.problem() === undefined, 'a response');
  const first = (await seconds()) ?? 0;
  t.true(first >= 0.045, `it took 50 ms: ${first}`);
  works = false;
  await until(() => sampler.problem() !== undefined, 'a problem');
  t.is(await seconds(), undefined);
});

test('queue metrics are absent while the queue cannot be read: never zero', async (t) => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  let answer: (() => Promise<{ depth: number; oldestSeconds: number; inFlight: number }>) | undefined;
  const scrape = async () => {
    const text = await registry.metrics();
    return QUEUE.map((name) => valueOf(text, name));
  };
  t.deepEqual(await scrape(), [undefined, undefined, undefined, undefined], 'before the first reading');

  using sampler = startSampler({
    load: () => answer?.() ?? Promise.reject(new Error('redis: connection refused')),
    inFlightSeconds: () => (50 * performance.now()) / 1000,
    inFlightLimit: 100,
    clock: { now: () => 1_700_000_000_000 },
    onLoad: metrics.setLoad,
    onBusy: metrics.addBusy,
  });
  await until(
    () => sampler.problem() === 'the queue cannot be read from the store: redis: connection refused',
    'the words of the store',
  );

  answer = async () => ({ depth: 12, oldestSeconds: 0.5, inFlight: 0 });
  await until(() => sampler.problem() === undefined, 'no problem');
  t.deepEqual(await scrape(), [12, 0.5, 0, 1_700_000_000]);

  // The store hangs without an error.
  answer = () => new Promise(() => undefined);
  await until(() => sampler.problem()?.endsWith('no response within 2 s') === true, 'the problem');
  t.deepEqual(await scrape(), [undefined, undefined, undefined, undefined]);
  answer = async () => ({ depth: 0, oldestSeconds: 0, inFlight: 0 });
  await until(() => sampler.problem() === undefined, 'no problem');
  t.deepEqual(await scrape(), [0, 0, 0, 1_700_000_000]);

  const busy = valueOf(await registry.metrics(), METRIC.processorBusySeconds) ?? 0;
  t.true(busy >= 0.5, `half-full hands are half busy: ${busy}`);
});

test('deliveries in flight are integrated over time, also one that has not ended', async (t) => {
  const bus = createMemoryBus();
  const held = Promise.withResolvers<void>();
  const slow = async () => {
    await held.promise;
    return { response: {} };
  };
  await using processor = processorOver(bus.transport, { ...HANDLERS, 'ocpp1.6': { Heartbeat: slow } });
  await using gateway = bus.gateway('proxy');
  await Promise.all([processor.start(), gateway.start()]);
  t.is(processor.inFlightSeconds(), 0);
  for (const name of ['CP-1', 'CP-2']) {
    const station = await Station.connect(gateway, name, 'ocpp1.6');
    void station.call('Heartbeat', {}).catch(() => undefined);
  }
  await until(() => processor.inFlight() === 2, 'both in flight');
  const before = processor.inFlightSeconds();
  await wait(100);
  const grown = processor.inFlightSeconds() - before;
  t.true(grown >= 0.19, `two for 0.1 s: ${grown}`);
  held.resolve();
  await until(() => processor.inFlight() === 0, 'none in flight');
  const after = processor.inFlightSeconds();
  await wait(20);
  t.is(processor.inFlightSeconds(), after);
});

test('deliveries are counted by outcome, without a station label', async (t) => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  metrics.handled('result', 0.001);
  metrics.handled('result', 0.001);
  metrics.handled('error', 0.001);
  metrics.handled('none', 0.001);
  metrics.handlerFailed('failed');
  metrics.handlerFailed('timeout');
  const text = await registry.metrics();
  t.regex(text, /ocpp_processor_completed_total\{outcome="result"\} 2/);
  t.regex(text, /ocpp_processor_completed_total\{outcome="error"\} 1/);
  t.regex(text, /ocpp_processor_completed_total\{outcome="none"\} 1/);
  t.is(valueOf(text, 'ocpp_processor_service_seconds_count'), 4);
  t.regex(text, /ocpp_processor_handler_errors_total\{reason="failed"\} 1/);
  t.regex(text, /ocpp_processor_handler_errors_total\{reason="timeout"\} 1/);
});
