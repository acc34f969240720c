/**
 * The operator on any store: watches, the queue, the reconciler and its Events, put together. main.ts gives
 * it an API server, `npm start` (operator/local) objects in memory; nothing in here knows which.
 */
import type { Registry } from 'prom-client';
import type { Clock } from '../services/runtime/clock.ts';
import type { Log } from '../services/runtime/log.ts';
import { OCPP_CLUSTERS } from './api/ocpp-cluster.ts';
import type { Caches } from './controller/caches.ts';
import { type Controller, createController } from './controller/controller.ts';
import { createEventRecorder } from './controller/events.ts';
import type { ObjectStore } from './kube/object-store.ts';
import { ClusterMetrics } from './reconcile/metrics.ts';
import { createReconciler } from './reconcile/reconcile.ts';
import { MANAGED_BY } from './render/render-input.ts';
import { OPTIONAL, OWNED, PODS } from './render/resources.ts';
import { createScraper, type Scrape } from './signals/scrape.ts';

export interface OperatorOptions {
  readonly store: ObjectStore;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** `repository:tag` of clusters that do not name an image. */
  readonly defaultImage: string;
  readonly redisImage: string;
  /** Whose Pods NetworkPolicies let in to the metrics; left out where the operator runs elsewhere. */
  readonly operatorNamespace?: string;
  readonly scrapeIntervalMs: number;
  /** Who speaks in Events: a Pod's name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  /** Reads the metrics of Pods; over HTTP where left out. */
  readonly scrape?: Scrape;
  /** Gets the status of each cluster after every reconcile; Prometheus metrics where left out. */
  readonly metrics?: ClusterMetrics;
}

export interface Operator {
  readonly caches: Caches;
  /** Which namespace is not worked on yet and why, for readiness. Undefined: all are. */
  unsynced(): string | undefined;
  /** What is wrong, for liveness. Undefined: nothing. */
  healthy(): string | undefined;
  /** Ends the reconciles under way and writes the Events that wait. Clusters stay as they are. */
  stop(): Promise<void>;
}

export function runOperator(options: OperatorOptions): Operator {
  const { store, clock, log } = options;
  const events = createEventRecorder({
    store,
    component: 'ocpp-operator',
    instance: options.instance,
    log,
    clock,
  });
  const scrape =
    options.scrape ??
    createScraper(clock.now.bind(clock), ({ pod, host }, error) =>
      log.debug({ pod, host, error: error.message }, 'metrics not read'),
    );
  const reconcile = createReconciler({
    store,
    caches: {
      get: (ref) => controller.caches.get(ref),
      list: (...of) => controller.caches.list(...of),
      serves: (resource) => controller.caches.serves(resource),
    },
    scrape,
    recordEvent: (about, { type, reason, message }) => events.record(about, type, reason, message),
    clock,
    log,
    defaultImage: options.defaultImage,
    redisImage: options.redisImage,
    operatorNamespace: options.operatorNamespace,
    scrapeIntervalMs: options.scrapeIntervalMs,
    metrics: options.metrics ?? new ClusterMetrics(options.registry),
  });
  const controller: Controller = createController({
    store,
    primary: OCPP_CLUSTERS,
    owned: [...OWNED, PODS],
    optional: OPTIONAL,
    ownedSelector: MANAGED_BY,
    namespaces: options.namespaces,
    reconcile,
    log,
    registry: options.registry,
  });
  controller.start();
  return {
    caches: controller.caches,
    unsynced: () => controller.unsynced(),
    healthy: () => controller.healthy(),
    async stop() {
      await controller.stop();
      await events.stop();
    },
  };
}
