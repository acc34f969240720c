/**
 * The processors of the model and their metrics. A new one is ready after its start-up delay; scale-in removes the newest
 * first, as Kubernetes removes Pods that are not ready, and then those that became ready last.
 */
import { METRIC } from '../../services/contract.ts';
import type { Sample } from '../signals/scrape.ts';

interface Processor {
  readonly name: string;
  readonly readyAt: number;
  completed: number;
  busySeconds: number;
  handlerSeconds: number;
}

/** What all ready processors together did in one second. */
export interface SecondOfWork {
  readonly completed: number;
  /** Share of their capacity that they used, 0 to 1. */
  readonly busyShare: number;
  /** Mean time to handle a message. */
  readonly handlerSeconds: number;
}

export class Fleet {
  readonly #processors: Processor[] = [];
  #made = 0;

  get size(): number {
    return this.#processors.length;
  }

  ready(second: number): number {
    return this.readyNames(second).length;
  }

  readyNames(second: number): string[] {
    return this.#processors.filter(({ readyAt }) => readyAt <= second).map(({ name }) => name);
  }

  scale(replicas: number, second: number, startupSeconds: number): void {
    this.#processors.length = Math.min(this.#processors.length, replicas);
    while (this.#processors.length < replicas) {
      this.#made += 1;
      this.#processors.push({
        name: `processor-${this.#made}`,
        readyAt: second + startupSeconds,
        completed: 0,
        busySeconds: 0,
        handlerSeconds: 0,
      });
    }
  }

  work(done: SecondOfWork, second: number): void {
    const ready = this.#processors.filter(({ readyAt }) => readyAt <= second);
    for (const processor of ready) {
      processor.completed += done.completed / ready.length;
      processor.busySeconds += done.busyShare;
      processor.handlerSeconds += (done.completed / ready.length) * done.handlerSeconds;
    }
  }

  /** The metrics of the ready ones. @param shared figures that each of them reports @param at ms since 1970 */
  samples(shared: Readonly<Record<string, number>>, second: number, at: number): Sample[] {
    return this.#processors.flatMap(({ name, readyAt, completed, busySeconds, handlerSeconds }) => {
      if (readyAt > second) return [];
      const values = {
        ...shared,
        [METRIC.processorCompleted]: completed,
        [METRIC.processorBusySeconds]: busySeconds,
        [METRIC.processorServiceCount]: completed,
        [METRIC.processorServiceSum]: handlerSeconds,
      };
      return [{ pod: name, component: 'processor' as const, at, values }];
    });
  }
}
