/**
 * The metrics of a processor, for Prometheus and the operator's autoscaler (docs/metrics.md). Labels are bound once,
 * not looked up per message, and a station's identity is never one of them.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRIC } from '../contract.ts';
import { createQueueGauges, unknownGauge } from '../runtime/gauges/queue-gauges.ts';
import { type AppliedSettings, createSettingsGauges } from '../runtime/gauges/settings-gauges.ts';
import { createStoreGauges, type StoreFigures } from '../runtime/gauges/store-gauges.ts';
import type { Webhook } from '../runtime/webhook.ts';
import type { StreamSize } from '../transport/transport.ts';
import type { Reading } from './sampler.ts';
import type { DecisionObserver } from '../csms/decisions/decisions.ts';
import type { ProcessorObserver } from '../csms/processor.ts';

export interface ProcessorMetrics extends ProcessorObserver, DecisionObserver {
  /** `undefined` removes the queue's gauges: a figure that could not be read is absent, never 0. */
  readonly setLoad: (load: Reading | undefined, at: number) => void;
  readonly addBusy: (seconds: number) => void;
  /** Read at each scrape: the number of deliveries that this processor handles. */
  readonly countInFlight: (inFlight: () => number) => void;
  /** Read at each scrape: about how many bills the stream keeps; `undefined` is absent. */
  readonly boundBills: (bound: () => number | undefined) => void;
  /** Read at each scrape: the circuit breakers of the webhooks, by name. */
  readonly countWebhooks: (webhooks: ReadonlyMap<string, Pick<Webhook, 'state'>>) => void;
  /** Read at each scrape: when the certificate of the internal authority expires, ms since 1970; `undefined` is absent. */
  readonly readAuthorityExpiry: (expiry: () => Promise<number | undefined>) => void;
  readonly readStoreExpiry: (expiry: () => Promise<number | undefined>) => void;
  /** `undefined` removes the counter: throttling that could not be read is absent, never 0. */
  readonly addThrottled: (seconds: number | undefined) => void;
}

/** From a Heartbeat that touches nothing to a store that answers slowly; seconds. */
const SERVICE_TIME_BUCKETS = [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];

export function createMetrics(
  registry: Registry,
  store: () => StoreFigures | undefined = () => undefined,
  applied?: AppliedSettings,
): ProcessorMetrics {
  const registers = [registry];
  const completed = new Counter({
    name: METRIC.processorCompleted,
    help: 'Handled deliveries, by kind of response',
    labelNames: ['outcome'],
    registers,
  });
  const byOutcome = {
    result: completed.labels('result'),
    error: completed.labels('error'),
    none: completed.labels('none'),
  };
  const busy = new Counter({
    name: METRIC.processorBusySeconds,
    help: 'Seconds busy: each second the greater of event-loop utilization and mean share of OCPP_CONCURRENCY in flight',
    registers,
  });
  const throttled = unknownCounter(
    registry,
    METRIC.processorThrottledSeconds,
    'Seconds that the CPU limit of the container stopped it, at most the time that passed',
  );
  const storeResponse = unknownGauge(
    registry,
    METRIC.storeResponseSeconds,
    'Seconds in which Redis answered the last reading of the queue',
  );
  const failures = new Counter({
    name: METRIC.processorHandlerErrors,
    help: 'Handlers that failed or exceeded OCPP_HANDLER_TIMEOUT',
    labelNames: ['reason'],
    registers,
  });
  const byReason = { failed: failures.labels('failed'), timeout: failures.labels('timeout') };
  // Prometheus sees no first increase of a series that was not there.
  for (const child of Object.values(byReason)) child.inc(0);
  const serviceTime = new Histogram({
    name: 'ocpp_processor_service_seconds',
    help: 'Time from the start of a delivery to its outcome',
    buckets: SERVICE_TIME_BUCKETS,
    registers,
  });
  const repaired = new Counter({
    name: 'ocpp_messages_repaired_total',
    help: 'Messages of stations that were repaired, by kind of repair',
    labelNames: ['kind'],
    registers,
  });
  const refused = new Counter({
    name: 'ocpp_messages_refused_total',
    help: 'Messages of stations that could not be understood',
    registers,
  });
  const abandoned = new Counter({
    name: 'ocpp_transactions_abandoned_total',
    help: 'Silent transactions that this processor closed as abandoned',
    registers,
  });
  const handedOver = new Counter({
    name: METRIC.processorHandedOver,
    help: 'Deliveries that failed here and were handed over to processors of another release',
    registers,
  });
  const certificates = new Counter({
    name: 'ocpp_station_certificates_total',
    help: 'Requests of stations for certificates: signed, installed, refused, failed, or retried as the authority was away',
    labelNames: ['result'],
    registers,
  });
  const decided = decisionMetrics(registry);
  const setFigures = createQueueGauges(registry, ['deadLetters', 'openCalls']);
  const transactions = transactionGauges(registry);
  const bills = billGauges(registry);
  createStoreGauges(registry, store);
  createSettingsGauges(registry, applied);

  return {
    handled(outcome, seconds) {
      byOutcome[outcome].inc();
      serviceTime.observe(seconds);
    },
    handlerFailed: (reason) => byReason[reason].inc(),
    repaired(kinds) {
      for (const kind of kinds) repaired.inc({ kind });
    },
    refused: () => refused.inc(),
    handedOver: () => handedOver.inc(),
    decided,
    certificate: (result) => certificates.inc({ result }),
    swept(result) {
      abandoned.inc(result.abandoned);
      transactions.open.set(result.open);
      transactions.silent.set(result.silent);
    },
    addBusy: (seconds) => busy.inc(seconds),
    countInFlight(inFlight) {
      void new Gauge({
        name: METRIC.processorInFlight,
        help: 'Deliveries that this processor is handling',
        registers,
        collect() {
          this.set(inFlight());
        },
      });
    },
    boundBills: bills.readBound,
    countWebhooks: webhookGauge(registry),
    readAuthorityExpiry: expiryGauge(
      registry,
      METRIC.authorityExpiry,
      'When the certificate of the internal authority expires, seconds since 1970',
    ),
    readStoreExpiry: expiryGauge(
      registry,
      METRIC.storeCertificateExpiry,
      'When the certificate that Redis shows expires, seconds since 1970 (global)',
    ),
    addThrottled(seconds) {
      if (seconds === undefined) throttled.remove();
      else throttled.inc(seconds);
    },
    setLoad(load, at) {
      setFigures(load, at);
      if (load?.openTransactions !== undefined) transactions.open.set(load.openTransactions);
      else transactions.open.remove();
      bills.set(load?.bills, at);
      if (load?.responseSeconds !== undefined) storeResponse.set(load.responseSeconds);
      else storeResponse.remove();
      if (load === undefined) transactions.silent.remove();
    },
  };
}

