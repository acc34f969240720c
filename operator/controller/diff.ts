/** A copy of a list of objects that reports each difference when it is updated. */
import type { KubeObject } from '../kube/object-store.ts';
import { keyOf } from './caches.ts';
import { IndexedObjects } from './indexed-objects.ts';

/** `before` is undefined for a new object, `after` for a deleted one. */
export interface ObjectChange {
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

export class Diff {
  readonly objects: IndexedObjects;
  readonly #onChange: (change: ObjectChange) => void;

  constructor(indexLabel: string, onChange: (change: ObjectChange) => void) {
    this.objects = new IndexedObjects(indexLabel);
    this.#onChange = onChange;
  }

  /** Takes over a complete list: objects missing in it were deleted in the meantime. */
  replace(items: readonly KubeObject[]): void {
    const deleted = this.objects.entries();
    for (const object of items) {
      deleted.delete(keyOf(object.metadata));
      this.set(object);
    }
    for (const object of deleted.values()) this.unset(object);
  }

  set(after: KubeObject): void {
    const before = this.objects.get(keyOf(after.metadata));
    if (before !== undefined && before.metadata.resourceVersion === after.metadata.resourceVersion) return;
    this.objects.set(after);
    // Deleted and created again in the meantime: two objects with the same name.
    if (before !== undefined && before.metadata.uid !== after.metadata.uid) {
      this.#onChange({ before, after: undefined });
      this.#onChange({ before: undefined, after });
    } else this.#onChange({ before, after });
  }

  unset(object: KubeObject): void {
    if (this.objects.delete(keyOf(object.metadata))) this.#onChange({ before: object, after: undefined });
  }
}
