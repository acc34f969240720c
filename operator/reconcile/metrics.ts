/** What Prometheus learns of each cluster from the operator: the same as the status tells. */
import { Gauge, type Registry } from 'prom-client';
import type { OcppCluster, OcppClusterStatus } from '../api/ocpp-cluster.ts';

const CLUSTER = ['namespace', 'cluster'] as const;
type ClusterLabel = (typeof CLUSTER)[number];

export class ClusterMetrics {
  readonly #conditions: Gauge<ClusterLabel | 'condition'>;
  /** Condition types shown so far. */
  readonly #types = new Set<string>();
  readonly #wanted: Gauge<ClusterLabel>;
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
    this.#wanted = new Gauge({
      name: 'ocpp_operator_processors_wanted',
      help: 'Processors that the autoscaling decided on',
      labelNames: CLUSTER,
      registers,
    });
    this.#proxies = new Gauge({
      name: 'ocpp_operator_proxies_wanted',
      help: 'ws-proxies that the autoscaling decided on',
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
    if (desiredReplicas !== undefined) this.#wanted.set(labels, desiredReplicas);
    const proxies = proxy?.autoscaling?.desiredReplicas;
    if (proxies === undefined) this.#proxies.remove(labels);
    else this.#proxies.set(labels, proxies);
    if (capacityPerReplica !== undefined) this.#capacity.set(labels, capacityPerReplica);
  }

  /** A cluster that is gone has no figures. */
  forget(namespace: string, cluster: string): void {
    const labels = { namespace, cluster };
    for (const condition of this.#types) this.#conditions.remove({ ...labels, condition });
    this.#wanted.remove(labels);
    this.#proxies.remove(labels);
    this.#capacity.remove(labels);
  }
}
