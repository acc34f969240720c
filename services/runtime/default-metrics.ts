/** The registry of a program's metrics, with the `process_*` and `nodejs_*` of prom-client. */
import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * How often the event loop is sampled; ms. By default prom-client does so 110 times a second, which costs an idle program 2 % of a core. Its
 * percentiles of the lag are intervals of this timer, so they are never below it.
 */
const SAMPLE_MS = 100;

export function createRegistry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({
    register,
    eventLoopMonitoringPrecision: SAMPLE_MS,
    eventLoopUtilizationTimeout: 1000,
  });
  return register;
}
