/**
 * The objects of one resource, indexed by name, and by namespace and one label. A reconcile lists what belongs to its own
 * cluster; with hundreds of clusters it must not scan the objects of all others.
 */
import type { KubeObject, ListOptions } from '../kube/object-store.ts';
import { keyOf, requirementsOf, selectorOf } from './caches.ts';

export class IndexedObjects {
  readonly #label: string;
  readonly #all = new Map<string, KubeObject>();
  readonly #groups = new Map<string, Map<string, KubeObject>>();

  /** @param label the indexed label: selectors with this label scan only matching objects */
  constructor(label: string) {
    this.#label = label;
  }

  get(key: string): KubeObject | undefined {
    return this.#all.get(key);
  }

  /** Keyed by `namespace/name`. */
  entries(): Map<string, KubeObject> {
    return new Map(this.#all);
  }

  /** An existing object keeps its position in lists. */
  set(object: KubeObject): void {
    const key = keyOf(object.metadata);
    const name = this.#groupOf(object);
    const before = this.#all.get(key);
    if (before !== undefined && this.#groupOf(before) !== name) this.delete(key);
    this.#all.set(key, object);
    const group = this.#groups.get(name) ?? new Map<string, KubeObject>();
    this.#groups.set(name, group.set(key, object));
  }

  /** False: no such object. */
  delete(key: string): boolean {
    const object = this.#all.get(key);
    if (object === undefined) return false;
    const name = this.#groupOf(object);
    const group = this.#groups.get(name);
    group?.delete(key);
    if (group?.size === 0) this.#groups.delete(name);
    return this.#all.delete(key);
  }

  list({ namespace, labelSelector }: ListOptions): KubeObject[] {
    const matches = selectorOf(labelSelector);
    return [...this.#candidates(namespace, labelSelector)].filter(
      (object) => (namespace === undefined || object.metadata.namespace === namespace) && matches(object),
    );
  }

  #candidates(namespace: string | undefined, labelSelector: string | undefined): Iterable<KubeObject> {
    const value = requirementsOf(labelSelector).find(([label]) => label === this.#label)?.[1];
    if (namespace === undefined || value === undefined) return this.#all.values();
    return this.#groups.get(`${namespace}/${value}`)?.values() ?? [];
  }

  #groupOf({ metadata: { namespace = '', labels = {} } }: KubeObject): string {
    return `${namespace}/${labels[this.#label] ?? ''}`;
  }
}
