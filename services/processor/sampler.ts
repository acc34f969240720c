/**
 * Looks at the process and its store once a second: how busy we are, how long the queue is, and whether
 * the store answers at all, which is what readiness follows.
 */
import { performance } from 'node:perf_hooks';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { TransportLoad } from '../transport/transport.ts';

export interface SamplerOptions {
  readonly load: () => Promise<TransportLoad>;
  readonly inFlight: () => number;
  /** The most deliveries that may be in hand. */
  readonly inFlightLimit: number;
  readonly clock: Clock;
  readonly onLoad: (load: TransportLoad | undefined, at: number) => void;
  readonly onBusy: (seconds: number) => void;
}

export interface Sampler extends Disposable {
  /** What keeps this processor from doing its work; undefined when nothing does. */
  problem(): string | undefined;
}

const INTERVAL_MS = 1000;
/** A store that takes longer than this for its figures is out of reach. */
const PATIENCE_MS = 2000;

export function startSampler(options: SamplerOptions): Sampler {
  const { clock, onLoad } = options;
  let problem: string | undefined = 'the store has not answered yet';
  let asking = false;

  const sampleLoad = async () => {
    if (asking) return;
    asking = true;
    try {
      const load = await within(PATIENCE_MS, options.load());
      problem = undefined;
      onLoad(load, clock.now());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problem = `the queue cannot be read from the store: ${why}`;
      onLoad(undefined, clock.now());
    } finally {
      asking = false;
    }
  };
  const sampleBusy = busyMeter(options);
  const timer = setInterval(() => {
    options.onBusy(sampleBusy());
    void sampleLoad();
  }, INTERVAL_MS).unref();
  void sampleLoad();
  return { problem: () => problem, [Symbol.dispose]: () => clearInterval(timer) };
}

async function within<T>(ms: number, asked: Promise<T>): Promise<T> {
  const patience = new AbortController();
  const late = sleep(ms, patience.signal).then(() => {
    throw new Error(`no answer within ${ms / 1000} s`);
  });
  // The abort below ends it too, when nobody listens any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([asked, late]);
  } finally {
    patience.abort();
  }
}

/**
 * Seconds busy since the last call. Computing shows in the event loop's utilisation; waiting (for a
 * slow store) shows only in the hands being full. Either makes this processor unable to take more.
 */
function busyMeter({ inFlight: inHand, inFlightLimit: inHandLimit }: SamplerOptions): () => number {
  let last = performance.eventLoopUtilization();
  let lastAt = performance.now();
  return () => {
    const now = performance.eventLoopUtilization();
    const at = performance.now();
    const { utilization } = performance.eventLoopUtilization(now, last);
    const seconds = (at - lastAt) / 1000;
    last = now;
    lastAt = at;
    return seconds * Math.min(1, Math.max(utilization, inHand() / inHandLimit));
  };
}
