/** The URLs at which stations connect, for the status. Pure. */
import type { DefaultedSpec, OcppCluster } from '../api/ocpp-cluster.ts';
import { stationRoutes } from '../render/routes.ts';
import { nameOf } from '../render/render-input.ts';
import type { Observed } from '../observe/observe.ts';

/** The limit of the schema. */
const MAX_ENDPOINTS = 50;

/**
 * Inside the Kubernetes cluster always; outside when the load balancer has an address, or an Ingress or Gateway has a host name.
 * Only through its load balancer reaches a station a listener whose TLS ends there.
 */
export function endpointsOf(cluster: OcppCluster, spec: DefaultedSpec, observed: Observed): string[] {
  const inside = `${nameOf(cluster, 'ws-proxy')}.${cluster.metadata.namespace}.svc`;
  const services = [inside, ...balanced(observed)].flatMap((host) =>
    spec.listeners
      .filter(({ tls }) => host !== inside || tls?.termination !== 'LoadBalancer')
      .map(({ port, path, tls }) => `${tls === undefined ? 'ws' : 'wss'}://${host}:${port}${path}/{id}`),
  );
  const routes = frontDoors(spec).flatMap(({ scheme, host }) =>
    stationRoutes(spec).map(({ path }) => `${scheme}://${host}${path}/{id}`),
  );
  return [...services, ...routes].slice(0, MAX_ENDPOINTS);
}

function frontDoors({ proxy: { ingress, gateway } }: DefaultedSpec) {
  const door = (host: string, tls: boolean) => ({ scheme: tls ? 'wss' : 'ws', host });
  return [
    ...(ingress === undefined ? [] : [door(ingress.host, ingress.tlsSecretName !== undefined)]),
    ...(gateway?.hostnames ?? []).map((host) => door(host, gateway?.tls === true)),
  ];
}

function balanced({ proxyService }: Observed): string[] {
  return (proxyService?.status?.loadBalancer?.ingress ?? []).flatMap(({ hostname, ip }) => {
    if (hostname !== undefined) return [hostname];
    if (ip === undefined) return [];
    return [ip.includes(':') ? `[${ip}]` : ip];
  });
}
