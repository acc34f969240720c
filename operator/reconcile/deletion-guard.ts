/**
 * Prevents the operator from creating objects for a deleted cluster. Caches lag behind, and a pass may outlast the deletion:
 * its objects would have to be garbage collected again, and a volume created with them might stay forever.
 */
import { OCPP_CLUSTERS, type OcppCluster } from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';

/** Ends the pass. The deletion itself enqueues the key again. */
export class ClusterGone extends StoreError {
  constructor({ metadata }: OcppCluster) {
    super('not-found', `OcppCluster ${metadata.namespace}/${metadata.name} was deleted during the pass`);
  }
}

export class DeletionGuard {
  readonly #store: Pick<ObjectStore, 'get'>;
  readonly #caches: Pick<Caches, 'get'>;
  readonly #cluster: OcppCluster;
  #asked = false;

  constructor(store: Pick<ObjectStore, 'get'>, caches: Pick<Caches, 'get'>, cluster: OcppCluster) {
    this.#store = store;
    this.#caches = caches;
    this.#cluster = cluster;
  }

  /** Before each change. @throws ClusterGone */
  check(): void {
    this.#expect(this.#caches.get(this.#ref()));
  }

  /** Before an object is created: asks the API server, once per pass. @throws ClusterGone */
  async confirm(): Promise<void> {
    this.check();
    if (this.#asked) return;
    this.#expect(await this.#store.get(this.#ref()));
    this.#asked = true;
  }

  #ref() {
    const { name, namespace = 'default' } = this.#cluster.metadata;
    return { resource: OCPP_CLUSTERS, name, namespace };
  }

  #expect(found: KubeObject | undefined): void {
    const same = found?.metadata.uid === this.#cluster.metadata.uid;
    if (!same || found?.metadata.deletionTimestamp !== undefined) throw new ClusterGone(this.#cluster);
  }
}
