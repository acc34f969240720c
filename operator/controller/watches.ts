/**
 * All watches of a controller: in each namespace the primary kind, the owned kinds, and kinds of add-ons while they are
 * served. A namespace is reconciled once its own lists were read: a forbidden or missing namespace does not block the
 * others.
 */
import type { KubeObject, ListOptions, ObjectRef, ObjectStore, Resource } from '../kube/object-store.ts';
import type { Log } from '../../services/runtime/log.ts';
import { type Caches, keyOf, sameResource } from './caches.ts';
import { mapToOwner, mapToPrimary } from './mapping.ts';
import { OptionalKind } from './optional-kind.ts';
import type { ObjectChange } from './diff.ts';
import { Reflector } from './reflector.ts';

export interface WatchesOptions {
  readonly store: Pick<ObjectStore, 'list' | 'watch' | 'serves'>;
  readonly primary: Resource;
  readonly owned: readonly Resource[];
  readonly optional: readonly Resource[];
  readonly ownedSelector: string;
  readonly ownerLabel: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly log: Log;
  readonly random: () => number;
  readonly relistMs: number;
  readonly discoveryMs: number;
  /** A primary object may need work. Not called before all lists of its namespace were read. */
  readonly onKey: (key: string) => void;
  readonly onRestart: (resource: Resource, reason: string) => void;
}

/** One namespace; without a name, all of them. */
interface Scope {
  readonly namespace?: string;
  readonly primary: Reflector;
  readonly owned: readonly Reflector[];
}

export class Watches {
  readonly caches: Caches;
  readonly #options: WatchesOptions;
  readonly #scopes: readonly Scope[];
  readonly #optional: readonly OptionalKind[];
  #addOnsKnown = false;

  constructor(options: WatchesOptions) {
    this.#options = options;
    const { namespaces } = options;
    const scopes: readonly ListOptions[] =
      namespaces.length === 0 ? [{}] : [...new Set(namespaces)].map((namespace) => ({ namespace }));
    this.#scopes = scopes.map((scope) => this.#scope(scope));
    this.#optional = options.optional.map((resource) => this.#optionalKind(resource, scopes));
    this.caches = {
      get: (ref) => this.#get(ref),
      list: (resource, scope) => this.#of(resource).flatMap((reflector) => reflector.list(scope)),
      serves: (resource) => this.#serves(resource),
    };
  }

