/** How stations reach a cluster from outside: options of the Service, Ingress, Gateway; with a real API server and the Gateway API. */
import test from 'ava';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { validateCluster } from '../../../operator/api/validate.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import { installForeignCrds } from '../../support/foreign-crds.ts';
import {
  GATEWAY,
  INGRESS,
  applyStrictly,
  city,
  find,
  names,
  type Rendered,
  rendered,
} from '../../support/rendered.ts';

const CLUSTERS = '/apis/ocpp.dev/v1alpha1/namespaces/default/ocppclusters';

let routed = false;
const shared = sharedApiServer(test, { flags: ['--service-node-port-range=30000-30999'] }, async (server) => {
  routed = await installForeignCrds(server, ['gateway.networking.k8s.io_httproutes']);
});

type Proxy = NonNullable<OcppClusterSpec['proxy']>;
type Listeners = NonNullable<OcppClusterSpec['listeners']>;
const service = (of: Proxy['service'], listeners?: Listeners): OcppClusterSpec => ({
  ...(listeners && { listeners }),
  proxy: { ...(of && { service: of }) },
});
const STATIONS = { name: 'stations', port: 9000, path: '/ocpp' };
const LISTENERS: Listeners = [
  STATIONS,
  { name: 'lab', port: 9100, path: '/lab' },
  { ...STATIONS, name: 'old', port: 80 },
];
const BALANCED: Proxy['service'] = {
  type: 'LoadBalancer',
  labels: { team: 'grid', 'app.kubernetes.io/name': 'mine' },
  loadBalancerClass: 'example.com/inner',
  loadBalancerSourceRanges: ['203.0.113.0/24', '2001:db8::/32'],
  allocateLoadBalancerNodePorts: false,
  ipFamilyPolicy: 'PreferDualStack',
};

/** Specs, and the objects of which the API server is asked. */
const GOOD: Readonly<Record<string, readonly [OcppClusterSpec, ...string[]]>> = {
  'a balancer with all options': [service(BALANCED), 'Service/city-ws-proxy'],
  'ports on the nodes': [
    service({ type: 'NodePort' }, [{ ...STATIONS, nodePort: 30_900 }]),
    'Service/city-ws-proxy',
  ],
  'a balancer with ports on the nodes': [
    service({ type: 'LoadBalancer' }, [{ ...STATIONS, nodePort: 30_901 }]),
    'Service/city-ws-proxy',
  ],
  'two families inside': [service({ ipFamilyPolicy: 'SingleStack' }), 'Service/city-ws-proxy'],
  'an Ingress': [{ listeners: LISTENERS, proxy: INGRESS }, 'Ingress/city-ws-proxy'],
  'the least Ingress': [{ proxy: { ingress: { host: '*.example.com' } } }, 'Ingress/city-ws-proxy'],
  'a Gateway': [{ listeners: LISTENERS, proxy: GATEWAY }, 'HTTPRoute/city-ws-proxy'],
  'the least Gateway': [{ proxy: { gateway: { parentRefs: [{ name: 'g' }] } } }, 'HTTPRoute/city-ws-proxy'],
};

test('what may be asked for is taken by the API server, as OcppCluster and as what is made of it', async (t) => {
  for (const [title, [spec, ...wanted]] of Object.entries(GOOD)) {
    t.deepEqual(validateCluster(city(spec)), [], title);
    const objects = rendered(spec);
    for (const name of wanted) t.true(names(objects).includes(name), `${title}: ${name}`);
    const api = shared.given(t);
    if (api === undefined) continue;
    await t.notThrowsAsync(create(api, spec), title);
    for (const name of wanted) {
      if (name.startsWith('HTTPRoute') && !routed) continue;
      await t.notThrowsAsync(applyStrictly(api.http, find(objects, name)), title);
    }
  }
});

const create = (api: ApiServer, spec: object, name?: string) =>
  api.http.json({
    method: 'POST',
    path: CLUSTERS,
    query: { fieldValidation: 'Strict', ...(name === undefined && { dryRun: 'All' }) },
    body: { ...city(spec), metadata: { name: name ?? 'city' } },
  });

