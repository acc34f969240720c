/** What happens on the cluster while a test runs: one reading per second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { METRIC } from '../../../services/contract.ts';
import { readMetrics } from '../../../operator/signals/prometheus-text.ts';
import type { Simulation } from '../../simulator/simulation.ts';
import { get, metricsOf } from '../kubectl.ts';
import { redis } from '../redis.ts';
import { podsOfPort, port } from './place.ts';

export interface Reading {
  /** Since the recording began, s. */
  readonly at: number;
  readonly desired: number;
  readonly ready: number;
  /** Of the request queue; absent where no ws-proxy answered. */
  readonly waiting?: number;
  readonly oldestSeconds?: number;
  /** Answers that the stations have received. */
  readonly answered: number;
}

interface Workload {
  readonly spec: { readonly replicas: number };
  readonly status: { readonly readyReplicas?: number };
}

export class Recording implements Disposable {
  readonly readings: Reading[] = [];
  readonly #begin = performance.now();
  readonly #loads: readonly Simulation[];
  #stopped = false;

  /** @param loads whose answers are counted */
  constructor(loads: readonly Simulation[]) {
    this.#loads = loads;
    void this.#run();
  }

  get seconds(): number {
    return (performance.now() - this.#begin) / 1000;
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
  }

  /** Readings of this time, s. */
  between(from: number, to = Infinity): readonly Reading[] {
    return this.readings.filter(({ at }) => at >= from && at < to);
  }

  /** One line for each change of a number since then (s), for the log of a test. */
  changes(from = 0): string {
    const lines = this.between(from).filter(({ desired, ready }, i, all) => {
      const before = all[i - 1];
      return desired !== before?.desired || ready !== before.ready || i % 10 === 0;
    });
    return lines
      .map(({ at, desired, ready, waiting = '?', oldestSeconds, answered }) => {
        const age = oldestSeconds === undefined ? '?' : oldestSeconds.toFixed(1);
        return `${at.toFixed(0)} s: ${desired} wanted, ${ready} ready, ${waiting} wait, oldest ${age} s, ${answered} answered`;
      })
      .join('\n');
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const next = sleep(1000, undefined, { ref: false });
      // A read that fails leaves a gap; the tests look at the readings that are there.
      await this.#read().catch(() => undefined);
      await next;
    }
  }

  async #read(): Promise<void> {
    const { cluster, namespace } = port;
    const [workload, queue] = await Promise.all([
      get<Workload>('deployment', `${cluster}-processor`, namespace),
      queueOf(),
    ]);
    if (workload === undefined) return;
    this.readings.push({
      at: this.seconds,
      desired: workload.spec.replicas,
      ready: workload.status.readyReplicas ?? 0,
      answered: this.#loads.reduce((sum, load) => sum + load.progress().roundTrips, 0),
      ...queue,
    });
  }
}

const WANTED: ReadonlySet<string> = new Set([
  METRIC.queueDepth,
  METRIC.queueOldestSeconds,
  METRIC.proxyForwarded,
]);

/** Of one ws-proxy: all report the same queue. */
async function queueOf(): Promise<Pick<Reading, 'waiting' | 'oldestSeconds'>> {
  for (const { metadata } of await podsOfPort('ws-proxy')) {
    const text = await metricsOf(metadata.name, port.namespace).catch(() => '');
    const values = readMetrics(text, WANTED);
    const [waiting, oldestSeconds] = [values[METRIC.queueDepth], values[METRIC.queueOldestSeconds]];
    if (waiting !== undefined && oldestSeconds !== undefined) return { waiting, oldestSeconds };
  }
  return {};
}

/**
 * Frames that were enqueued, and deliveries of them: each claim takes a number from one counter, so the difference is what was
 * delivered again or waits.
 */
export async function deliveries(): Promise<{ readonly enqueued: number; readonly delivered: number }> {
  const pods = await podsOfPort('ws-proxy');
  const texts = await Promise.all(pods.map(({ metadata }) => metricsOf(metadata.name, port.namespace)));
  const enqueued = texts.reduce(
    (sum, text) => sum + (readMetrics(text, WANTED)[METRIC.proxyForwarded] ?? 0),
    0,
  );
  return { enqueued, delivered: Number(await redis(port, 'GET', 'ocpp:running')) };
}

/** Messages per second of one processor: answers of the readings between which each had more than one to do. */
export function capacityOf(readings: readonly Reading[]): number {
  let answers = 0;
  let seconds = 0;
  for (const [i, after] of readings.entries()) {
    const before = readings[i - 1];
    if (before === undefined || before.ready === 0 || before.ready !== after.ready) continue;
    if (Math.min(before.waiting ?? 0, after.waiting ?? 0) < 2 * after.ready) continue;
    answers += after.answered - before.answered;
    seconds += (after.at - before.at) * after.ready;
  }
  return answers / seconds;
}

export function rateOf(readings: readonly Reading[]): number {
  const [first, last] = [readings[0], readings.at(-1)];
  return first === undefined || last === undefined
    ? Number.NaN
    : (last.answered - first.answered) / (last.at - first.at);
}

/** 99 of 100 readings of the age of the oldest frame are not above it, s. */
export function ageOf(readings: readonly Reading[]): number {
  const ages = readings.flatMap(({ oldestSeconds }) => oldestSeconds ?? []).sort((a, b) => a - b);
  return ages[Math.ceil(ages.length * 0.99) - 1] ?? Number.NaN;
}
