/** The metrics of the API program (docs/metrics.md). Neither a station nor a path is ever a label. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface ApiMetrics {
  /** @param operation id of the operation; `none` for a path that has none */
  answered(operation: string, status: number, seconds: number): void;
  auditFailed(): void;
  /** Read at each scrape. */
  countStreams(open: () => number): void;
}

/** A command may wait for a minute; seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60];

export function createApiMetrics(registry: Registry): ApiMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'ocpp_api_requests_total',
    help: 'Requests that were answered, by operation and HTTP status',
    labelNames: ['operation', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'ocpp_api_request_seconds',
    help: 'Time from a request to its response, by operation; streams of events do not count',
    labelNames: ['operation'],
    buckets: BUCKETS,
    registers,
  });
  const failures = new Counter({
    name: 'ocpp_api_audit_failures_total',
    help: 'Entries of the audit that could not be stored',
    registers,
  });
  return {
    answered(operation, status, took) {
      requests.inc({ operation, status });
      seconds.observe({ operation }, took);
    },
    auditFailed: () => failures.inc(),
    countStreams(open) {
      void new Gauge({
        name: 'ocpp_api_streams',
        help: 'Open streams of events',
        registers,
        collect() {
          this.set(open());
        },
      });
    },
  };
}
