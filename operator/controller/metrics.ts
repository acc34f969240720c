/** Metrics of the controller, documented in docs/operator-metrics.md. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Read at each scrape. Ages in ms. */
export interface ControllerReadings {
  readonly depth: () => number;
  /** Running reconciles, and the age of the oldest. */
  readonly working: () => { readonly count: number; readonly longestMs: number };
  /** Age of the last event of each resource, from its most silent watch. */
  readonly lastEventAgesMs: () => ReadonlyMap<string, number>;
  /** Namespace (empty: all) → whether all of its lists were read. */
  readonly namespaces: () => ReadonlyMap<string, boolean>;
}

const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 30];

export class ControllerMetrics {
  readonly #registry: Registry;
  readonly #reconciles: Counter<'result'>;
  readonly #seconds: Histogram;
  readonly #waited: Histogram;
  readonly #restarts: Counter<'resource' | 'reason'>;

  constructor(registry: Registry, readings: ControllerReadings) {
    this.#registry = registry;
    const registers = [registry];
    this.#reconciles = new Counter({
      name: 'ocpp_operator_reconciles_total',
      help: 'Reconciles by result (ok, error)',
      labelNames: ['result'],
      registers,
    });
    this.#seconds = this.#histogram('ocpp_operator_reconcile_seconds', 'Duration of a reconcile');
    this.#waited = this.#histogram(
      'ocpp_operator_queue_seconds',
      'Time from when an object is due until a worker reconciles it',
    );
    this.#restarts = new Counter({
      name: 'ocpp_operator_watch_restarts_total',
      help: 'Watches and lists that failed and were restarted, by resource and reason',
      labelNames: ['resource', 'reason'],
      registers,
    });
    this.#gauges(readings);
  }

  reconciled(result: 'ok' | 'error', ms: number): void {
    this.#reconciles.inc({ result });
    this.#seconds.observe(ms / 1000);
  }

  /** An object waited this long for a worker. */
  taken(waitedMs: number): void {
    this.#waited.observe(waitedMs / 1000);
  }

  watchRestarted(resource: string, reason: string): void {
    this.#restarts.inc({ resource, reason });
  }

  #gauges({ depth, working, lastEventAgesMs, namespaces }: ControllerReadings): void {
    this.#gauge('ocpp_operator_queue_depth', 'Objects waiting to be reconciled', depth);
    this.#gauge('ocpp_operator_reconciles_running', 'Running reconciles', () => working().count);
    this.#gauge(
      'ocpp_operator_reconcile_longest_running_seconds',
      'Age of the oldest running reconcile; 0 for none',
      () => working().longestMs / 1000,
    );
    this.#gaugeBy(
      'resource',
      'ocpp_operator_watch_last_event_age_seconds',
      'Time since the last sign of the API server on the most silent watch of a resource',
      () => [...lastEventAgesMs()].map(([resource, ms]) => [resource, ms / 1000]),
    );
    this.#gaugeBy(
      'namespace',
      'ocpp_operator_namespace_synced',
      '1 when all lists of a watched namespace (empty: all) were read, so that it is reconciled; else 0',
      () => [...namespaces()].map(([namespace, synced]) => [namespace, synced ? 1 : 0]),
    );
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({ name, help, buckets: BUCKETS, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(read()),
    });
  }

  #gaugeBy(label: string, name: string, help: string, read: () => readonly (readonly [string, number])[]) {
    const gauge: Gauge<string> = new Gauge<string>({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        gauge.reset();
        for (const [value, number] of read()) gauge.set({ [label]: value }, number);
      },
    });
  }
}
