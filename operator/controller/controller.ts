/**
 * Watches one kind and the objects that it owns, and calls `reconcile` with the key of each object that may need work:
 * reflectors fill the caches and the work queue, workers drain the queue. The controller knows nothing about the kind,
 * reconcile nothing about watching.
 */
import type { Registry } from 'prom-client';
import type { ObjectStore, Resource } from '../kube/object-store.ts';
import type { Log } from '../../services/runtime/log.ts';
import type { Caches } from './caches.ts';
import { ControllerMetrics } from './metrics.ts';
import type { Reflector } from './reflector.ts';
import { Watches } from './watches.ts';
import { WorkQueue } from './work-queue.ts';
import { type Reconcile, Workers } from './workers.ts';

export interface ControllerOptions {
  readonly store: Pick<ObjectStore, 'list' | 'watch' | 'serves'>;
  readonly primary: Resource;
  /** A change of such an object enqueues its owner. */
  readonly owned: readonly Resource[];
  /** The same for kinds that the API server may not serve: watched while it does. */
  readonly optional?: readonly Resource[];
  /** Only owned objects with these labels are watched. */
  readonly ownedSelector: string;
  /** Label with the name of the primary object, for objects that it owns indirectly (Pods of a ReplicaSet). */
  readonly ownerLabel?: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly reconcile: Reconcile;
  readonly log: Log;
  readonly registry: Registry;
  /** Number of concurrent reconciles. */
  readonly workers?: number;
  readonly random?: () => number;
  /** Interval at which each list is read again (ms, ±20 %). */
  readonly relistMs?: number;
  /** Interval of discovery for each optional kind (ms, ±20 %). */
  readonly discoveryMs?: number;
}

export interface Controller {
  readonly caches: Caches;
  /** Starts watching. A namespace is reconciled once all of its lists were read. */
  start(): void;
  /** Ends the watches and waits for running reconciles. */
  stop(): Promise<void>;
  /** Enqueues one object now (for a timer or an external signal). */
  enqueue(key: string): void;
  /** The first namespace whose lists were not all read yet, and why. Undefined: all were. */
  unsynced(): string | undefined;
  /** For liveness: a watch or a reconcile that hangs. Undefined: healthy. */
  healthy(): string | undefined;
}

const RELIST_MS = 600_000;
const DISCOVERY_MS = 60_000;
/** A reconcile mostly waits, for example for Pods on a lost node; that must not block other clusters. */
const WORKERS = 16;

export function createController(options: ControllerOptions): Controller {
  const { log, reconcile, registry, random = Math.random, relistMs = RELIST_MS } = options;
  const queue = new WorkQueue({ random, onTaken: (waitedMs) => metrics.taken(waitedMs) });
  const enqueue = (key: string) => {
    if (!queue.add(key) && !stopping)
      log.warn({ cluster: key }, 'work queue full, object is enqueued again by the next list');
  };
  const watches = new Watches({
    ...options,
    optional: options.optional ?? [],
    ownerLabel: options.ownerLabel ?? 'app.kubernetes.io/instance',
    random,
    relistMs,
    discoveryMs: options.discoveryMs ?? DISCOVERY_MS,
    onKey: enqueue,
    onRestart: ({ plural }, reason) => metrics.watchRestarted(plural, reason),
  });
  const metrics = new ControllerMetrics(registry, {
    depth: () => queue.depth,
    working: () => workers.working,
    lastEventAgesMs: () => watches.lastEventAgesMs(),
    namespaces: () => watches.namespaces(),
  });
  const workers = new Workers({ queue, reconcile, metrics, log });
  let stopping = false;
  return {
    caches: watches.caches,
    enqueue(key) {
      if (watches.ready(key)) enqueue(key);
    },
    unsynced: () => watches.unsynced(),
    healthy: () => hanging(watches.reflectors, workers, 2 * relistMs),
    start() {
      workers.start(options.workers ?? WORKERS);
      watches.start();
    },
    async stop() {
      stopping = true;
      queue.close();
      await watches.stop();
      await workers.finished();
    },
  };
}

/** Every request has a timeout, so no activity for this long means a hang that only a restart resolves. */
function hanging(reflectors: readonly Reflector[], workers: Workers, ms: number): string | undefined {
  const message = (what: string, ageMs: number) => `${what} has hung for ${Math.round(ageMs / 1000)} s`;
  const watch = reflectors.find((reflector) => reflector.lastActivityAgeMs > ms);
  if (watch !== undefined) return message(`the watch of ${watch.resource.plural}`, watch.lastActivityAgeMs);
  const stuck = workers.stuck(ms);
  return stuck && message(`the reconcile of ${stuck.key}`, stuck.ageMs);
}
