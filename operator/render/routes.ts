/** How stations reach a cluster from outside by an Ingress or by a route of a Gateway: paths of the listeners to ports of the Service. */
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import type { V1IngressSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../kube/object-store.ts';
import { isRoutable } from './front-door/listeners.ts';
import { HTTP_ROUTES, INGRESSES } from './resources.ts';
import { nameOf, owned, type RenderInput } from './render-input.ts';

export interface StationRoute {
  readonly path: string;
  /** Name and number of the Service's port. */
  readonly portName: string;
  readonly port: number;
}

/**
 * Listeners with the same path cannot be distinguished behind one address: the first one gets the route. One with TLS of its own
 * gets none: what is in front of it would have to decrypt.
 */
export function stationRoutes({ listeners }: Pick<DefaultedSpec, 'listeners'>): StationRoute[] {
  const routable = listeners.filter(isRoutable);
  return routable
    .filter(({ path }, index) => routable.findIndex((other) => other.path === path) === index)
    .map(({ name, port, path }) => ({ path, portName: name, port }));
}

/** Rendered when spec.proxy.ingress is given. */
export function ingress(input: RenderInput): KubeObject[] {
  const settings = input.spec.proxy.ingress;
  if (settings === undefined) return [];
  const { host, className, tlsSecretName, annotations } = settings;
  const paths = stationRoutes(input.spec).map(({ path, portName }) => ({
    path,
    pathType: 'Prefix',
    backend: { service: { name: nameOf(input.cluster, 'ws-proxy'), port: { name: portName } } },
  }));
  const spec = {
    ...(className !== undefined && { ingressClassName: className }),
    ...(tlsSecretName !== undefined && { tls: [{ hosts: [host], secretName: tlsSecretName }] }),
    rules: [{ host, http: { paths } }],
  } satisfies V1IngressSpec;
  return [owned(input, INGRESSES, 'ws-proxy', { spec }, { ...(annotations && { annotations }) })];
}

/** A station keeps its socket for months, and the Gateway API treats it as one request: 0s means no limit. */
const NO_TIMEOUTS = { request: '0s', backendRequest: '0s' };

/** Rendered when spec.proxy.gateway is given and the API server serves the kind. */
export function httpRoute(input: RenderInput): KubeObject[] {
  const { gateway } = input.spec.proxy;
  if (gateway === undefined || input.serves?.(HTTP_ROUTES) !== true) return [];
  const name = nameOf(input.cluster, 'ws-proxy');
  const spec = {
    parentRefs: gateway.parentRefs,
    ...(gateway.hostnames.length > 0 && { hostnames: gateway.hostnames }),
    rules: stationRoutes(input.spec).map(({ path, port }) => ({
      matches: [{ path: { type: 'PathPrefix', value: path } }],
      timeouts: NO_TIMEOUTS,
      backendRefs: [{ name, port }],
    })),
  };
  return [owned(input, HTTP_ROUTES, 'ws-proxy', { spec })];
}
