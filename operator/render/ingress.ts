/** An Ingress for stations, where one is asked for. */
import type { V1IngressSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../kube/object-store.ts';
import { INGRESSES } from './resources.ts';
import { stationRoutes } from './station-routes.ts';
import { nameOf, owned, type View } from './render-input.ts';

export function ingress(view: View): KubeObject[] {
  const asked = view.spec.proxy.ingress;
  if (asked === undefined) return [];
  const { host, className, tlsSecretName, annotations } = asked;
  const paths = stationRoutes(view.spec).map(({ path, portName }) => ({
    path,
    pathType: 'Prefix',
    backend: { service: { name: nameOf(view.cluster, 'ws-proxy'), port: { name: portName } } },
  }));
  const spec = {
    ...(className !== undefined && { ingressClassName: className }),
    ...(tlsSecretName !== undefined && { tls: [{ hosts: [host], secretName: tlsSecretName }] }),
    rules: [{ host, http: { paths } }],
  } satisfies V1IngressSpec;
  return [owned(view, INGRESSES, 'ws-proxy', { spec }, { ...(annotations && { annotations }) })];
}
