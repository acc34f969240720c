/** A route at a Gateway, where one is asked for and the API server has the kind. */
import type { KubeObject } from '../kube/object-store.ts';
import { HTTP_ROUTES } from './resources.ts';
import { stationRoutes } from './station-routes.ts';
import { nameOf, owned, type View } from './render-input.ts';

/** Sockets of stations live for months, and the Gateway API counts them as one request: 0s is no limit. */
const NO_TIMEOUTS = { request: '0s', backendRequest: '0s' };

export function httpRoute(view: View): KubeObject[] {
  const { gateway } = view.spec.proxy;
  if (gateway === undefined || view.serves?.(HTTP_ROUTES) !== true) return [];
  const name = nameOf(view.cluster, 'ws-proxy');
  const spec = {
    parentRefs: gateway.parentRefs,
    ...(gateway.hostnames.length > 0 && { hostnames: gateway.hostnames }),
    rules: stationRoutes(view.spec).map(({ path, port }) => ({
      matches: [{ path: { type: 'PathPrefix', value: path } }],
      timeouts: NO_TIMEOUTS,
      backendRefs: [{ name, port }],
    })),
  };
  return [owned(view, HTTP_ROUTES, 'ws-proxy', { spec })];
}
