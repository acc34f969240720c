/**
 * Samples the process and its store once a second: how busy the process is, how long the queue is, and whether the
 * store responds, which decides readiness.
 */
import { performance } from 'node:perf_hooks';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { StreamSize, TransportLoad } from '../transport/transport.ts';

/** A reading of the store. */
export interface Reading extends TransportLoad {
  readonly openTransactions?: number;
  readonly bills?: StreamSize;
  /** How long the reading took, s. */
  readonly responseSeconds?: number;
}

export interface SamplerOptions {
  readonly load: () => Promise<Reading>;
  /** Deliveries in flight, integrated over time; s. A reading now and then would be 0 or 1 where the limit is 1. */
  readonly inFlightSeconds: () => number;
  /** The most deliveries that may be in flight. */
  readonly inFlightLimit: number;
  readonly clock: Clock;
  readonly onLoad: (load: Reading | undefined, at: number) => void;
  readonly onBusy: (seconds: number) => void;
  /** Seconds that the CPU limit stopped this process since the last call; undefined: not known. */
  readonly throttled?: () => number | undefined;
  readonly onThrottled?: (seconds: number | undefined) => void;
}

export interface Sampler extends Disposable {
  /** Why this processor cannot work; undefined if it can. */
  problem(): string | undefined;
}

const INTERVAL_MS = 1000;
/** A store that takes longer than this for its figures is unreachable. */
const TIMEOUT_MS = 2000;

export function startSampler(options: SamplerOptions): Sampler {
  const { clock, onLoad } = options;
  let problem: string | undefined = 'the store has not responded yet';
  let sampling = false;

  const sampleLoad = async () => {
    if (sampling) return;
    sampling = true;
    try {
      const begin = performance.now();
      const load = await within(TIMEOUT_MS, options.load());
      problem = undefined;
      onLoad({ ...load, responseSeconds: (performance.now() - begin) / 1000 }, clock.now());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problem = `the queue cannot be read from the store: ${why}`;
      onLoad(undefined, clock.now());
    } finally {
      sampling = false;
    }
  };
  const sampleBusy = busyMeter(options);
  const timer = setInterval(() => {
    options.onBusy(sampleBusy());
    options.onThrottled?.(options.throttled?.());
    void sampleLoad();
  }, INTERVAL_MS).unref();
  void sampleLoad();
  return { problem: () => problem, [Symbol.dispose]: () => clearInterval(timer) };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const race = new AbortController();
  const late = sleep(ms, race.signal).then(() => {
    throw new Error(`no response within ${ms / 1000} s`);
  });
  // The abort below rejects it too, after the race.
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    race.abort();
  }
}

/**
 * Seconds busy since the last call. Computing shows in the utilization of the event loop; waiting for a slow store shows
 * only in the number in flight. Either keeps this processor from claiming more.
 */
function busyMeter({ inFlightSeconds, inFlightLimit }: SamplerOptions): () => number {
  let last = performance.eventLoopUtilization();
  let lastAt = performance.now();
  let lastInFlight = inFlightSeconds();
  return () => {
    const now = performance.eventLoopUtilization();
    const at = performance.now();
    const { utilization } = performance.eventLoopUtilization(now, last);
    const seconds = (at - lastAt) / 1000;
    last = now;
    lastAt = at;
    const inFlight = inFlightSeconds();
    const share = (inFlight - lastInFlight) / inFlightLimit;
    lastInFlight = inFlight;
    return Math.min(seconds, Math.max(seconds * utilization, share));
  };
}
