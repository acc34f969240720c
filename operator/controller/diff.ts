/** The copy of a list of objects, which tells of each thing that makes it another. */
import type { KubeObject } from '../kube/object-store.ts';
import { keyOf } from './caches.ts';
import { IndexedObjects } from './indexed-objects.ts';

/** Undefined before: it is new. Undefined after: it was deleted. */
export interface ObjectChange {
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

export class Mirror {
  readonly objects: IndexedObjects;
  readonly #tell: (change: ObjectChange) => void;

  constructor(indexLabel: string, tell: (change: ObjectChange) => void) {
    this.objects = new IndexedObjects(indexLabel);
    this.#tell = tell;
  }

  /** These are all that there are: what is missing among them was deleted while nobody looked. */
  replace(items: readonly KubeObject[]): void {
    const gone = this.objects.entries();
    for (const object of items) {
      gone.delete(keyOf(object.metadata));
      this.set(object);
    }
    for (const object of gone.values()) this.unset(object);
  }

  set(after: KubeObject): void {
    const before = this.objects.get(keyOf(after.metadata));
    if (before !== undefined && before.metadata.resourceVersion === after.metadata.resourceVersion) return;
    this.objects.set(after);
    // Deleted and made anew while nobody looked: two objects, though one name.
    if (before !== undefined && before.metadata.uid !== after.metadata.uid) {
      this.#tell({ before, after: undefined });
      this.#tell({ before: undefined, after });
    } else this.#tell({ before, after });
  }

  unset(object: KubeObject): void {
    if (this.objects.delete(keyOf(object.metadata))) this.#tell({ before: object, after: undefined });
  }
}
