/**
 * All that a controller watches: in each of its namespaces the primary kind, what it owns, and kinds of
 * add-ons while they are served. A namespace is worked on once its own lists were read: one that is
 * forbidden or missing holds up no other.
 */
import type { KubeObject, ListOptions, ObjectRef, ObjectStore, Resource } from '../kube/object-store.ts';
import type { Log } from '../../services/runtime/log.ts';
import { type Caches, keyOf, sameResource } from './caches.ts';
import { keysOfOwners, keysOfPrimary } from './changes.ts';
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
  readonly askMs: number;
  /** A primary object may differ from what is wanted. Not called before its namespace was read. */
  readonly onKey: (key: string) => void;
  readonly onRestart: (resource: Resource, reason: string) => void;
}

/** One namespace, or all of them where it has no name. */
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

  /** Whether the namespace of this object was read whole. */
  ready(key: string): boolean {
    const namespace = key.includes('/') ? key.split('/', 1)[0] : undefined;
    return this.#scopes.some(
      (scope) => (scope.namespace === undefined || scope.namespace === namespace) && isSynced(scope),
    );
  }

  /**
   * In words, the first namespace whose lists were not all read, and what the API server said. Kinds of
   * add-ons are waited for by nobody.
   */
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

  /** Namespace (empty: all) → whether it is worked on. */
  namespaces(): ReadonlyMap<string, boolean> {
    return new Map(this.#scopes.map((scope) => [scope.namespace ?? '', isSynced(scope)]));
  }

  /** Of each resource, the watch that was silent longest; ms. */
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
    this.#options.log.info(fields, 'all lists read, reconciling');
    this.#bringUp(scope);
  }

  #bringUp(scope: Scope): void {
    if (!isSynced(scope)) return;
    for (const { metadata } of scope.primary.list()) this.#options.onKey(keyOf(metadata));
  }

  #scope(scope: ListOptions): Scope {
    const { primary, owned } = this.#options;
    return {
      ...scope,
      primary: this.#reflector(primary, scope, (change) => this.#tell(keysOfPrimary(change))),
      owned: owned.map((resource) => this.#ownedReflector(resource, scope)),
    };
  }

  #ownedReflector(resource: Resource, scope: ListOptions, onGone?: () => void): Reflector {
    const { primary, ownedSelector, ownerLabel } = this.#options;
    const onChange = (change: ObjectChange) => this.#tell(keysOfOwners(change, primary, ownerLabel));
    return this.#reflector(resource, { ...scope, labelSelector: ownedSelector }, onChange, onGone);
  }

  #optionalKind(resource: Resource, scopes: readonly ListOptions[]): OptionalKind {
    const { store, log, random, askMs } = this.#options;
    const kind: OptionalKind = new OptionalKind({
      resource,
      serves: (one) => store.serves(one),
      reflectors: () => scopes.map((scope) => this.#ownedReflector(resource, scope, () => kind.ask())),
      onTurn: () => {
        for (const scope of this.#scopes) this.#bringUp(scope);
      },
      log,
      random,
      askMs,
    });
    return kind;
  }

  /** @param onGone the server says that there is no such kind */
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

  #tell(keys: readonly string[]): void {
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
   * Add-ons are read whole wherever we work: a namespace that we cannot read does not count. At the start none is served before
   * all are known: of two that belong together one alone would make us take away what stands for both.
   */
  #serves(resource: Resource): boolean {
    const kind = this.#optional.find((one) => sameResource(one.resource, resource));
    if (kind === undefined) return this.#of(resource).length > 0;
    this.#addOnsKnown ||= this.#optional.every(({ settled }) => settled);
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
