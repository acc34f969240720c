/**
 * Kubernetes objects in this process, for `npm start` and for tests. It implements ObjectStore as an API server does,
 * with field ownership and garbage collection of dependents. Returned objects are frozen. It knows no kinds: their
 * controllers do.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type KubeObject,
  type ListOptions,
  type ObjectList,
  type ObjectRef,
  type ObjectStore,
  type Resource,
  StoreError,
  type StoreErrorCode,
  type WatchEvent,
} from '../../kube/object-store.ts';
import type { Clock } from '../../../services/runtime/clock.ts';
import { check, describe, filterOf, type Id, idOf, keyOf, notFound, refId, specOf } from './object-id.ts';
import { cede, type Fields, merge, withdraw } from './field-ownership.ts';

export interface MemoryObjectStoreOptions {
  readonly clock: Clock;
  readonly newUid: () => string;
  /** Field manager of this instance; `as` returns instances of others. */
  readonly manager?: string;
  /** Number of changes kept for watches; a watch from an older version has to list again. */
  readonly history?: number;
  /** The schema of a kind: fills in defaults, or throws StoreError `invalid`. */
  readonly admit?: (object: KubeObject) => KubeObject;
  /** Whether an add-on kind is installed; default: none. Objects of any kind are stored all the same. */
  readonly serves?: (resource: Resource) => boolean;
  /** Where the scale subresource of a kind keeps the number of replicas; default: spec.replicas. */
  readonly scalePath?: (resource: Resource) => readonly string[];
}

interface Stored {
  readonly object: KubeObject;
  /** Last applied fields by `manager` or `manager/status`. */
  readonly owned: ReadonlyMap<string, Fields>;
}

interface Change {
  readonly version: number;
  readonly before: KubeObject | undefined;
  /** Undefined: deleted. */
  readonly after: KubeObject | undefined;
}

/** Shared by all instances that `as` returns. */
interface State {
  readonly objects: Map<string, Stored>;
  readonly changes: Change[];
  /** Highest version that `changes` no longer holds. */
  forgotten: number;
  version: number;
  readonly waiting: Set<() => void>;
}

export class MemoryObjectStore implements ObjectStore {
  readonly #options: MemoryObjectStoreOptions;
  readonly #manager: string;
  readonly #history: number;
  readonly #state: State;

