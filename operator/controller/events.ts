/**
 * Kubernetes Events, for `kubectl describe`: a history. Another message is another Event; the same message increments a
 * count, which the next leader continues. Each is written at most every few seconds, and a failed write is retried for some
 * minutes. Nothing here throws, blocks its caller or grows without a bound.
 */
import { createHash } from 'node:crypto';
import { type KubeObject, type ObjectStore, type Resource, StoreError } from '../kube/object-store.ts';
import { type Clock, sleep } from '../../services/runtime/clock.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';
import { keyOf } from './caches.ts';
import { EventBudget } from './event-budget.ts';
import { type BackoffLimits, backoffMs } from './waiting.ts';

export interface EventRecorder {
  /** `reason` is CamelCase and stable; `message` is a sentence. */
  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Accepts no more Events and writes the pending ones, within `stopMs`. */
  stop(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly store: Pick<ObjectStore, 'apply' | 'get'>;
  /** Names of the program and of its Pod, as the source of the Events. */
  readonly component: string;
  readonly instance: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Minimum interval between two writes of one Event (ms). */
  readonly quietMs?: number;
  /** Back-off between two attempts to write one Event, besides `quietMs`. */
  readonly retry?: BackoffLimits;
  /** How long stop() may take: the next leader waits for it. */
  readonly stopMs?: number;
}

interface Series {
  readonly about: KubeObject;
  readonly type: string;
  readonly reason: string;
  first: number;
  /** Whether the count of an earlier leader was added. */
  continued: boolean;
  message: string;
  last: number;
  count: number;
  /** Earliest time of the next write, by the monotonic clock. */
  due: number;
  /** Failures in a row. */
  failures: number;
  dirty: boolean;
}

const EVENTS: Resource = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };
/** Maximum number of distinct Events kept; the one unchanged longest is dropped first. */
const SERIES = 500;
/** About five minutes; later the conditions still tell. */
const ATTEMPTS = 10;
const RETRY = { minMs: 1000, maxMs: 60_000 };

export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => new Recorder(options);

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #quietMs: number;
  readonly #budget = new EventBudget();
  readonly #series = new Map<string, Series>();
  readonly #stopping = new AbortController();
  #flushing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#quietMs = options.quietMs ?? 10_000;
  }

  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#stopping.signal.aborted) return;
    const now = this.#options.clock.now();
    const own = eventName(about, `${type} ${reason} ${message}`);
    const single = this.#series.has(own) || this.#budget.take(about.metadata.uid ?? '', now);
    const name = single ? own : eventName(about, `${type} ${reason}`);
    const one = this.#series.get(name) ?? newSeries(about, type, reason, now);
    one.message = single ? message : `(combined from similar events): ${message}`;
    one.last = now;
    one.count += 1;
    one.dirty = true;
    this.#series.delete(name);
    this.#series.set(name, one);
    const [oldest] = this.#series.keys();
    if (this.#series.size > SERIES && oldest !== undefined) this.#series.delete(oldest);
    this.#flushing ??= this.#flush();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const done = new AbortController();
    await Promise.race([this.#flushing, sleep(this.#options.stopMs ?? 3000, done.signal)]);
    done.abort();
  }

  /** Runs while Events are pending, one write at a time. */
  async #flush(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      const waiting = [...this.#series].filter(([, one]) => one.dirty);
      if (waiting.length === 0) {
        // Synchronously, so that the next record() starts a new run.
        this.#flushing = undefined;
        return;
      }
      const wait = ([, one]: (typeof waiting)[number]) => (signal.aborted ? 0 : one.due - performance.now());
      for (const entry of waiting.filter((one) => wait(one) <= 0)) await this.#write(...entry);
      // Only pending Events determine the wait.
      const next = Math.min(...waiting.filter(([, one]) => one.dirty).map(wait));
      if (next > 0 && next < Infinity) await sleep(Math.min(next, this.#quietMs), signal);
    }
  }

  async #write(name: string, one: Series): Promise<void> {
    const { store, log, retry = RETRY } = this.#options;
    one.dirty = false;
    one.due = performance.now() + this.#quietMs;
    try {
      await this.#continue(name, one);
      await store.apply(eventObject(name, one, this.#options), { skipRead: true });
      one.failures = 0;
    } catch (error) {
      one.failures += 1;
      const again = isTransient(error) && one.failures < ATTEMPTS && !this.#stopping.signal.aborted;
      const cluster = keyOf(one.about.metadata);
      log.warn({ cluster, ...errorFields(error), reason: one.reason, retry: again }, 'Event not written');
      if (again) {
        one.dirty = true;
        const backoff = backoffMs(one.failures - 1, retry, Math.random);
        one.due = performance.now() + Math.max(this.#quietMs, backoff);
      } else one.failures = 0;
    }
  }

  /** Adds the count that another process wrote: the history does not begin with this leader. */
  async #continue(name: string, one: Series): Promise<void> {
    if (one.continued) return;
    const ref = { resource: EVENTS, name, namespace: one.about.metadata.namespace ?? 'default' };
    const written: Written | undefined = await this.#options.store.get(ref).catch((error: unknown) => {
      // Roles of earlier releases allow no reading: then the count begins again.
      if (error instanceof StoreError && error.code === 'forbidden') return undefined;
      throw error;
    });
    one.continued = true;
    one.count += written?.count ?? 0;
    one.first = Date.parse(written?.firstTimestamp ?? '') || one.first;
  }
}

/** What the API server keeps of an Event. */
interface Written extends KubeObject {
  readonly count?: number;
  readonly firstTimestamp?: string | null;
}

/** Errors that do not come from the store (bugs) are not retried. */
const isTransient = (error: unknown) => error instanceof StoreError && error.retryable;

function newSeries(about: KubeObject, type: string, reason: string, now: number): Series {
  const due = Number.NEGATIVE_INFINITY;
  return {
    about,
    type,
    reason,
    first: now,
    continued: false,
    message: '',
    last: now,
    count: 0,
    due,
    failures: 0,
    dirty: false,
  };
}

/** The same in every process. */
function eventName({ metadata }: KubeObject, what: string): string {
  const hash = createHash('sha256').update(`${metadata.uid} ${what}`).digest('hex');
  return `${metadata.name}.${hash.slice(0, 16)}`;
}

function eventObject(name: string, one: Series, { component, instance }: EventRecorderOptions): KubeObject {
  const { apiVersion, kind, metadata } = one.about;
  const namespace = metadata.namespace ?? 'default';
  const seconds = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion,
      kind,
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
    },
    type: one.type,
    reason: one.reason,
    // Limit of the API server.
    message: one.message.slice(0, 1024),
    count: one.count,
    firstTimestamp: seconds(one.first),
    lastTimestamp: seconds(one.last),
    source: { component },
    reportingComponent: component,
    reportingInstance: instance,
  };
  return event;
}
