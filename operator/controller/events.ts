/**
 * Events: what a person would ask about with `kubectl describe`. The same thing happening again
 * raises a count instead of making another Event; each is written at most every few seconds. Events
 * are best effort: nothing here throws, waits or grows.
 */
import { createHash } from 'node:crypto';
import type { KubeObject, ObjectStore } from '../kube/object-store.ts';
import { type Clock, sleep } from '../../services/runtime/clock.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';

export interface EventRecorder {
  /** `reason` is CamelCase and stable; `message` is for a person. */
  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Writes what waits, then takes no more. */
  stop(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly store: Pick<ObjectStore, 'apply'>;
  /** Name of the program and of the Pod that speaks. */
  readonly component: string;
  readonly instance: string;
  readonly log: Log;
  readonly clock: Clock;
  /** At most one write of one Event in this time (ms). */
  readonly quietMs?: number;
}

interface Series {
  readonly about: KubeObject;
  readonly type: string;
  readonly reason: string;
  readonly first: number;
  message: string;
  last: number;
  count: number;
  written: number;
  dirty: boolean;
}

/** Different Events remembered; the one silent longest makes room. */
const SERIES = 500;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { clock, log } = options;
  const quietMs = options.quietMs ?? 10_000;
  const series = new Map<string, Series>();
  const stopping = new AbortController();
  let flushing: Promise<void> | undefined;

  const write = async (name: string, one: Series) => {
    one.dirty = false;
    one.written = clock.now();
    try {
      await options.store.apply(eventObject(name, one, options));
    } catch (error) {
      log.warn({ ...errorFields(error), reason: one.reason }, 'event not written');
    }
  };
  /** Runs while anything waits, one write at a time. */
  const flush = async () => {
    for (;;) {
      const waiting = [...series].filter(([, one]) => one.dirty);
      if (waiting.length === 0) return;
      const due = ([, one]: (typeof waiting)[number]) =>
        stopping.signal.aborted ? 0 : one.written + quietMs - clock.now();
      for (const entry of waiting.filter((one) => due(one) <= 0)) await write(...entry);
      const next = Math.min(...waiting.map(due));
      if (next > 0) await sleep(Math.min(next, quietMs), stopping.signal);
    }
  };

  return {
    record(about, type, reason, message) {
      if (stopping.signal.aborted) return;
      const name = eventName(about, type, reason);
      const now = clock.now();
      const one = series.get(name) ?? newSeries(about, type, reason, now);
      one.message = message;
      one.last = now;
      one.count += 1;
      one.dirty = true;
      series.delete(name);
      series.set(name, one);
      const [oldest] = series.keys();
      if (series.size > SERIES && oldest !== undefined) series.delete(oldest);
      flushing ??= flush().finally(() => (flushing = undefined));
    },
    async stop() {
      stopping.abort();
      await flushing;
    },
  };
}

function newSeries(about: KubeObject, type: string, reason: string, now: number): Series {
  const never = Number.NEGATIVE_INFINITY;
  return { about, type, reason, first: now, message: '', last: now, count: 0, written: never, dirty: false };
}

function eventName({ metadata }: KubeObject, type: string, reason: string): string {
  const hash = createHash('sha256').update(`${metadata.uid} ${type} ${reason}`).digest('hex');
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
    // The API server's limit.
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
