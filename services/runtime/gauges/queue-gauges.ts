/**
 * The gauges of the shared queue and store, which each proxy and processor exports. A figure that is not known has no
 * sample: before the first reading, and while the store does not answer. A zero would count as a measurement.
 */
import { Gauge, type Registry } from 'prom-client';
import { METRIC } from '../../contract.ts';

/** As TransportLoad has them; a figure that is left out is not known. */
export interface QueueFigures {
  readonly depth: number;
  readonly oldestSeconds: number;
  readonly inFlight: number;
  readonly deadLetters?: number;
  readonly openCalls?: number;
  readonly memoryShare?: number;
}

type Figure = keyof QueueFigures;

const GAUGES: Readonly<Record<Figure, readonly [name: string, help: string]>> = {
  depth: [METRIC.queueDepth, 'Frames in the queue that no processor has claimed (global)'],
  oldestSeconds: [METRIC.queueOldestSeconds, 'Age in seconds of the oldest frame in the queue (global)'],
  inFlight: [METRIC.queueInFlight, 'Deliveries claimed and not yet acknowledged (global)'],
  deadLetters: [METRIC.deadLetters, 'Dead letters that wait for an operator (global)'],
  openCalls: [METRIC.openCalls, 'Calls to stations that have not ended (global)'],
  memoryShare: [
    METRIC.storeMemoryShare,
    'Share of maxmemory that Redis uses; from 0.85 on further stations are refused (global)',
  ],
};

/**
 * @param more figures beside depth, age and deliveries in flight
 * @param collect runs before each scrape
 * @returns sets all figures; undefined, or a figure left out, removes samples. `at`: time of the reading, ms since 1970
 */
export function createQueueGauges(
  registry: Registry,
  more: readonly Figure[],
  collect?: () => Promise<void>,
): (figures: QueueFigures | undefined, at: number) => void {
  const create = (name: string, help: string) =>
    unknownGauge(registry, name, help, collect === undefined ? {} : { collect });
  const gauges = (['depth', 'oldestSeconds', 'inFlight', ...more] as const).map(
    (figure) => [figure, create(...GAUGES[figure])] as const,
  );
  const sampledAt = create(
    METRIC.queueSampledAt,
    'Time at which these figures were read, seconds since 1970',
  );
  return (figures, at) => {
    for (const [figure, gauge] of gauges) setOrRemove(gauge, figures?.[figure]);
    setOrRemove(sampledAt, figures && at / 1000);
  };
}

/** A gauge without a sample; prom-client starts each at 0, which is not a measurement. */
export function unknownGauge(
  registry: Registry,
  name: string,
  help: string,
  options: { readonly collect?: () => Promise<void> } = {},
): Gauge {
  const gauge = new Gauge({ name, help, registers: [registry], ...options });
  gauge.remove();
  return gauge;
}

function setOrRemove(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}
