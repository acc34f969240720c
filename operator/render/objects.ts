/**
 * An OcppCluster as Kubernetes objects: one ordered list with every object of the cluster. Pure: the same cluster and context
 * give the same objects, so an operator upgrade restarts no Pod unless a renderer changed.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { apiObjects } from './api/api.ts';
import { processorAutoscaler } from './autoscalers/autoscaler.ts';
import { billSinkObjects } from './billing/bill-sink.ts';
import { processorDisruptionBudget, proxyDisruptionBudget } from './disruption-budgets.ts';
import { listenerCertificates, redisCertificate } from './front-door/certificates.ts';
import { monitoring } from './monitoring.ts';
import { networkPolicies } from './network-policy.ts';
import { processorDeployment, processorSettings } from './processor.ts';
import { proxyService } from './proxy-service.ts';
import { redisService, redisStatefulSet } from './redis.ts';
import { SERVICE_ACCOUNTS } from './resources.ts';
import { httpRoute, ingress } from './routes.ts';
import {
  type Component,
  owned,
  type RenderContext,
  type RenderInput,
  renderInputOf,
} from './render-input.ts';
import { proxyDeployment, proxySettings } from './ws-proxy.ts';

/** In the order in which they are applied. */
export function renderObjects(cluster: OcppCluster, context: RenderContext): readonly KubeObject[] {
  const input = renderInputOf(cluster, context);
  const { embedded } = input.spec.redis;
  const redis =
    embedded === undefined
      ? []
      : [
          serviceAccount(input, 'redis'),
          ...redisCertificate(input),
          redisService(input),
          redisStatefulSet(input, embedded),
        ];
  return [
    // First, so that no Pod ever runs without its policy.
    ...networkPolicies(input),

    ...redis,

    serviceAccount(input, 'processor'),
    ...processorSettings(input),
    processorDeployment(input),
    ...processorDisruptionBudget(input),
    ...processorAutoscaler(input),

    serviceAccount(input, 'ws-proxy'),
    ...proxySettings(input),
    // Before the Pods, which wait for their Secrets.
    ...listenerCertificates(input),
    proxyService(input),
    ...proxyDeployment(input),
    ...proxyDisruptionBudget(input),
    ...ingress(input),
    ...httpRoute(input),

    ...apiObjects(input),

    ...billSinkObjects(input),

    ...monitoring(input),
  ];
}

/** No Pod but that of the HTTP API needs the API server. */
function serviceAccount(input: RenderInput, component: Component): KubeObject {
  return owned(input, SERVICE_ACCOUNTS, component, { automountServiceAccountToken: false });
}
