/**
 * What the network lets through, where the cluster asks for it: one policy for each component, and what is not in it is denied.
 * NetworkPolicies add up, so a user allows more by one of his own. The kubelet's probes come from the Pod's own node, which no
 * policy keeps out.
 */
import { isIPv4 } from 'node:net';
import type {
  V1NetworkPolicyEgressRule,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1NetworkPolicySpec,
} from '@kubernetes/client-node';
import { PORT } from '../../services/contract.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { NETWORK_POLICIES } from './resources.ts';
import { stationPorts } from './station-ports.ts';
import { type Component, owned, selectorLabels, type View } from './render-input.ts';

/** The client library calls `from` `_from`. */
interface IngressRule {
  readonly from?: readonly V1NetworkPolicyPeer[];
  readonly ports: readonly V1NetworkPolicyPort[];
}
interface PolicyRules extends Omit<V1NetworkPolicySpec, 'podSelector' | 'ingress'> {
  readonly ingress: readonly IngressRule[];
}

/** Policies see the port of the DNS Pod, which is 5353 on OpenShift. */
const DNS_PORTS = [53, 5353];

export function networkPolicies(view: View): KubeObject[] {
  const { spec } = view;
  if (!spec.networkPolicy.enabled) return [];
  const outwards = { policyTypes: ['Ingress', 'Egress'], egress: [dns(), ...toRedis(view)] };
  const policies: [Component, PolicyRules][] = [
    ['processor', { ...outwards, ingress: toAdmin(view) }],
    ['ws-proxy', { ...outwards, ingress: [fromStations(view), ...toAdmin(view)] }],
  ];
  if (spec.redis.embedded !== undefined) {
    const from = [podsOf(view, 'ws-proxy'), podsOf(view, 'processor')];
    const ingress = [{ from, ports: tcp([PORT.redis]) }];
    policies.unshift(['redis', { policyTypes: ['Ingress', 'Egress'], ingress, egress: [] }]);
  }
  return policies.map(([component, policy]) => {
    const podSelector = { matchLabels: { ...selectorLabels(view.cluster, component) } };
    return owned(view, NETWORK_POLICIES, component, { spec: { podSelector, ...policy } });
  });
}

const tcp = (ports: readonly number[]): V1NetworkPolicyPort[] =>
  ports.map((port) => ({ protocol: 'TCP', port }));

/** In the same namespace. */
const podsOf = ({ cluster }: View, component: Component): V1NetworkPolicyPeer => ({
  podSelector: { matchLabels: { ...selectorLabels(cluster, component) } },
});

/** To any address: a name server on the node or outside of the cluster is no Pod. */
function dns(): V1NetworkPolicyEgressRule {
  return { ports: [...tcp(DNS_PORTS), ...DNS_PORTS.map((port) => ({ protocol: 'UDP', port }))] };
}

function fromStations({ spec }: View): IngressRule {
  const { stationsFrom } = spec.networkPolicy;
  const ports = tcp(stationPorts(spec).map(({ containerPort }) => containerPort));
  return { ports, ...(stationsFrom !== undefined && { from: stationsFrom }) };
}

/**
 * Metrics and health. Nobody outside of the Kubernetes cluster; the operator, of whose Pods nothing is known but their
 * namespace, in any case, as it scales by what it reads.
 */
function toAdmin({ spec, operatorNamespace }: View): IngressRule[] {
  const { metricsFrom } = spec.networkPolicy;
  const ports = tcp([PORT.admin]);
  if (metricsFrom === undefined) return [{ ports, from: [{ namespaceSelector: {} }] }];
  const operator: V1NetworkPolicyPeer[] =
    operatorNamespace === undefined
      ? []
      : [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } } }];
  const from = [...operator, ...metricsFrom];
  // A rule without a peer would be for everybody.
  return from.length === 0 ? [] : [{ ports, from }];
}

function toRedis(view: View): V1NetworkPolicyEgressRule[] {
  const { external } = view.spec.redis;
  if (external === undefined) return [{ to: [podsOf(view, 'redis')], ports: tcp([PORT.redis]) }];
  const { mode } = external;
  const addresses = external.addresses.map(parsed);
  if (mode === 'Standalone') return addresses.map(({ host, port }) => ({ ...at(host), ports: tcp([port]) }));
  // Sentinels and nodes tell of further addresses, which are not known here. So only of ports.
  const ports = new Set(addresses.map(({ port }) => port));
  if (mode === 'Sentinel') ports.add(PORT.redis);
  return [{ ports: tcp([...ports]) }];
}

/** `host:port`; a name may stand for any address. */
function at(host: string): Pick<V1NetworkPolicyEgressRule, 'to'> {
  return isIPv4(host) ? { to: [{ ipBlock: { cidr: `${host}/32` } }] } : {};
}

function parsed(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
