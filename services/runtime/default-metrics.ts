/** The registry of a program's metrics, with the `process_*` and `nodejs_*` of prom-client. */
import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * Between two looks at the event loop; ms. By default prom-client looks 110 times a second, which costs an idle program 2 % of a core.
 * Its metrics of the lag are the time between two looks, so they are never below this.
 */
const LOOK_MS = 100;

export function createRegistry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({
    register,
    eventLoopMonitoringPrecision: LOOK_MS,
    eventLoopUtilizationTimeout: 1000,
  });
  return register;
}
