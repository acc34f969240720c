/**
 * Watches one kind and what it owns, and calls `reconcile` with the key of whatever may differ from
 * what is wanted: reflectors fill the caches and the work queue, workers empty it. The controller
 * knows nothing of the kind; reconcile knows nothing of watching.
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
  /** Their changes bring up the object that owns them. */
  readonly owned: readonly Resource[];
  /** The same of kinds that the API server may not have: watched while it does. */
  readonly optional?: readonly Resource[];
  /** Only owned objects with these labels are seen. */
  readonly ownedSelector: string;
  /** Label with the name of the primary object, for what it owns indirectly (Pods of a ReplicaSet). */
  readonly ownerLabel?: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly reconcile: Reconcile;
  readonly log: Log;
  readonly registry: Registry;
  /** Objects reconciled at the same time. */
  readonly workers?: number;
  readonly random?: () => number;
  /** How often each list is read anew (ms, ±20 %). */
  readonly relistMs?: number;
  /** How often discovery is asked for each optional kind (ms, ±20 %). */
  readonly askMs?: number;
}

export interface Controller {
  readonly caches: Caches;
  /** Begins to watch; a namespace is worked on when all of its lists were read. */
  start(): void;
  /** Ends the watches and waits for the reconciles under way. */
  stop(): Promise<void>;
  /** Brings up one object now (a timer, a signal from outside). */
  enqueue(key: string): void;
  /** Which namespace is not worked on yet, as its lists were not read, and why. Undefined: all are. */
  unsynced(): string | undefined;
  /** What is wrong, for liveness: a watch or a reconcile that stands still. Undefined: nothing. */
  healthy(): string | undefined;
}

const RELIST_MS = 600_000;
const ASK_MS = 60_000;
/** Most of a reconcile is waiting, on a lost node for Pods that do not answer; that must not hold up the others. */
const WORKERS = 16;

export function createController(options: ControllerOptions): Controller {
  const { log, reconcile, registry, random = Math.random, relistMs = RELIST_MS } = options;
  const queue = new WorkQueue({ random, onTaken: (waitedMs) => metrics.taken(waitedMs) });
  const enqueue = (key: string) => {
    if (!queue.add(key) && !stopping) log.warn({ key }, 'work queue full, left to the next listing');
  };
  const watches = new Watches({
    ...options,
    optional: options.optional ?? [],
    ownerLabel: options.ownerLabel ?? 'app.kubernetes.io/instance',
    random,
    relistMs,
    askMs: options.askMs ?? ASK_MS,
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
    healthy: () => standstill(watches.reflectors, workers, 2 * relistMs),
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

/** Every request has a time-out: what stands still for so long hangs, and only a restart helps. */
function standstill(reflectors: readonly Reflector[], workers: Workers, ms: number): string | undefined {
  const tell = (what: string, ageMs: number) => `${what} stands still for ${Math.round(ageMs / 1000)} s`;
  const watch = reflectors.find((reflector) => reflector.lastActivityAgeMs > ms);
  if (watch !== undefined) return tell(`the watch of ${watch.resource.plural}`, watch.lastActivityAgeMs);
  const stuck = workers.stuck(ms);
  return stuck && tell(`the reconcile of ${stuck.key}`, stuck.ageMs);
}
