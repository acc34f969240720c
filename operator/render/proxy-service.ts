/** The Service that stations connect to. Without session affinity: a socket stays where it is, and the next one may go anywhere. */
import type { V1ServiceSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../kube/object-store.ts';
import { SERVICES } from './resources.ts';
import { type StationPort, stationPorts } from './station-ports.ts';
import { owned, selectorLabels, type View } from './render-input.ts';

export function proxyService(view: View): KubeObject {
  const { type, labels, annotations, externalTrafficPolicy, ipFamilyPolicy, ...balancer } =
    view.spec.proxy.service;
  const { loadBalancerSourceRanges: ranges, ...rest } = balancer;
  const spec = {
    type,
    ...(type !== 'ClusterIP' && { externalTrafficPolicy }),
    ...(type === 'LoadBalancer' && { ...rest, ...(ranges && { loadBalancerSourceRanges: [...ranges] }) }),
    ...(ipFamilyPolicy !== undefined && { ipFamilyPolicy }),
    selector: selectorLabels(view.cluster, 'ws-proxy'),
    ports: stationPorts(view.spec).map(portOf),
  } satisfies V1ServiceSpec;
  return owned(
    view,
    SERVICES,
    'ws-proxy',
    { spec },
    { ...(labels && { labels }), ...(annotations && { annotations }) },
  );
}

const portOf = ({ listener, servicePort, nodePort, name }: StationPort) => ({
  name: listener,
  port: servicePort,
  targetPort: name,
  protocol: 'TCP',
  appProtocol: 'kubernetes.io/ws',
  ...(nodePort !== undefined && { nodePort }),
});