/** A counter without a sample, for a figure that the system may not have. */
function unknownCounter(registry: Registry, name: string, help: string): Counter {
  const counter = new Counter({ name, help, registers: [registry] });
  counter.remove();
  return counter;
}

function decisionMetrics(registry: Registry): DecisionObserver['decided'] {
  const decisions = new Counter({
    name: METRIC.decisions,
    help: 'Decisions asked of the decider, by action and result',
    labelNames: ['action', 'result'],
    registers: [registry],
  });
  const time = new Histogram({
    name: 'ocpp_decision_seconds',
    help: 'Time that the decider took, or failed in',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return (action, result, seconds) => {
    decisions.inc({ action, result });
    if (seconds !== undefined) time.observe(seconds);
  };
}

/** @returns sets the webhooks, which are read at each scrape */
function webhookGauge(registry: Registry) {
  let webhooks: ReadonlyMap<string, Pick<Webhook, 'state'>> = new Map();
  void new Gauge({
    name: 'ocpp_webhook_open',
    help: '1 while a webhook is not asked, as it failed repeatedly',
    labelNames: ['webhook'],
    registers: [registry],
    collect() {
      for (const [webhook, { state }] of webhooks) this.set({ webhook }, state === 'closed' ? 0 : 1);
    },
  });
  return (of: typeof webhooks) => void (webhooks = of);
}

/** @returns sets what is read at each scrape, in ms since 1970 */
function expiryGauge(registry: Registry, name: string, help: string) {
  let expiry: () => Promise<number | undefined> = () => Promise.resolve(undefined);
  const gauge = unknownGauge(registry, name, help, {
    async collect() {
      const at = await expiry();
      if (at === undefined) gauge.remove();
      else gauge.set(at / 1000);
    },
  });
  return (of: typeof expiry) => void (expiry = of);
}

/** The stream of bills: those that are stored, the age of the oldest one, and its bound. */
function billGauges(registry: Registry) {
  let bound: () => number | undefined = () => undefined;
  const stored = unknownGauge(registry, METRIC.billsStored, 'Length of the stream of bills (global)');
  const oldest = unknownGauge(
    registry,
    'ocpp_bills_oldest_seconds',
    'Age in seconds of the oldest bill in the stream (global)',
  );
  const limit = unknownGauge(
    registry,
    METRIC.billsBound,
    'About how many bills the stream keeps before the oldest are dropped; absent where a bill sink trims it',
    {
      async collect() {
        const now = bound();
        if (now === undefined) limit.remove();
        else limit.set(now);
      },
    },
  );
  return {
    readBound: (of: typeof bound) => void (bound = of),
    set(size: StreamSize | undefined, at: number) {
      if (size === undefined) stored.remove();
      else stored.set(size.length);
      if (size?.oldestAt === undefined) oldest.remove();
      else oldest.set(Math.max(0, (at - size.oldestAt) / 1000));
    },
  };
}

function transactionGauges(registry: Registry) {
  return {
    open: unknownGauge(registry, METRIC.transactionsOpen, 'Open transactions in the whole cluster'),
    silent: unknownGauge(
      registry,
      'ocpp_transactions_silent',
      'Open transactions without a message for longer than OCPP_TRANSACTION_REPORT_AFTER, in the whole cluster',
    ),
  };
}
