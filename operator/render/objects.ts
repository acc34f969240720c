/**
 * An OcppCluster as Kubernetes objects: one ordered list, and nothing of the cluster exists that is not
 * in it. Pure: the same cluster and context give the same objects, so that an upgrade of the operator
 * restarts no Pod unless a renderer changed.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { httpRoute } from './http-route.ts';
import { ingress } from './ingress.ts';
import { monitoring } from './monitoring.ts';
import { networkPolicies } from './network-policy.ts';
import { processorDeployment, processorDisruptionBudget } from './processor.ts';
import { proxyService } from './proxy-service.ts';
import { redisService, redisStatefulSet } from './redis.ts';
import { SERVICE_ACCOUNTS } from './resources.ts';
import { type Component, owned, type RenderContext, type View, viewOf } from './render-input.ts';
import { proxyDeployment, proxyDisruptionBudget } from './ws-proxy.ts';

/** In the order in which they are applied. */
export function renderObjects(cluster: OcppCluster, context: RenderContext): readonly KubeObject[] {
  const view = viewOf(cluster, context);
  const { embedded } = view.spec.redis;
  const redis =
    embedded === undefined
      ? []
      : [serviceAccount(view, 'redis'), redisService(view), redisStatefulSet(view, embedded)];
  return [
    // First, so that no Pod is ever without.
    ...networkPolicies(view),

    ...redis,

    serviceAccount(view, 'processor'),
    processorDeployment(view),
    ...processorDisruptionBudget(view),

    serviceAccount(view, 'ws-proxy'),
    proxyService(view),
    proxyDeployment(view),
    ...proxyDisruptionBudget(view),
    ...ingress(view),
    ...httpRoute(view),

    ...monitoring(view),
  ];
}

/** No Pod of ours talks to the API server. */
function serviceAccount(view: View, component: Component): KubeObject {
  return owned(view, SERVICE_ACCOUNTS, component, { automountServiceAccountToken: false });
}
