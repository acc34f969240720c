/** Metrics of each cluster, with the same figures as its status. */
import { Gauge, type Registry } from 'prom-client';
import type { OcppCluster, OcppClusterStatus } from '../api/ocpp-cluster.ts';

const CLUSTER = ['namespace', 'cluster'] as const;
type ClusterLabel = (typeof CLUSTER)[number];

export class ClusterMetrics {
  readonly #conditions: Gauge<ClusterLabel | 'condition'>;
  /** Condition types exported so far. */
  readonly #types = new Set<string>();
  readonly #processors: Gauge<ClusterLabel>;
  readonly #proxies: Gauge<ClusterLabel>;
  readonly #capacity: Gauge<ClusterLabel>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#conditions = new Gauge({
      name: 'ocpp_operator_cluster_condition',
      help: 'Conditions of each OcppCluster: 1 is True, 0 False or Unknown',
      labelNames: [...CLUSTER, 'condition'],
      registers,
    });
    this.#processors = new Gauge({
      name: 'ocpp_operator_processors_wanted',
      help: 'Number of processors that the autoscaler decided on',
      labelNames: CLUSTER,
      registers,
    });
    this.#proxies = new Gauge({
      name: 'ocpp_operator_proxies_wanted',
      help: 'Number of ws-proxies that the autoscaler decided on',
      labelNames: CLUSTER,
      registers,
    });
    this.#capacity = new Gauge({
      name: 'ocpp_operator_processor_capacity',
      help: 'Messages per busy second of one processor, smoothed',
      labelNames: CLUSTER,
      registers,
    });
  }

  show({ metadata }: OcppCluster, { conditions = [], proxy, autoscaling }: OcppClusterStatus): void {
    const labels = { namespace: metadata.namespace ?? '', cluster: metadata.name };
    for (const { type, status } of conditions) {
      this.#types.add(type);
      this.#conditions.set({ ...labels, condition: type }, status === 'True' ? 1 : 0);
    }
    const { desiredReplicas, capacityPerReplica } = autoscaling ?? {};
    if (desiredReplicas !== undefined) this.#processors.set(labels, desiredReplicas);
    const proxies = proxy?.autoscaling?.desiredReplicas;
    if (proxies === undefined) this.#proxies.remove(labels);
    else this.#proxies.set(labels, proxies);
    if (capacityPerReplica !== undefined) this.#capacity.set(labels, capacityPerReplica);
  }

  /** Removes the series of a deleted cluster. */
  forget(namespace: string, cluster: string): void {
    const labels = { namespace, cluster };
    for (const condition of this.#types) this.#conditions.remove({ ...labels, condition });
    this.#processors.remove(labels);
    this.#proxies.remove(labels);
    this.#capacity.remove(labels);
  }
}
