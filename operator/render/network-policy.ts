/**
 * NetworkPolicies, if spec.networkPolicy is enabled: one for each component, denying all other traffic. Policies are additive,
 * so a user can allow more with a policy of their own. Probes of the kubelet come from the Pod's node, which no policy blocks.
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
import {
  type Component,
  hasApi,
  hasBillSink,
  optionalComponents,
  owned,
  selectorLabels,
  type RenderInput,
} from './render-input.ts';

/** The client library calls `from` `_from`. */
interface IngressRule {
  readonly from?: readonly V1NetworkPolicyPeer[];
  readonly ports: readonly V1NetworkPolicyPort[];
}
interface PolicyRules extends Omit<V1NetworkPolicySpec, 'podSelector' | 'ingress'> {
  readonly ingress: readonly IngressRule[];
}

/** Policies apply to the port of the DNS Pod, which is 5353 on OpenShift. */
const DNS_PORTS = [53, 5353];
/** Of its Service, and behind it. It is no Pod, and its address is not known here. */
const API_SERVER_PORTS = [443, 6443];

export function networkPolicies(input: RenderInput): KubeObject[] {
  const { spec } = input;
  if (!spec.networkPolicy.enabled) return [];
  const common = { policyTypes: ['Ingress', 'Egress'], egress: [dns(), ...toRedis(input)] };
  const policies: [Component, PolicyRules][] = [
    [
      'processor',
      { ...common, egress: [...common.egress, ...toServices(ofProcessors(spec))], ingress: toAdmin(input) },
    ],
    [
      'ws-proxy',
      {
        ...common,
        egress: [...common.egress, ...toServices(ofProxies(spec))],
        ingress: [fromStations(input), ...toAdmin(input)],
      },
    ],
  ];
  if (hasApi(input)) {
    const { webhooks = [], prometheus } = spec.api;
    const services = toServices([...webhooks.map(({ url }) => url), prometheus?.url]);
    const egress = [...common.egress, { ports: tcp(API_SERVER_PORTS) }, ...services];
    policies.push(['api', { ...common, egress, ingress: [fromNamespace(), ...toAdmin(input)] }]);
  }
  // The address and port of PostgreSQL are in a Secret, which the operator cannot read: the sink may connect to any.
  if (hasBillSink(input)) policies.push(['bill-sink', { ...common, egress: [{}], ingress: toAdmin(input) }]);
  if (spec.redis.embedded !== undefined) {
    const clients: readonly Component[] = ['ws-proxy', 'processor', ...optionalComponents(input)];
    const from = clients.map((component) => podsOf(input, component));
    const ingress = [{ from, ports: tcp([PORT.redis]) }];
    policies.unshift(['redis', { policyTypes: ['Ingress', 'Egress'], ingress, egress: [] }]);
  }
  return policies.map(([component, policy]) => {
    const podSelector = { matchLabels: { ...selectorLabels(input.cluster, component) } };
    return owned(input, NETWORK_POLICIES, component, { spec: { podSelector, ...policy } });
  });
}

const tcp = (ports: readonly number[]): V1NetworkPolicyPort[] =>
  ports.map((port) => ({ protocol: 'TCP', port }));

/** In the same namespace. */
const podsOf = ({ cluster }: RenderInput, component: Component): V1NetworkPolicyPeer => ({
  podSelector: { matchLabels: { ...selectorLabels(cluster, component) } },
});

/** To any address: a name server on the node or outside the cluster is not a Pod. */
function dns(): V1NetworkPolicyEgressRule {
  return { ports: [...tcp(DNS_PORTS), ...DNS_PORTS.map((port) => ({ protocol: 'UDP', port }))] };
}

function fromStations({ spec }: RenderInput): IngressRule {
  const { stationsFrom } = spec.networkPolicy;
  const ports = tcp(stationPorts(spec).map(({ containerPort }) => containerPort));
  return { ports, ...(stationsFrom !== undefined && { from: stationsFrom }) };
}

/** The HTTP API: from every Pod of its namespace. Others, such as an ingress controller, need a policy of the user. */
const fromNamespace = (): IngressRule => ({ ports: tcp([PORT.api]), from: [{ podSelector: {} }] });

/**
 * Metrics and health: from inside the Kubernetes cluster only. The operator is always allowed, as it scales by these metrics;
 * its Pods are identified by their namespace only.
 */
function toAdmin({ spec, operatorNamespace }: RenderInput): IngressRule[] {
  const { metricsFrom } = spec.networkPolicy;
  const ports = tcp([PORT.admin]);
  if (metricsFrom === undefined) return [{ ports, from: [{ namespaceSelector: {} }] }];
  const operator: V1NetworkPolicyPeer[] =
    operatorNamespace === undefined
      ? []
      : [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } } }];
  const from = [...operator, ...metricsFrom];
  // A rule without peers would allow every source.
  return from.length === 0 ? [] : [{ ports, from }];
}

function toRedis(input: RenderInput): V1NetworkPolicyEgressRule[] {
  const { external } = input.spec.redis;
  if (external === undefined) return [{ to: [podsOf(input, 'redis')], ports: tcp([PORT.redis]) }];
  const { mode } = external;
  const addresses = external.addresses.map(parsed);
  if (mode === 'Standalone') return addresses.map(({ host, port }) => ({ ...at(host), ports: tcp([port]) }));
  // Sentinels and nodes announce further addresses, which are unknown here: only the ports can be limited.
  const ports = new Set(addresses.map(({ port }) => port));
  if (mode === 'Sentinel') ports.add(PORT.redis);
  return [{ ports: tcp([...ports]) }];
}

/** Services of the user that the ws-proxies use. */
const ofProxies = ({ authentication, tracing }: RenderInput['spec']) => [
  authentication?.stations?.webhook?.url,
  tracing?.endpoint,
];

/** The same of the processors. */
const ofProcessors = ({ certificateAuthority, iso15118, decisions, tracing }: RenderInput['spec']) => [
  certificateAuthority?.webhook?.url,
  iso15118?.provider?.url,
  decisions?.webhook.url,
  tracing?.endpoint,
];

/**
 * A Service with another port than its Pods needs a policy of the user: policies apply to the ports of Pods. A text that is no URL gets
 * no rule: its program says so, and the rest of the cluster goes on.
 */
const toServices = (urls: readonly (string | undefined)[]): V1NetworkPolicyEgressRule[] =>
  urls
    .map((url) => URL.parse(url ?? ''))
    .filter((url) => url !== null)
    .map(({ hostname, port, protocol }) => {
      const number = port === '' ? DEFAULT_PORTS[protocol as keyof typeof DEFAULT_PORTS] : Number(port);
      return Object.assign(at(hostname), { ports: tcp([number]) });
    });

const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 } as const;

/** A host name may resolve to any address. */
function at(host: string): Pick<V1NetworkPolicyEgressRule, 'to'> {
  return isIPv4(host) ? { to: [{ ipBlock: { cidr: `${host}/32` } }] } : {};
}

function parsed(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
