/**
 * Why a Pod waits when its status does not say it: a missing Secret, ConfigMap or StorageClass is named in Events only.
 * They are read on demand, for few Pods and rarely: watching all Events of a Kubernetes cluster costs more than everything
 * else that the operator reads.
 */
import type { Clock } from '../../services/runtime/clock.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import { idOf } from '../observe/observe.ts';
import { claimsOf, lacksReason } from '../observe/pod-failure.ts';
import type { Pod } from '../observe/workloads.ts';
import { EVENTS } from '../render/resources.ts';

interface Event extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** Pods of one cluster that are asked about in one pass. */
const PODS_AT_ONCE = 3;
/** The interval between two reads for one Pod, ms. */
const AGAIN_MS = 10_000;
/** Clocks have whole seconds here, and a claim is created just before its Pod, ms. */
const EARLIER_MS = 5000;
/** The status of the Pod tells it better. */
const TOLD = new Set(['FailedScheduling', 'Unhealthy', 'BackOff', 'Failed']);

export interface PodEventsOptions {
  readonly store: Pick<ObjectStore, 'list'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Found {
  readonly at: number;
  readonly says: string | undefined;
}

/** The reader of one cluster. It remembers only Pods that still wait. */
export class PodEvents {
  readonly #options: PodEventsOptions;
  #found: ReadonlyMap<string, Found> = new Map();

  constructor(options: PodEventsOptions) {
    this.#options = options;
  }

  /** @returns by uid of the Pod; a failed read leaves the last answer */
  async read(pods: readonly Pod[]): Promise<ReadonlyMap<string, string>> {
    const now = this.#options.clock.now();
    const waiting = pods.filter((pod) => lacksReason(pod, now));
    const due = waiting.filter((pod) => now - (this.#found.get(idOf(pod))?.at ?? -Infinity) >= AGAIN_MS);
    const ids = new Set(waiting.map(idOf));
    const next = new Map([...this.#found].filter(([id]) => ids.has(id)));
    for (const pod of due.slice(0, PODS_AT_ONCE)) {
      const id = idOf(pod);
      next.set(id, { at: now, says: await this.#ask(pod, next.get(id)?.says) });
    }
    this.#found = next;
    return new Map([...next].flatMap(([id, { says }]) => (says === undefined ? [] : [[id, says] as const])));
  }

  async #ask(pod: Pod, last: string | undefined): Promise<string | undefined> {
    try {
      return pod.spec?.nodeName === undefined ? await this.#claims(pod) : await this.#latest(pod, pod);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#options.log.debug({ ...errorFields(error), pod: pod.metadata.name }, 'Events not read');
      return last;
    }
  }

  /** The first volume claim of the Pod with a problem. */
  async #claims(pod: Pod): Promise<string | undefined> {
    for (const name of claimsOf(pod)) {
      const says = await this.#latest({ kind: 'PersistentVolumeClaim', metadata: { name } }, pod);
      if (says !== undefined) return `the volume claim ${name} is not bound: ${says}`;
    }
    return undefined;
  }

  /** The latest warning about an object since the Pod was created. */
  async #latest(
    { kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>,
    pod: Pod,
  ): Promise<string | undefined> {
    const { namespace = 'default', creationTimestamp = '' } = pod.metadata;
    const about = metadata.uid === undefined ? '' : `,involvedObject.uid=${metadata.uid}`;
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${metadata.name}${about},type=Warning`;
    const { items } = await this.#options.store.list(EVENTS, { namespace, fieldSelector });
    const since = Date.parse(creationTimestamp) - EARLIER_MS;
    const [latest] = items
      .filter((event: Event) => seenAt(event) >= since && !TOLD.has(event.reason ?? ''))
      .sort((a, b) => seenAt(b) - seenAt(a)) as Event[];
    return latest === undefined ? undefined : `${latest.reason ?? ''}: ${latest.message ?? ''}`.slice(0, 500);
  }
}

const seenAt = ({ lastTimestamp, eventTime, metadata }: Event) =>
  Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '');
