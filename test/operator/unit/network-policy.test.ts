/** Which connections the rendered NetworkPolicies allow, as a table. */
import test from 'ava';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { startApiServer } from '../../support/api-server.ts';
import { type End, isAllowed, type Policy } from '../../contracts/network-flows.ts';
import { applyStrictly, names, type Rendered, rendered } from '../../support/rendered.ts';

const part = (component: string, ip: string, instance = 'city'): End => ({
  ip,
  namespace: 'default',
  labels: {
    'app.kubernetes.io/name': 'ocpp',
    'app.kubernetes.io/instance': instance,
    'app.kubernetes.io/component': component,
  },
});
const ENDS = {
  proxy: part('ws-proxy', '10.244.0.1'),
  processor: part('processor', '10.244.0.2'),
  redis: part('redis', '10.244.0.3'),
  API: part('api', '10.244.0.7'),
  sink: part('bill-sink', '10.244.0.8'),
  'proxy of another cluster': part('ws-proxy', '10.244.0.4', 'town'),
  'Redis of another cluster': part('redis', '10.244.0.5', 'town'),
  'Pod of the namespace': { ip: '10.244.0.6', namespace: 'default', labels: { app: 'shop' } },
  operator: {
    ip: '10.244.1.1',
    namespace: 'ocpp-system',
    labels: { 'app.kubernetes.io/name': 'ocpp-operator' },
  },
  Prometheus: { ip: '10.244.1.2', namespace: 'monitoring', labels: { app: 'prometheus' } },
  'Ingress controller': { ip: '10.244.1.3', namespace: 'edge', labels: { app: 'nginx' } },
  'proxy-like Pod elsewhere': { ...part('ws-proxy', '10.244.1.4'), namespace: 'other' },
  DNS: { ip: '10.244.1.5', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  'DNS of the node': { ip: '169.254.20.10' },
  station: { ip: '198.51.100.7' },
  'station of the fleet': { ip: '203.0.113.7' },
  'own Redis': { ip: '192.0.2.10' },
  'other host': { ip: '192.0.2.11' },
  'API server': { ip: '192.0.2.12' },
} satisfies Readonly<Record<string, End>>;
type Name = keyof typeof ENDS;
type Row = readonly [from: Name, to: Name, port: number | `${number}/UDP`, allowed: boolean];

const policiesOf = (spec: OcppClusterSpec, operatorNamespace: string | null = 'ocpp-system') =>
  rendered(
    { ...spec, networkPolicy: { enabled: true, ...spec.networkPolicy } },
    operatorNamespace === null ? {} : { operatorNamespace },
  ).filter(({ kind }) => kind === 'NetworkPolicy') as (Rendered & Policy)[];

const standalone = (address: string): OcppClusterSpec => ({ redis: { external: { addresses: [address] } } });
const SENTINEL: OcppClusterSpec = {
  redis: { external: { mode: 'Sentinel', addresses: ['a:26379'], sentinel: { masterName: 'm' } } },
};

/** Connections that every cluster needs, and connections that are always denied. */
const ALWAYS: readonly Row[] = [
  ['operator', 'proxy', 9090, true],
  ['operator', 'processor', 9090, true],
  ['station', 'proxy', 9090, false],
  ['station', 'processor', 9090, false],
  ['proxy', 'DNS', '53/UDP', true],
  ['proxy', 'DNS', 53, true],
  ['processor', 'DNS of the node', '53/UDP', true],
  ['processor', 'DNS', '5353/UDP', true],
  ['proxy', 'DNS', 9153, false],
  ['station', 'proxy', 22, false],
  ['station', 'processor', 9000, false],
  ['proxy', 'processor', 9000, false],
  ['processor', 'station', 443, false],
  ['proxy', 'other host', 443, false],
  ['processor', 'Pod of the namespace', 8080, false],
  ['Pod of the namespace', 'other host', 443, true],
];

const TABLES: Readonly<Record<string, readonly [OcppClusterSpec, ...Row[]]>> = {
  'a cluster with the defaults': [
    {},
    ['station', 'proxy', 9000, true],
    ['Ingress controller', 'proxy', 9000, true],
    ['station', 'proxy', 9001, false],
    ['Prometheus', 'proxy', 9090, true],
    ['Pod of the namespace', 'processor', 9090, true],
    ['proxy', 'redis', 6379, true],
    ['processor', 'redis', 6379, true],
    ['proxy', 'redis', 6380, false],
    ['operator', 'redis', 6379, false],
    ['Pod of the namespace', 'redis', 6379, false],
    ['station', 'redis', 6379, false],
    ['proxy of another cluster', 'redis', 6379, false],
    ['proxy-like Pod elsewhere', 'redis', 6379, false],
    ['proxy', 'Redis of another cluster', 6379, false],
    ['redis', 'proxy', 9000, false],
    ['redis', 'DNS', '53/UDP', false],
    ['redis', 'other host', 443, false],
  ],
  'the HTTP API': [
    { api: { enabled: true } },
    ['Pod of the namespace', 'API', 8080, true],
    ['Pod of the namespace', 'API', 8081, false],
    ['Ingress controller', 'API', 8080, false],
    ['station', 'API', 8080, false],
    ['Prometheus', 'API', 9090, true],
    ['operator', 'API', 9090, true],
    ['API', 'DNS', '53/UDP', true],
    ['API', 'redis', 6379, true],
    ['API', 'Redis of another cluster', 6379, false],
    ['API', 'API server', 443, true],
    ['API', 'API server', 6443, true],
    ['API', 'other host', 80, false],
    ['API', 'proxy', 9000, false],
    ['API', 'processor', 9090, false],
    ['processor', 'API server', 6443, false],
  ],
  'the HTTP API with a Prometheus': [
    { api: { enabled: true, prometheus: { url: 'http://prometheus.monitoring:9090' } } },
    ['API', 'Prometheus', 9090, true],
    ['API', 'Prometheus', 9091, false],
    ['processor', 'Prometheus', 9090, false],
  ],
  'the bill sink': [
    { billing: { sink: { postgres: { secretName: 'bills' } } } },
    ['sink', 'other host', 5432, true],
    ['sink', 'other host', 6432, true],
    ['sink', 'DNS', '53/UDP', true],
    ['sink', 'redis', 6379, true],
    ['Prometheus', 'sink', 9090, true],
    ['operator', 'sink', 9090, true],
    ['station', 'sink', 9090, false],
    ['Pod of the namespace', 'sink', 8080, false],
    ['processor', 'other host', 5432, false],
  ],
  'several listeners': [
    {
      listeners: [
        { name: 'a', port: 80, path: '/a' },
        { name: 'b', port: 81, path: '/b' },
      ],
    },
    ['station', 'proxy', 9000, true],
    ['station', 'proxy', 9001, true],
    ['station', 'proxy', 80, false],
    ['station', 'proxy', 9002, false],
  ],
  'stations and metrics by peers': [
    {
      networkPolicy: {
        stationsFrom: [
          { ipBlock: { cidr: '203.0.113.0/24' } },
          { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'edge' } } },
        ],
        metricsFrom: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'prometheus' } } }],
      },
    },
    ['station of the fleet', 'proxy', 9000, true],
    ['station', 'proxy', 9000, false],
    ['Ingress controller', 'proxy', 9000, true],
    ['Prometheus', 'proxy', 9000, false],
    ['Prometheus', 'processor', 9090, true],
    ['Ingress controller', 'proxy', 9090, false],
    ['Pod of the namespace', 'proxy', 9090, false],
  ],
  'metrics for the operator alone': [
    { networkPolicy: { metricsFrom: [] } },
    ['Prometheus', 'proxy', 9090, false],
    ['station', 'proxy', 9000, true],
  ],
  "a Redis of one's own, by address": [
    standalone('192.0.2.10:6380'),
    ['proxy', 'own Redis', 6380, true],
    ['processor', 'own Redis', 6380, true],
    ['proxy', 'own Redis', 6379, false],
    ['proxy', 'other host', 6380, false],
    ['proxy', 'redis', 6379, false],
  ],
  "a Redis of one's own, by name": [
    standalone('redis.example.com:6380'),
    ['proxy', 'own Redis', 6380, true],
    ['proxy', 'other host', 6380, true],
    ['proxy', 'other host', 6379, false],
  ],
  'a Redis with Sentinels': [
    SENTINEL,
    ['proxy', 'own Redis', 26_379, true],
    ['processor', 'other host', 6379, true],
    ['processor', 'other host', 6380, false],
  ],
};

