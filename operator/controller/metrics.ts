/** What the controller tells Prometheus. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface ControllerReadings {
  readonly depth: () => number;
  /** Of the watch that was silent longest. */
  readonly lastEventAgeMs: () => number;
}

export class ControllerMetrics {
  readonly #reconciles: Counter<'result'>;
  readonly #seconds: Histogram;
  readonly #restarts: Counter<'resource'>;

  constructor(registry: Registry, readings: ControllerReadings) {
    const registers = [registry];
    this.#reconciles = new Counter({
      name: 'ocpp_operator_reconciles_total',
      help: 'Reconciles by result (ok, error)',
      labelNames: ['result'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'ocpp_operator_reconcile_seconds',
      help: 'Duration of a reconcile',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    });
    this.#restarts = new Counter({
      name: 'ocpp_operator_watch_restarts_total',
      help: 'Watches and lists that failed and were begun anew',
      labelNames: ['resource'],
      registers,
    });
    const depth: Gauge = new Gauge({
      name: 'ocpp_operator_queue_depth',
      help: 'Objects that wait to be reconciled',
      registers,
      collect: () => depth.set(readings.depth()),
    });
    const age: Gauge = new Gauge({
      name: 'ocpp_operator_watch_last_event_age_seconds',
      help: 'Time since the most silent watch heard anything of the API server',
      registers,
      collect: () => age.set(readings.lastEventAgeMs() / 1000),
    });
  }

  reconciled(result: 'ok' | 'error', ms: number): void {
    this.#reconciles.inc({ result });
    this.#seconds.observe(ms / 1000);
  }

  watchRestarted(resource: string): void {
    this.#restarts.inc({ resource });
  }
}