/** What is wrong, where, and the words of the refusal. */
const MISTAKES: readonly (readonly [spec: object, field: string, says: RegExp])[] = [
  [service({ loadBalancerClass: 'a' }), 'spec.proxy.service', /loadBalancerClass needs type LoadBalancer/],
  [
    service({ type: 'LoadBalancer', loadBalancerClass: 'inner class' }),
    'spec.proxy.service.loadBalancerClass',
    /should match/,
  ],
  [
    service({ type: 'NodePort', loadBalancerSourceRanges: ['10.0.0.0/8'] }),
    'spec.proxy.service',
    /loadBalancerSourceRanges needs type LoadBalancer/,
  ],
  [
    service({ type: 'NodePort', allocateLoadBalancerNodePorts: false }),
    'spec.proxy.service',
    /allocateLoadBalancerNodePorts needs type LoadBalancer/,
  ],
  [
    service({ type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0'] }),
    'spec.proxy.service.loadBalancerSourceRanges[0]',
    /must be of type cidr/,
  ],
  [
    service({ type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/33'] }),
    'spec.proxy.service.loadBalancerSourceRanges[0]',
    /must be of type cidr/,
  ],
  [
    service({}, [{ ...STATIONS, nodePort: 30_900 }]),
    'spec',
    /nodePort needs proxy\.service\.type NodePort or LoadBalancer/,
  ],
  [
    service({ type: 'NodePort' }, [
      { ...STATIONS, nodePort: 30_900 },
      { name: 'b', port: 1, path: '/b', nodePort: 30_900 },
    ]),
    'spec.listeners',
    /two listeners have the same nodePort/,
  ],
  [{ proxy: { ingress: {} } }, 'spec.proxy.ingress.host', /Required value/],
  [{ proxy: { ingress: { host: 'Ocpp.example.com' } } }, 'spec.proxy.ingress.host', /should match/],
  [{ proxy: { ingress: { host: 'http://a' } } }, 'spec.proxy.ingress.host', /should match/],
  [{ proxy: { gateway: { parentRefs: [] } } }, 'spec.proxy.gateway.parentRefs', /at least 1 items/],
  [{ proxy: { gateway: {} } }, 'spec.proxy.gateway.parentRefs', /Required value/],
];

test('what Kubernetes would refuse is refused at once, by API server and npm start alike', async (t) => {
  for (const [spec, field, says] of MISTAKES) {
    const label = JSON.stringify(spec);
    t.true(
      validateCluster(city(spec)).some((problem) => problem.field === field),
      label,
    );
    const api = shared.given(t);
    if (api === undefined) continue;
    await t.throwsAsync(create(api, spec), { message: says }, label);
  }
});

test('the class of a load balancer stays while the type does', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  const patch = (name: string, of: object) =>
    api.http.json({
      method: 'PATCH',
      path: `${CLUSTERS}/${name}`,
      contentType: 'application/merge-patch+json',
      body: { spec: { proxy: { service: of } } },
    });
  const refused = { message: /loadBalancerClass cannot be changed while type is LoadBalancer/ };
  await create(api, service({ type: 'LoadBalancer', loadBalancerClass: 'a' }), 'classed');
  await create(api, service({ type: 'LoadBalancer' }), 'plain');
  await t.throwsAsync(patch('classed', { loadBalancerClass: 'b' }), refused);
  await t.throwsAsync(patch('classed', { loadBalancerClass: null }), refused);
  await t.throwsAsync(patch('plain', { loadBalancerClass: 'b' }), refused);
  await patch('classed', { type: 'NodePort', loadBalancerClass: null });
  await t.notThrowsAsync(patch('classed', { type: 'LoadBalancer', loadBalancerClass: 'b' }));
});

test('the Service follows every turn of its options, as the operator applies it', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  const store = new KubeObjectStore(api.http);
  const namespace = 'turns';
  await store.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const ported = (nodePort: number) => [{ ...STATIONS, nodePort }];
  const turns = [
    service(BALANCED),
    service({}),
    service({ type: 'LoadBalancer', loadBalancerClass: 'other' }),
    service({ type: 'NodePort' }, ported(30_910)),
    service({ type: 'NodePort' }, ported(30_911)),
    service({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }),
    service({ type: 'LoadBalancer' }),
    service({ ipFamilyPolicy: 'SingleStack' }),
    service({}),
  ];
  for (const [index, spec] of turns.entries()) {
    const wanted = find(rendered(spec), 'Service/city-ws-proxy');
    const { object } = await store.apply({ ...wanted, metadata: { ...wanted.metadata, namespace } });
    const options = (object as Rendered).spec;
    t.like(options, wanted.spec, `turn ${index}`);
    const gone = ['loadBalancerClass', 'loadBalancerSourceRanges'].filter((name) => !(name in wanted.spec));
    t.deepEqual(
      gone.filter((name) => name in options),
      [],
      `turn ${index}`,
    );
  }
});

test('the Service shows what was asked for, and of the labels ours win', (t) => {
  const plain = find(rendered(), 'Service/city-ws-proxy');
  t.deepEqual(Object.keys(plain.spec), ['type', 'selector', 'ports']);
  const { metadata, spec } = find(rendered(service(BALANCED)), 'Service/city-ws-proxy');
  const { labels, ...options } = BALANCED;
  t.like(metadata.labels, { team: labels?.['team'], 'app.kubernetes.io/name': 'ocpp' });
  t.like(spec, { ...options, loadBalancerSourceRanges: [...(options.loadBalancerSourceRanges ?? [])] });
  const ported = find(
    rendered(service({ type: 'NodePort' }, [{ ...STATIONS, nodePort: 30_900 }])),
    'Service/city-ws-proxy',
  );
  t.like(ported.spec['ports'], [{ port: 9000, nodePort: 30_900 }]);
});
