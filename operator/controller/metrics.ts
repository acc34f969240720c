/** What the controller tells Prometheus. docs/operator-metrics.md lists it for people. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Read when Prometheus asks. Ages in ms. */
export interface ControllerReadings {
  readonly depth: () => number;
  /** Reconciles under way, and since when the oldest of them. */
  readonly working: () => { readonly count: number; readonly longestMs: number };
  /** Of each resource, the watch that was silent longest. */
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
      'Time from when an object is due to be reconciled until a worker takes it',
    );
    this.#restarts = new Counter({
      name: 'ocpp_operator_watch_restarts_total',
      help: 'Watches and lists that failed and were begun anew, by resource and reason',
      labelNames: ['resource', 'reason'],
      registers,
    });
    this.#gauges(readings);
  }

  reconciled(result: 'ok' | 'error', ms: number): void {
    this.#reconciles.inc({ result });
    this.#seconds.observe(ms / 1000);
  }

  /** An object waited so long for a worker. */
  taken(waitedMs: number): void {
    this.#waited.observe(waitedMs / 1000);
  }

  watchRestarted(resource: string, reason: string): void {
    this.#restarts.inc({ resource, reason });
  }

  #gauges({ depth, working, lastEventAgesMs, namespaces }: ControllerReadings): void {
    this.#gauge('ocpp_operator_queue_depth', 'Objects that wait to be reconciled', depth);
    this.#gauge('ocpp_operator_reconciles_running', 'Reconciles under way', () => working().count);
    this.#gauge(
      'ocpp_operator_reconcile_longest_running_seconds',
      'How long the oldest reconcile under way has been running; 0 for none',
      () => working().longestMs / 1000,
    );
    this.#gaugeBy(
      'resource',
      'ocpp_operator_watch_last_event_age_seconds',
      'Time since the watches of a resource heard anything of the API server, the most silent one',
      () => [...lastEventAgesMs()].map(([resource, ms]) => [resource, ms / 1000]),
    );
    this.#gaugeBy(
      'namespace',
      'ocpp_operator_namespace_synced',
      'Whether all lists of a watched namespace (empty: all) were read, so that it is worked on: 1, else 0',
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
