/**
 * Which connections NetworkPolicies let through, as Kubernetes defines it (networking.k8s.io/v1): a Pod that no policy selects
 * for a direction is open in it; one that is selected gets what the rules of all its policies add up to. No cluster of ours
 * enforces policies, so the tests ask this.
 */
import { BlockList } from 'node:net';

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}
interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}
interface Port {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}
export interface Policy {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly { readonly from?: readonly Peer[]; readonly ports?: readonly Port[] }[];
    readonly egress?: readonly { readonly to?: readonly Peer[]; readonly ports?: readonly Port[] }[];
  };
}

/** A Pod, or an address outside of the Kubernetes cluster. */
export interface End {
  readonly ip: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the namespace; its name is always among them. */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  readonly portNames?: Readonly<Record<string, number>>;
}
export interface Flow {
  readonly from: End;
  readonly to: End;
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP';
}

export function isAllowed(policies: readonly Policy[], flow: Flow): boolean {
  const out = rulesFor(policies, flow.from, 'Egress').map(({ to, ports }) => ({ peers: to, ports }));
  const into = rulesFor(policies, flow.to, 'Ingress').map(({ from, ports }) => ({ peers: from, ports }));
  return (
    (isOpen(policies, flow.from, 'Egress') || out.some((rule) => admits(rule, flow, flow.from, flow.to))) &&
    (isOpen(policies, flow.to, 'Ingress') || into.some((rule) => admits(rule, flow, flow.to, flow.from)))
  );
}

type Direction = 'Ingress' | 'Egress';

const isOpen = (policies: readonly Policy[], end: End, direction: Direction) =>
  policies.every((policy) => !concerns(policy, end, direction));

function rulesFor(policies: readonly Policy[], end: End, direction: Direction) {
  const concerned = policies.filter((policy) => concerns(policy, end, direction));
  return concerned.flatMap<{ from?: readonly Peer[]; to?: readonly Peer[]; ports?: readonly Port[] }>(
    ({ spec }) => (direction === 'Ingress' ? spec.ingress : spec.egress) ?? [],
  );
}

function concerns({ metadata, spec }: Policy, end: End, direction: Direction): boolean {
  if (end.namespace !== (metadata.namespace ?? 'default')) return false;
  // Left out: Ingress always, Egress where there are rules for it.
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])];
  return types.includes(direction) && selects(spec.podSelector, end.labels ?? {});
}

/** No peers, or none given: all of them. The same with ports. */
function admits(
  { peers = [], ports = [] }: { peers?: readonly Peer[] | undefined; ports?: readonly Port[] | undefined },
  { port, protocol = 'TCP', to }: Flow,
  guarded: End,
  other: End,
): boolean {
  const near = guarded.namespace ?? 'default';
  return (
    (peers.length === 0 || peers.some((peer) => isPeer(peer, other, near))) &&
    (ports.length === 0 || ports.some((one) => (one.protocol ?? 'TCP') === protocol && isPort(one, port, to)))
  );
}

function isPort({ port, endPort }: Port, asked: number, to: End): boolean {
  if (port === undefined) return true;
  if (typeof port === 'string') return to.portNames?.[port] === asked;
  return asked >= port && asked <= (endPort ?? port);
}

function isPeer({ ipBlock, podSelector, namespaceSelector }: Peer, end: End, near: string): boolean {
  if (ipBlock !== undefined) {
    const { cidr, except = [] } = ipBlock;
    return contains(cidr, end.ip) && !except.some((hole) => contains(hole, end.ip));
  }
  if (end.namespace === undefined) return false;
  const namespaceLabels = { 'kubernetes.io/metadata.name': end.namespace, ...end.namespaceLabels };
  const inNamespace =
    namespaceSelector === undefined ? end.namespace === near : selects(namespaceSelector, namespaceLabels);
  return inNamespace && (podSelector === undefined || selects(podSelector, end.labels ?? {}));
}

function contains(cidr: string, ip: string): boolean {
  const [network = '', bits] = cidr.split('/');
  const family = network.includes(':') ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return ip.includes(':') === (family === 'ipv6') && list.check(ip, family);
}

/** An empty selector takes all. */
function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: End['labels'] = {}): boolean {
  const has = (key: string) => Object.hasOwn(labels, key);
  const within = (key: string, values: readonly string[] = []) =>
    values.includes(labels[key] ?? '') && has(key);
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      if (operator === 'In') return within(key, values);
      if (operator === 'NotIn') return !within(key, values);
      if (operator === 'Exists') return has(key);
      if (operator === 'DoesNotExist') return !has(key);
      throw new Error(`${operator} is no operator of a label selector`);
    })
  );
}
