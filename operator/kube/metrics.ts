/** Metrics of the requests to the API server. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Call } from './request.ts';

export class ApiMetrics {
  readonly #calls: Counter<'verb' | 'resource' | 'code'>;
  readonly #seconds: Histogram<'verb' | 'resource'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#calls = new Counter({
      name: 'ocpp_operator_api_requests_total',
      help: 'Requests to the API server by verb, resource and HTTP status; code "error" means no response',
      labelNames: ['verb', 'resource', 'code'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'ocpp_operator_api_request_seconds',
      help: 'Time until the response of the API server began',
      labelNames: ['verb', 'resource'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30],
      registers,
    });
  }

  /** @param status undefined: no response */
  called(call: Call, status: number | undefined, ms: number): void {
    this.#calls.inc({ ...call, code: status === undefined ? 'error' : String(status) });
    this.#seconds.observe({ ...call }, ms / 1000);
  }
}
