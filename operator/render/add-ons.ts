/** What a cluster asks for and its Kubernetes cluster does not have. */
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import type { Resource } from '../kube/object-store.ts';
import { HTTP_ROUTES } from './resources.ts';

/** In words, with what to do. Monitoring is not asked for: its default is to go along with what is there. */
export function missingAddOns(
  { proxy }: Pick<DefaultedSpec, 'proxy'>,
  serves: (resource: Resource) => boolean,
): string[] {
  if (proxy.gateway === undefined || serves(HTTP_ROUTES)) return [];
  const { group, version, kind } = HTTP_ROUTES;
  return [
    `spec.proxy.gateway needs an ${kind}, and the API server has no ${group}/${version} or the operator may not list its objects: ` +
      'stations cannot come by the Gateway; install the Gateway API, or remove spec.proxy.gateway',
  ];
}