test('each connection is allowed or denied as the tables say', (t) => {
  for (const [title, [spec, ...rows]] of Object.entries(TABLES)) {
    const policies = policiesOf(spec);
    for (const [from, to, asked, allowed] of [...ALWAYS, ...rows]) {
      const [port, protocol = 'TCP'] = String(asked).split('/') as [string, 'TCP' | 'UDP' | undefined];
      const flow = { from: ENDS[from], to: ENDS[to], port: Number(port), protocol };
      t.is(isAllowed(policies, flow), allowed, `${title}: ${from} to ${to}, ${asked}`);
    }
  }
});

test('policies are rendered only if enabled, and before the Pods', (t) => {
  const kinds = (spec: OcppClusterSpec) =>
    names(rendered(spec)).filter((name) => name.startsWith('NetworkPolicy'));
  t.deepEqual(kinds({}), []);
  const enabled = { networkPolicy: { enabled: true } };
  t.deepEqual(kinds(enabled), names(rendered(enabled)).slice(0, 3));
  t.deepEqual(kinds({ ...enabled, ...standalone('r:1') }), [
    'NetworkPolicy/city-processor',
    'NetworkPolicy/city-ws-proxy',
  ]);
});

test('with metricsFrom, an operator outside the Kubernetes cluster is allowed only by the user', (t) => {
  const outside = policiesOf(
    { networkPolicy: { metricsFrom: [{ ipBlock: { cidr: '192.0.2.11/32' } }] } },
    null,
  );
  const flow = (from: Name) => ({ from: ENDS[from], to: ENDS.proxy, port: 9090 });
  t.true(isAllowed(outside, flow('other host')));
  t.false(isAllowed(outside, flow('operator')));
  t.false(
    isAllowed(policiesOf({ networkPolicy: { metricsFrom: [] } }, null), flow('operator')),
    'an empty list allows no peer',
  );
});