  constructor(options: MemoryObjectStoreOptions, state?: State) {
    this.#options = options;
    this.#manager = options.manager ?? 'ocpp-operator';
    this.#history = options.history ?? 1000;
    this.#state = state ?? {
      objects: new Map(),
      changes: [],
      forgotten: 0,
      version: 0,
      waiting: new Set(),
    };
  }

  /** The same objects, written under another field manager's name. */
  as(manager: string): MemoryObjectStore {
    return new MemoryObjectStore({ ...this.#options, manager }, this.#state);
  }

  async serves(resource: Resource): Promise<boolean> {
    return this.#options.serves?.(resource) ?? false;
  }

  async get(ref: ObjectRef): Promise<KubeObject | undefined> {
    return this.#state.objects.get(keyOf(refId(ref)))?.object;
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ObjectList> {
    const wanted = filterOf(resource, options);
    const items = [...this.#state.objects.values()].map((stored) => stored.object).filter(wanted);
    items.sort((a, b) => (keyOf(idOf(a)) < keyOf(idOf(b)) ? -1 : 1));
    return { items, resourceVersion: String(this.#state.version) };
  }

  async *watch(
    resource: Resource,
    options: ListOptions & { readonly resourceVersion: string; readonly signal: AbortSignal },
  ): AsyncGenerator<WatchEvent> {
    const wanted = filterOf(resource, options);
    let seen = Number(options.resourceVersion);
    if (!Number.isInteger(seen)) {
      throw new StoreError('invalid', `watch: "${options.resourceVersion}" is no resourceVersion`);
    }
    while (!options.signal.aborted) {
      if (seen < this.#state.forgotten) {
        throw new StoreError('expired', `watch: version ${seen} is too old, list again`, { status: 410 });
      }
      const change = this.#state.changes.find(({ version }) => version > seen);
      if (change === undefined) {
        await this.#nextChange(options.signal);
        continue;
      }
      seen = change.version;
      const event = eventOf(change, wanted);
      if (event !== undefined) yield event;
    }
  }

  async apply(object: KubeObject): Promise<{ readonly object: KubeObject; readonly changed: boolean }> {
    const id = idOf(object);
    check(id, object.metadata);
    const { uid } = object.metadata;
    const found = this.#state.objects.get(keyOf(id))?.object.metadata.uid;
    if (uid !== undefined && uid !== found) throw otherUid(id, found, uid, found ? 'invalid' : 'conflict');
    const { labels, annotations, ownerReferences } = object.metadata;
    const { apiVersion: _, kind: __, status: ___, ...fields } = object as KubeObject & { status?: unknown };
    const applied = plain({ ...fields, metadata: { labels, annotations, ownerReferences } });
    const result = this.#write(id, this.#manager, applied);
    if (ownerReferences !== undefined) this.#collectGarbage();
    return result;
  }

  async create(object: KubeObject): Promise<boolean> {
    if (this.#state.objects.has(keyOf(idOf(object)))) return false;
    await this.apply(object);
    return true;
  }

  async patchStatus(ref: ObjectRef, status: object): Promise<KubeObject> {
    const id = refId(ref);
    if (!this.#state.objects.has(keyOf(id))) throw notFound(id);
    return this.#write(id, `${this.#manager}/status`, plain({ status })).object;
  }

  async scale(ref: ObjectRef, replicas: number): Promise<void> {
    const id = refId(ref);
    if (!this.#state.objects.has(keyOf(id))) throw notFound(id);
    const path = this.#options.scalePath?.(ref.resource) ?? ['spec', 'replicas'];
    const scaled = path.reduceRight<unknown>((inner, field) => ({ [field]: inner }), replicas);
    this.#write(id, `${this.#manager}/scale`, scaled as Fields);
  }

  async delete(ref: ObjectRef, options: { readonly uid?: string } = {}): Promise<void> {
    const id = refId(ref);
    const found = this.#state.objects.get(keyOf(id))?.object;
    if (found === undefined) return;
    const { uid } = found.metadata;
    if (options.uid !== undefined && options.uid !== uid) throw otherUid(id, uid, options.uid, 'conflict');
    this.#remove(found);
    this.#collectGarbage();
  }

  #write(id: Id, owner: string, applied: Fields): { object: KubeObject; changed: boolean } {
    const stored = this.#state.objects.get(keyOf(id));
    const before = stored?.object;
    const others = [...(stored?.owned ?? [])]
      .filter(([name]) => name !== owner)
      .map(([name, fields]) => [name, cede(fields, applied)] as const);
    const base = before ?? { ...this.#newObject(id) };
    const kept = withdraw(
      base as unknown as Fields,
      stored?.owned.get(owner) ?? {},
      applied,
      others.map(([, fields]) => fields),
    );
    const merged = merge(kept, applied) as unknown as KubeObject;
    const next = this.#options.admit?.(merged) ?? merged;
    const owned = new Map([...others, [owner, applied]]);
    const changed = before === undefined || !isDeepStrictEqual(next, before);
    const object = changed ? this.#record(before, next) : before;
    this.#state.objects.set(keyOf(id), { object, owned });
    return { object, changed };
  }

  #newObject(id: Id): KubeObject {
    return {
      apiVersion: id.apiVersion,
      kind: id.kind,
      metadata: {
        name: id.name,
        ...(id.namespace === undefined ? {} : { namespace: id.namespace }),
        uid: this.#options.newUid(),
        generation: 0,
        creationTimestamp: new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      },
    };
  }

  /** Assigns the version of the change and wakes the watches. */
  #record(before: KubeObject | undefined, next: KubeObject): KubeObject {
    const version = this.#state.version + 1;
    const generation = next.metadata.generation ?? 0;
    const sameSpec = before !== undefined && isDeepStrictEqual(specOf(before), specOf(next));
    const object = deepFreeze({
      ...next,
      metadata: {
        ...next.metadata,
        generation: sameSpec ? generation : generation + 1,
        resourceVersion: String(version),
      },
    });
    this.#publish({ version, before, after: object });
    return object;
  }

  #remove(object: KubeObject): void {
    const id = idOf(object);
    this.#state.objects.delete(keyOf(id));
    this.#publish({ version: this.#state.version + 1, before: object, after: undefined });
  }

  #publish(change: Change): void {
    const state = this.#state;
    state.version = change.version;
    state.changes.push(change);
    while (state.changes.length > this.#history) {
      state.forgotten = state.changes.shift()?.version ?? state.forgotten;
    }
    for (const wake of state.waiting) wake();
  }

  /** Deletes objects whose owners are all deleted, and then their dependents. */
  #collectGarbage(): void {
    const objects = [...this.#state.objects.values()].map((stored) => stored.object);
    const uids = new Set(objects.map((object) => object.metadata.uid));
    const orphans = objects.filter((object) => {
      const owners = object.metadata.ownerReferences ?? [];
      return owners.length > 0 && owners.every((owner) => !uids.has(owner.uid));
    });
    for (const orphan of orphans) this.#remove(orphan);
    if (orphans.length > 0) this.#collectGarbage();
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#state.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#state.waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

function otherUid(id: Id, found: string | undefined, wanted: string, code: StoreErrorCode): StoreError {
  return new StoreError(
    code,
    `${describe(id)} has ${found ? `uid ${found}` : 'been deleted'}, expected uid ${wanted}`,
  );
}

/** The event for a watch with this filter: DELETED for an object that no longer matches. */
function eventOf(change: Change, wanted: (object: KubeObject) => boolean): WatchEvent | undefined {
  const { before, after } = change;
  const was = before !== undefined && wanted(before);
  const is = after !== undefined && wanted(after);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: after };
  if (!was) return undefined;
  const metadata = { ...(after ?? before).metadata, resourceVersion: String(change.version) };
  return { type: 'DELETED', object: deepFreeze({ ...(after ?? before), metadata }) };
}

/** A copy as JSON would carry it. */
const plain = (value: object): Fields => JSON.parse(JSON.stringify(value)) as Fields;

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
