/** Ingress and Gateway route: their paths, the problem without the Gateway API, and their endpoints in the status. */
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { endpointsOf } from '../../../operator/status/endpoints.ts';
import type { Observed } from '../../../operator/observe/observe.ts';
import { missingAddOns } from '../../../operator/reconcile/missing-add-ons.ts';
import { GATEWAY, INGRESS, city, find, names, rendered } from '../../support/rendered.ts';

type Proxy = NonNullable<OcppClusterSpec['proxy']>;
type Listeners = NonNullable<OcppClusterSpec['listeners']>;
const STATIONS = { name: 'stations', port: 9000, path: '/ocpp' };
const LISTENERS: Listeners = [
  STATIONS,
  { name: 'lab', port: 9100, path: '/lab' },
  { ...STATIONS, name: 'old', port: 80 },
];

test('Ingress and Gateway route each path to its listener once, and a Gateway has no timeouts', (t) => {
  const objects = rendered({ listeners: LISTENERS, proxy: { ...INGRESS, ...GATEWAY } });
  const backend = (name: string) => ({ service: { name: 'city-ws-proxy', port: { name } } });
  t.deepEqual(find(objects, 'Ingress/city-ws-proxy').spec, {
    ingressClassName: 'nginx',
    tls: [{ hosts: ['ocpp.example.com'], secretName: 'ocpp-example-com' }],
    rules: [
      {
        host: 'ocpp.example.com',
        http: {
          paths: [
            { path: '/ocpp', pathType: 'Prefix', backend: backend('stations') },
            { path: '/lab', pathType: 'Prefix', backend: backend('lab') },
          ],
        },
      },
    ],
  });
  const rule = (path: string, port: number) => ({
    matches: [{ path: { type: 'PathPrefix', value: path } }],
    timeouts: { request: '0s', backendRequest: '0s' },
    backendRefs: [{ name: 'city-ws-proxy', port }],
  });
  t.deepEqual(find(objects, 'HTTPRoute/city-ws-proxy').spec, {
    parentRefs: [{ name: 'outer', namespace: 'gateways', sectionName: 'tls' }],
    hostnames: ['a.example.com'],
    rules: [rule('/ocpp', 9000), rule('/lab', 9100)],
  });
  t.false(
    names(rendered()).some((name) => /Ingress|HTTPRoute/.test(name)),
    'only if the spec has them',
  );
});

test('without the Gateway API there is no route, and a problem is reported', (t) => {
  const spec: OcppClusterSpec = { proxy: GATEWAY };
  const without = rendered(spec, { serves: () => false });
  t.false(names(without).some((name) => name.startsWith('HTTPRoute')));
  const problems = (of: OcppClusterSpec, served: boolean) =>
    missingAddOns(defaultedSpec(city(of)), () => served);
  t.deepEqual(problems(spec, true), []);
  t.deepEqual(problems({}, false), []);
  t.is(problems(spec, false).length, 1);
  t.regex(
    problems(spec, false)[0] ?? '',
    /HTTPRoute.*Install the Gateway API, or remove spec\.proxy\.gateway/,
  );
});

test('the status lists the endpoints of Ingress and Gateway, with wss for TLS', (t) => {
  const observed = { proxyService: { status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } } } };
  const of = (proxy: Proxy, listeners: Listeners) => {
    const cluster = city({ proxy, listeners });
    return endpointsOf(cluster, defaultedSpec(cluster), observed as unknown as Observed).filter(
      (url) => !url.includes('.svc:'),
    );
  };
  t.deepEqual(of({}, [STATIONS]), ['ws://203.0.113.7:9000/ocpp/{id}']);
  t.deepEqual(of({ ...INGRESS, ...GATEWAY }, LISTENERS).slice(3), [
    'wss://ocpp.example.com/ocpp/{id}',
    'wss://ocpp.example.com/lab/{id}',
    'wss://a.example.com/ocpp/{id}',
    'wss://a.example.com/lab/{id}',
  ]);
  const plain = {
    ingress: { host: 'i' },
    gateway: { parentRefs: [{ name: 'g' }], hostnames: ['h'], tls: false },
  };
  t.deepEqual(of(plain, [STATIONS]).slice(1), ['ws://i/ocpp/{id}', 'ws://h/ocpp/{id}']);
});
