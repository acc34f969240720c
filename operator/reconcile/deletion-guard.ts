/**
 * Nothing is made for a cluster that is gone. The caches may be late, and a pass that began before the deletion goes on after
 * it: what it made would have to be collected again, and a volume that comes with it might stay for ever.
 */
import { OCPP_CLUSTERS, type OcppCluster } from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';

/** The pass is over; that the cluster is gone brings up another one. */
export class ClusterGone extends StoreError {
  constructor({ metadata }: OcppCluster) {
    super('not-found', `OcppCluster ${metadata.namespace}/${metadata.name} was deleted meanwhile`);
  }
}

export class Existence {
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

  /** Before something is made: asks the API server, once in a pass. @throws ClusterGone */
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