test('an API server accepts all policies', async (t) => {
  await using server = await startApiServer();
  if (server === undefined) {
    t.pass('skipped: no kube-apiserver here');
    return;
  }
  for (const [title, [spec]] of Object.entries(TABLES)) {
    for (const policy of policiesOf(spec)) {
      await t.notThrowsAsync(applyStrictly(server.http, policy), title);
    }
  }
});

test('an address that is no URL gets no rule, and takes no other rule with it', (t) => {
  const bad = 'https://crm.example.com:99999/';
  const signingSecret = { name: 's', key: 'k' };
  const policies = policiesOf({
    api: {
      enabled: true,
      webhooks: [
        { name: 'bad', url: bad, signingSecret },
        { name: 'good', url: 'https://192.0.2.11:8443/', signingSecret },
      ],
    },
    authentication: { stations: { webhook: { url: bad } } },
    certificateAuthority: { webhook: { url: bad } },
    iso15118: { provider: { url: bad } },
    decisions: { webhook: { url: bad, signingSecret, actions: [{ action: 'Authorize' }] } },
    tracing: { endpoint: bad },
  });
  t.true(isAllowed(policies, { from: ENDS.API, to: ENDS['other host'], port: 8443 }));
  for (const from of [ENDS.proxy, ENDS.processor])
    t.false(isAllowed(policies, { from, to: ENDS['own Redis'], port: 443 }));
});
