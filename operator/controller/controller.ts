/**
 * Watches one kind and what it owns, and calls `reconcile` with the key of whatever may differ from
 * what is wanted: reflectors fill the caches and the work queue, workers empty it. The controller
 * knows nothing of the kind; reconcile knows nothing of watching.
 */
import type { Registry } from 'prom-client';
import type { KubeObject, ListOptions, ObjectRef, ObjectStore, Resource } from '../kube/object-store.ts';
import type { Log } from '../../services/runtime/log.ts';
import { type Caches, keyOf, sameResource } from './caches.ts';
import { ControllerMetrics } from './metrics.ts';
import { type ObjectChange, Reflector } from './reflector.ts';
import { WorkQueue } from './work-queue.ts';
import { type Reconcile, Workers } from './workers.ts';

export interface ControllerOptions {
  readonly store: Pick<ObjectStore, 'list' | 'watch'>;
  readonly primary: Resource;
  /** Their changes bring up the object that owns them. */
  readonly owned: readonly Resource[];
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
}

export interface Controller {
  readonly caches: Caches;
  /** Begins to watch; workers start when all lists were read. */
  start(): void;
  /** Ends the watches and waits for the reconciles under way. */
  stop(): Promise<void>;
  /** Brings up one object now (a timer, a signal from outside). */
  enqueue(key: string): void;
  /** Whether all lists were read. */
  synced(): boolean;
  /** What is wrong, for liveness: a watch or a reconcile that stands still. Undefined: nothing. */
  healthy(): string | undefined;
}

const RELIST_MS = 600_000;
/** Most of a reconcile is waiting, on a lost node for Pods that do not answer; that must not hold up the others. */
const WORKERS = 16;

export function createController(options: ControllerOptions): Controller {
  const { log, reconcile, registry } = options;
  const queue = new WorkQueue(options.random === undefined ? {} : { random: options.random });
  const enqueue = (key: string) => {
    if (!queue.add(key) && !stopping) log.warn({ key }, 'work queue full, left to the next listing');
  };
  const reflectors = reflectorsOf(options, enqueue, (resource) => metrics.watchRestarted(resource));
  const metrics = new ControllerMetrics(registry, {
    depth: () => queue.depth,
    lastEventAgeMs: () => Math.max(...reflectors.map((reflector) => reflector.lastEventAgeMs)),
  });
  const workers = new Workers({ queue, reconcile, metrics, log });
  let stopping = false;
  const workOnceSynced = async () => {
    await Promise.all(reflectors.map((reflector) => reflector.whenSynced()));
    if (stopping) return;
    log.info({ resources: reflectors.length }, 'all lists read, reconciling');
    workers.start(options.workers ?? WORKERS);
  };
  return {
    caches: cachesOf(reflectors),
    enqueue,
    synced: () => reflectors.every((reflector) => reflector.hasSynced),
    healthy: () => standstill(reflectors, workers, 2 * (options.relistMs ?? RELIST_MS)),
    start() {
      for (const reflector of reflectors) reflector.start();
      void workOnceSynced();
    },
    async stop() {
      stopping = true;
      queue.close();
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
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

function reflectorsOf(
  options: ControllerOptions,
  enqueue: (key: string) => void,
  onRestart: (resource: string) => void,
): Reflector[] {
  const { primary, owned, ownedSelector } = options;
  const scopes =
    options.namespaces.length === 0 ? [{}] : options.namespaces.map((namespace) => ({ namespace }));
  const make = (resource: Resource, scope: ListOptions, onChange: (change: ObjectChange) => void) =>
    new Reflector({
      ...scope,
      store: options.store,
      resource,
      onChange,
      log: options.log,
      relistMs: options.relistMs ?? RELIST_MS,
      onRestart: () => onRestart(resource.plural),
      ...(options.random === undefined ? {} : { random: options.random }),
    });
  const onPrimary = (change: ObjectChange) => {
    const object = change.after ?? change.before;
    if (object !== undefined && concerns(change)) enqueue(keyOf(object.metadata));
  };
  const onOwned = ({ before, after }: ObjectChange) => {
    for (const object of [before, after]) {
      const key = object && ownerKey(object, primary, options.ownerLabel ?? 'app.kubernetes.io/instance');
      if (key !== undefined) enqueue(key);
    }
  };
  return scopes.flatMap((scope) => {
    const ownedScope = { ...scope, labelSelector: ownedSelector };
    return [make(primary, scope, onPrimary)].concat(owned.map((kind) => make(kind, ownedScope, onOwned)));
  });
}

/** A change of status alone is our own work and brings nothing up. */
function concerns({ before, after }: ObjectChange): boolean {
  if (before === undefined || after === undefined) return true;
  const seen = ({ metadata }: KubeObject) =>
    JSON.stringify([
      metadata.uid,
      metadata.generation,
      metadata.deletionTimestamp,
      metadata.labels,
      metadata.annotations,
    ]);
  return seen(before) !== seen(after);
}

function ownerKey(object: KubeObject, primary: Resource, ownerLabel: string): string | undefined {
  const { namespace, ownerReferences, labels } = object.metadata;
  const owner = ownerReferences?.find(
    ({ kind, apiVersion }) => kind === primary.kind && apiVersion.startsWith(`${primary.group}/`),
  );
  const name = owner?.name ?? labels?.[ownerLabel];
  if (name === undefined) return undefined;
  return keyOf(namespace === undefined ? { name } : { name, namespace });
}

function cachesOf(reflectors: readonly Reflector[]): Caches {
  const watching = (resource: Resource) => reflectors.filter((one) => sameResource(one.resource, resource));
  return {
    get(ref: ObjectRef) {
      for (const reflector of watching(ref.resource)) {
        const found = reflector.get(ref);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    list: (resource, scope) => watching(resource).flatMap((reflector) => reflector.list(scope)),
    serves: (resource) => watching(resource).length > 0,
  };
}