  get reflectors(): readonly Reflector[] {
    return [...this.#scopes.flatMap(reflectorsOf), ...this.#optional.flatMap(({ reflectors }) => reflectors)];
  }

  start(): void {
    for (const scope of this.#scopes) void this.#startScope(scope);
    for (const kind of this.#optional) kind.start();
  }

  async stop(): Promise<void> {
    const fixed = this.#scopes.flatMap(reflectorsOf);
    await Promise.all([...fixed, ...this.#optional].map((one) => one.stop()));
  }

  /** Whether all lists of this object's namespace were read. */
  ready(key: string): boolean {
    const namespace = key.includes('/') ? key.split('/', 1)[0] : undefined;
    return this.#scopes.some(
      (scope) => (scope.namespace === undefined || scope.namespace === namespace) && isSynced(scope),
    );
  }

  /** The first namespace whose lists were not all read, and the error of the API server. Kinds of add-ons do not count. */
  unsynced(): string | undefined {
    for (const scope of this.#scopes) {
      const missing = reflectorsOf(scope).filter(({ hasSynced }) => !hasSynced);
      const [first] = missing.filter(({ problem }) => problem !== undefined).concat(missing);
      if (first === undefined) continue;
      const where = scope.namespace === undefined ? 'all namespaces' : `namespace ${scope.namespace}`;
      const why = first.problem === undefined ? '' : `: ${first.problem}`;
      return `${where}: ${first.resource.plural} were not listed yet${why}`;
    }
    return undefined;
  }

  /** Namespace (empty: all) → whether it is reconciled. */
  namespaces(): ReadonlyMap<string, boolean> {
    return new Map(this.#scopes.map((scope) => [scope.namespace ?? '', isSynced(scope)]));
  }

  /** Age of the last event of each resource, from its most silent watch; ms. */
  lastEventAgesMs(): ReadonlyMap<string, number> {
    const ages = new Map<string, number>();
    for (const { resource, lastEventAgeMs } of this.reflectors) {
      ages.set(resource.plural, Math.max(ages.get(resource.plural) ?? 0, lastEventAgeMs));
    }
    return ages;
  }

  async #startScope(scope: Scope): Promise<void> {
    const reflectors = reflectorsOf(scope);
    for (const reflector of reflectors) reflector.start();
    await Promise.all(reflectors.map((reflector) => reflector.whenSynced()));
    const fields = { namespace: scope.namespace ?? 'all', resources: reflectors.length };
    this.#options.log.info(fields, 'all lists read, reconciling starts');
    this.#enqueueAll(scope);
  }

  #enqueueAll(scope: Scope): void {
    if (!isSynced(scope)) return;
    for (const { metadata } of scope.primary.list()) this.#options.onKey(keyOf(metadata));
  }

  #scope(scope: ListOptions): Scope {
    const { primary, owned } = this.#options;
    return {
      ...scope,
      primary: this.#reflector(primary, scope, (change) => this.#enqueue(mapToPrimary(change))),
      owned: owned.map((resource) => this.#ownedReflector(resource, scope)),
    };
  }

  #ownedReflector(resource: Resource, scope: ListOptions, onGone?: () => void): Reflector {
    const { primary, ownedSelector, ownerLabel } = this.#options;
    const onChange = (change: ObjectChange) => this.#enqueue(mapToOwner(change, primary, ownerLabel));
    return this.#reflector(resource, { ...scope, labelSelector: ownedSelector }, onChange, onGone);
  }

  #optionalKind(resource: Resource, scopes: readonly ListOptions[]): OptionalKind {
    const { store, log, random, discoveryMs } = this.#options;
    const kind: OptionalKind = new OptionalKind({
      resource,
      serves: (one) => store.serves(one),
      reflectors: () => scopes.map((scope) => this.#ownedReflector(resource, scope, () => kind.discover())),
      onChange: () => {
        for (const scope of this.#scopes) this.#enqueueAll(scope);
      },
      log,
      random,
      discoveryMs,
    });
    return kind;
  }

  /** @param onGone called when the server reports that the kind does not exist */
  #reflector(
    resource: Resource,
    scope: ListOptions,
    onChange: (change: ObjectChange) => void,
    onGone?: () => void,
  ): Reflector {
    const { store, log, random, relistMs, onRestart, ownerLabel } = this.#options;
    return new Reflector({
      ...scope,
      indexLabel: ownerLabel,
      store,
      resource,
      onChange,
      log,
      random,
      relistMs,
      onRestart(reason) {
        onRestart(resource, reason);
        if (reason === 'not-found') onGone?.();
      },
    });
  }

  #enqueue(keys: readonly string[]): void {
    for (const key of keys) if (this.ready(key)) this.#options.onKey(key);
  }

  #of(resource: Resource): readonly Reflector[] {
    return this.reflectors.filter((one) => sameResource(one.resource, resource));
  }

  #get(ref: ObjectRef): KubeObject | undefined {
    for (const reflector of this.#of(ref.resource)) {
      const found = reflector.get(ref);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * An add-on counts as served once its objects were read in every namespace that is reconciled. At the start no add-on is
   * served before all are known: with only one of two related kinds the operator would delete objects that need both.
   */
  #serves(resource: Resource): boolean {
    const kind = this.#optional.find((one) => sameResource(one.resource, resource));
    if (kind === undefined) return this.#of(resource).length > 0;
    this.#addOnsKnown ||= this.#optional.every(({ known: settled }) => settled);
    if (!this.#addOnsKnown) return false;
    const relevant = kind.reflectors.filter((_, index) => {
      const scope = this.#scopes[index];
      return scope !== undefined && isSynced(scope);
    });
    return relevant.length > 0 && relevant.every((reflector) => reflector.hasSynced);
  }
}

const reflectorsOf = (scope: Scope) => [scope.primary, ...scope.owned];
const isSynced = (scope: Scope) => reflectorsOf(scope).every((reflector) => reflector.hasSynced);
