/** The Service that stations connect to. No session affinity: any Pod can accept the next connection of a station. */
import type { V1ServiceSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../kube/object-store.ts';
import { SERVICES } from './resources.ts';
import { type StationPort, stationPorts } from './station-ports.ts';
import { owned, selectorLabels, type RenderInput } from './render-input.ts';

export function proxyService(input: RenderInput): KubeObject {
  const { type, labels, annotations, externalTrafficPolicy, ipFamilyPolicy, ...others } =
    input.spec.proxy.service;
  const { deregistrationSeconds: _, ...balancer } = others;
  const { loadBalancerSourceRanges: ranges, ...rest } = balancer;
  const spec = {
    type,
    ...(type !== 'ClusterIP' && { externalTrafficPolicy }),
    ...(type === 'LoadBalancer' && { ...rest, ...(ranges && { loadBalancerSourceRanges: [...ranges] }) }),
    ...(ipFamilyPolicy !== undefined && { ipFamilyPolicy }),
    selector: { ...selectorLabels(input.cluster, 'ws-proxy'), ...input.servingLabels },
    ports: stationPorts(input.spec).map(portOf),
  } satisfies V1ServiceSpec;
  return owned(
    input,
    SERVICES,
    'ws-proxy',
    { spec },
    { ...(labels && { labels }), ...(annotations && { annotations }) },
  );
}

const portOf = ({ listener, servicePort, nodePort, name, isTls }: StationPort) => ({
  name: listener,
  port: servicePort,
  targetPort: name,
  protocol: 'TCP',
  appProtocol: isTls ? 'kubernetes.io/wss' : 'kubernetes.io/ws',
  ...(nodePort !== undefined && { nodePort }),
});
