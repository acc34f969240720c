/** What the Pods get of listeners that ask who a station is: variables, mounted Secrets, ports, policies, certificates. */
import test from 'ava';
import type { V1Container, V1Volume } from '@kubernetes/client-node';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import { missingAddOns } from '../../../operator/reconcile/missing-add-ons.ts';
import type { Observed } from '../../../operator/observe/observe.ts';
import { endpointsOf } from '../../../operator/status/endpoints.ts';
import { processorSettings } from '../../../services/processor/config.ts';
import { readSettings } from '../../../services/runtime/config.ts';
import { readListeners } from '../../../services/ws-proxy/listeners.ts';
import { isAllowed, type Policy } from '../../contracts/network-flows.ts';
import { city, find, INGRESS, names, type Rendered, rendered } from '../../support/rendered.ts';

const PLAIN = { name: 'stations', port: 9000 };
const BASIC = { name: 'basic', port: 9001, securityProfile: 1 };
const TLS = { name: 'tls', port: 9443, securityProfile: 2, tls: { secretName: 'certificate' } };
const MUTUAL = {
  name: 'mtls',
  port: 9444,
  securityProfile: 3,
  protocols: ['ocpp2.0.1' as const],
  tls: { secretName: 'certificate', additionalSecretName: 'rsa', clientCaSecretName: 'station-ca' },
};
const ISSUED = { name: 'issued', port: 9445, securityProfile: 2, tls: { issuerRef: { name: 'public' } } };
const TERMINATED = {
  name: 'outer',
  port: 9446,
  securityProfile: 3,
  tls: { termination: 'LoadBalancer' as const, clientCertificateHeader: 'ssl-client-cert' as const },
};
const REGISTER: OcppClusterSpec = { authentication: { stations: { register: true } } };

function podOf(objects: readonly Rendered[], name: string) {
  const { template } = find(objects, name).spec as {
    template: { spec: { containers: [V1Container]; volumes?: V1Volume[] } };
  };
  const [container] = template.spec.containers;
  return {
    env: (name: string) => container.env?.find((one) => one.name === name)?.value,
    secrets: Object.fromEntries(
      (container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
        const secret = template.spec.volumes?.find((one) => one.name === name)?.secret?.secretName;
        return secret === undefined ? [] : [[mountPath, secret] as const];
      }),
    ),
  };
}
const proxyOf = (spec: OcppClusterSpec) => podOf(rendered(spec), 'Deployment/city-ws-proxy');
const processorOf = (spec: OcppClusterSpec) => podOf(rendered(spec), 'Deployment/city-processor');

test('the ws-proxy reads the rendered listeners: each with its port, profile and files', (t) => {
  const text = proxyOf({ ...REGISTER, listeners: [PLAIN, TLS, BASIC, MUTUAL, TERMINATED] }).env(
    'OCPP_LISTENERS',
  );
  const listeners = readListeners({ stationPort: 1, stationPath: '/x', listeners: text ?? '' });
  const folder = '/etc/ocpp/listeners';
  t.deepEqual(listeners, [
    { name: 'stations', port: 9000, path: '/ocpp', securityProfile: 0 },
    { name: 'basic', port: 9001, path: '/ocpp', securityProfile: 1 },
    {
      name: 'mtls',
      port: 9002,
      path: '/ocpp',
      securityProfile: 3,
      protocols: ['ocpp2.0.1'],
      tls: {
        certificateFolders: [`${folder}/mtls/tls`, `${folder}/mtls/tls-2`],
        clientCaFolder: `${folder}/mtls/client-ca`,
        minVersion: 'TLSv1.2',
      },
    },
    {
      name: 'outer',
      port: 9003,
      path: '/ocpp',
      securityProfile: 3,
      tls: { terminated: true, clientCertificateHeader: 'ssl-client-cert' },
    },
    {
      name: 'tls',
      port: 9004,
      path: '/ocpp',
      securityProfile: 2,
      tls: { certificateFolders: [`${folder}/tls/tls`], minVersion: 'TLSv1.2' },
    },
  ]);
});

test('another order of the listeners changes no template', (t) => {
  const template = (listeners: OcppClusterSpec['listeners']) =>
    find(rendered({ ...REGISTER, listeners: listeners ?? [] }), 'Deployment/city-ws-proxy').spec['template'];
  t.deepEqual(template([PLAIN, MUTUAL, BASIC, TLS]), template([PLAIN, TLS, BASIC, MUTUAL]));
});

test('each folder of a listener is a Secret', (t) => {
  const { secrets } = proxyOf({ ...REGISTER, listeners: [PLAIN, TLS, MUTUAL, ISSUED, TERMINATED] });
  const { '/etc/ocpp/redis-login': _, ...ofListeners } = secrets;
  t.deepEqual(ofListeners, {
    '/etc/ocpp/listeners/issued/tls': 'city-issued-tls',
    '/etc/ocpp/listeners/mtls/client-ca': 'station-ca',
    '/etc/ocpp/listeners/mtls/tls': 'certificate',
    '/etc/ocpp/listeners/mtls/tls-2': 'rsa',
    '/etc/ocpp/listeners/tls/tls': 'certificate',
    '/etc/ocpp/password-key': 'city-password-key',
  });
});

const SOURCES: readonly (readonly [string, OcppClusterSpec, object, object])[] = [
  ['none', { listeners: [MUTUAL] }, {}, {}],
  [
    'the register',
    REGISTER,
    { OCPP_STATION_SOURCE: 'register', OCPP_PASSWORD_KEY_FILE: '/etc/ocpp/password-key/key' },
    { '/etc/ocpp/password-key': 'city-password-key' },
  ],
  [
    'a Secret, with a key of the user',
    { authentication: { stations: { secretName: 'list' }, passwordKeySecretName: 'mine' } },
    {
      OCPP_STATION_SOURCE: 'files',
      OCPP_STATIONS_FOLDER: '/etc/ocpp/stations',
      OCPP_PASSWORD_KEY_FILE: '/etc/ocpp/password-key/key',
    },
    { '/etc/ocpp/stations': 'list', '/etc/ocpp/password-key': 'mine' },
  ],
  [
    'a webhook',
    {
      authentication: {
        stations: { webhook: { url: 'https://w', tokenSecretName: 'token', caSecretName: 'ca' } },
      },
    },
    {
      OCPP_STATION_SOURCE: 'webhook',
      OCPP_AUTHENTICATION_WEBHOOK_URL: 'https://w',
      OCPP_AUTHENTICATION_WEBHOOK_TOKEN_FILE: '/etc/ocpp/authentication-token/token',
      OCPP_AUTHENTICATION_WEBHOOK_CA_FILE: '/etc/ocpp/authentication-ca/ca.crt',
      OCPP_AUTHENTICATION_WEBHOOK_TIMEOUT: '2s',
      OCPP_AUTHENTICATION_WEBHOOK_CACHE: '60s',
    },
    { '/etc/ocpp/authentication-token': 'token', '/etc/ocpp/authentication-ca': 'ca' },
  ],
];

for (const [title, spec, variables, secrets] of SOURCES) {
  test(`the ws-proxy looks stations up in: ${title}`, (t) => {
    const pod = proxyOf(spec);
    const named = [
      'OCPP_STATION_SOURCE',
      'OCPP_STATIONS_FOLDER',
      'OCPP_PASSWORD_KEY_FILE',
      'OCPP_AUTHENTICATION_WEBHOOK_URL',
      'OCPP_AUTHENTICATION_WEBHOOK_TOKEN_FILE',
      'OCPP_AUTHENTICATION_WEBHOOK_CA_FILE',
      'OCPP_AUTHENTICATION_WEBHOOK_TIMEOUT',
      'OCPP_AUTHENTICATION_WEBHOOK_CACHE',
    ];
    const found = named.flatMap((name) =>
      pod.env(name) === undefined ? [] : [[name, pod.env(name)] as const],
    );
    t.deepEqual(Object.fromEntries(found), variables);
    const others = Object.entries(pod.secrets).filter(([path]) => !/redis|listeners/.test(path));
    t.deepEqual(Object.fromEntries(others), secrets);
  });
}

test('the processor gets the key of passwords, the authority and the provider of contracts', (t) => {
  const pod = processorOf({
    authentication: { stations: { register: true }, certificateOrganization: 'ACME' },
    certificateAuthority: { internal: { secretName: 'authority' }, certificateDays: 30 },
    iso15118: { provider: { url: 'https://contracts' } },
  });
  t.is(pod.env('OCPP_PASSWORD_KEY_FILE'), '/etc/ocpp/password-key/key');
  t.is(pod.env('OCPP_CERTIFICATE_ORGANIZATION'), 'ACME');
  t.is(pod.env('OCPP_CERTIFICATE_AUTHORITY'), 'internal');
  t.is(pod.env('OCPP_CERTIFICATE_AUTHORITY_FOLDER'), '/etc/ocpp/certificate-authority');
  t.is(pod.env('OCPP_STATION_CERTIFICATE_DAYS'), '30');
  t.is(pod.env('OCPP_CONTRACT_PROVIDER_URL'), 'https://contracts');
  t.is(pod.secrets['/etc/ocpp/certificate-authority'], 'authority');
  const byWebhook = processorOf({
    certificateAuthority: { webhook: { url: 'https://ca', tokenSecretName: 't' } },
  });
  t.is(byWebhook.env('OCPP_CERTIFICATE_AUTHORITY'), 'webhook');
  t.is(byWebhook.env('OCPP_CERTIFICATE_AUTHORITY_TOKEN_FILE'), '/etc/ocpp/certificate-authority-token/token');
});

test('the processor gets the decider, its secret, and what it decides', (t) => {
  const spec: OcppClusterSpec = {
    decisions: {
      webhook: {
        url: 'https://decider',
        signingSecret: { name: 'signing', key: 'secret' },
        tokenSecretName: 'token',
        caSecretName: 'ca',
        timeoutMilliseconds: 500,
        actions: [{ action: 'Authorize', fallback: 'LastKnown' }, { action: 'DataTransfer' }],
      },
    },
  };
  const pod = processorOf(spec);
  t.is(pod.env('OCPP_DECISION_WEBHOOK_URL'), 'https://decider');
  t.is(pod.env('OCPP_DECISION_WEBHOOK_SECRET_FILE'), '/etc/ocpp/decisions-secret/secret');
  t.is(pod.env('OCPP_DECISION_WEBHOOK_TOKEN_FILE'), '/etc/ocpp/decisions-token/token');
  t.is(pod.env('OCPP_DECISION_WEBHOOK_CA_FILE'), '/etc/ocpp/decisions-ca/ca.crt');
  t.like(pod.secrets, {
    '/etc/ocpp/decisions-secret': 'signing',
    '/etc/ocpp/decisions-token': 'token',
    '/etc/ocpp/decisions-ca': 'ca',
  });
  t.is(proxyOf(spec).env('OCPP_DECISION_WEBHOOK_URL'), undefined);
  const { data } = find(rendered(spec), 'ConfigMap/city-processor') as unknown as {
    data: Record<string, string>;
  };
  const { values, problems } = readSettings(processorSettings, {}, data);
  t.deepEqual(problems, []);
  t.deepEqual(values.decisionActions, ['Authorize=LastKnown', 'DataTransfer=Own']);
  t.is(values.decisionTimeout, 500);
  const earlier = podOf(rendered(spec, { renderRevision: 2 }), 'Deployment/city-processor');
  t.is(earlier.env('OCPP_DECISION_WEBHOOK_ACTIONS'), 'Authorize=LastKnown,DataTransfer=Own');
});

test('both programs get the collector of traces and its headers, and the ws-proxy which share it traces', (t) => {
  const spec: OcppClusterSpec = {
    tracing: {
      endpoint: 'http://collector:4318',
      share: 0.5,
      headersSecret: { name: 'collector', key: 'headers' },
    },
  };
  for (const pod of [proxyOf(spec), processorOf(spec)]) {
    t.is(pod.env('OCPP_TRACE_ENDPOINT'), 'http://collector:4318');
    t.is(pod.env('OCPP_TRACE_HEADERS_FILE'), '/etc/ocpp/trace-headers/headers');
    t.is(pod.secrets['/etc/ocpp/trace-headers'], 'collector');
  }
  t.like(find(rendered(spec), 'ConfigMap/city-ws-proxy'), { data: { OCPP_TRACE_SHARE: '0.5' } });
  const earlier = podOf(rendered(spec, { renderRevision: 2 }), 'Deployment/city-ws-proxy');
  t.is(earlier.env('OCPP_TRACE_SHARE'), '0.5');
  t.is(proxyOf({}).env('OCPP_TRACE_ENDPOINT'), undefined);
});

test('what may change without a restart is in the ConfigMap, as long as a listener asks who a station is', (t) => {
  const settings = (spec: OcppClusterSpec) => {
    const { data } = find(rendered(spec), 'ConfigMap/city-ws-proxy') as unknown as {
      data: Record<string, string>;
    };
    return [
      'OCPP_AUTHENTICATION_MODE',
      'OCPP_UNKNOWN_STATIONS',
      'OCPP_UNKNOWN_STATION_STATUS',
      'OCPP_ENROLMENT',
    ].map((name) => data[name]);
  };
  t.deepEqual(settings({}), [undefined, undefined, undefined, undefined]);
  t.deepEqual(settings({ listeners: [MUTUAL] }), ['Enforce', 'Reject', '401', 'Off']);
  const authentication = { mode: 'Report', enrolment: 'FirstSeen', unknownStations: 'Accept' } as const;
  t.deepEqual(settings({ authentication: { ...REGISTER.authentication, ...authentication } }), [
    'Report',
    'Accept',
    '401',
    'FirstSeen',
  ]);
});

test('Pods of an earlier revision get the same settings as variables', (t) => {
  const objects = rendered(
    { listeners: [MUTUAL], authentication: { mode: 'Report' } },
    { renderRevision: 2 },
  );
  t.is(podOf(objects, 'Deployment/city-ws-proxy').env('OCPP_AUTHENTICATION_MODE'), 'Report');
});

test('an Ingress gets the listeners that it can reach, and the Service says which ports speak TLS', (t) => {
  const listeners = [
    TLS,
    BASIC,
    { ...TERMINATED, path: '/v2' },
    { ...PLAIN, path: '/lb', proxyProtocol: true },
  ];
  const objects = rendered({ ...REGISTER, listeners, proxy: INGRESS });
  const { rules } = find(objects, 'Ingress/city-ws-proxy').spec as {
    rules: [{ http: { paths: { path: string; backend: { service: { port: { name: string } } } }[] } }];
  };
  t.deepEqual(
    rules[0].http.paths.map(({ path, backend }) => [path, backend.service.port.name]),
    [
      ['/ocpp', 'basic'],
      ['/v2', 'outer'],
    ],
  );
  const { ports } = find(objects, 'Service/city-ws-proxy').spec as {
    ports: { name: string; appProtocol: string }[];
  };
  t.deepEqual(
    ports.map(({ name, appProtocol }) => [name, appProtocol]),
    [
      ['tls', 'kubernetes.io/wss'],
      ['basic', 'kubernetes.io/ws'],
      ['outer', 'kubernetes.io/ws'],
      ['stations', 'kubernetes.io/ws'],
    ],
  );
});

test('the endpoints in the status are wss where a station meets TLS', (t) => {
  const cluster = city({ ...REGISTER, listeners: [TLS, BASIC, TERMINATED] });
  const observed = { proxyService: { status: { loadBalancer: { ingress: [{ hostname: 'lb' }] } } } };
  t.deepEqual(endpointsOf(cluster, defaultedSpec(cluster), observed as unknown as Observed), [
    'wss://city-ws-proxy.default.svc:9443/ocpp/{id}',
    'ws://city-ws-proxy.default.svc:9001/ocpp/{id}',
    'wss://lb:9443/ocpp/{id}',
    'ws://lb:9001/ocpp/{id}',
    'wss://lb:9446/ocpp/{id}',
  ]);
});

test('an issuer gets a Certificate with the names of the Service, or with those of the spec', (t) => {
  const certificate = (tls: object) =>
    find(
      rendered({ ...REGISTER, listeners: [{ ...ISSUED, tls: { ...ISSUED.tls, ...tls } }] }),
      'Certificate/city-issued-tls',
    );
  t.like(certificate({}), {
    apiVersion: 'cert-manager.io/v1',
    spec: {
      secretName: 'city-issued-tls',
      issuerRef: { name: 'public', kind: 'Issuer', group: 'cert-manager.io' },
      dnsNames: [
        'city-ws-proxy.default.svc',
        'city-ws-proxy.default',
        'city-ws-proxy.default.svc.cluster.local',
      ],
    },
  });
  t.deepEqual(certificate({ dnsNames: ['ocpp.example.com'] }).spec['dnsNames'], ['ocpp.example.com']);
  const spec = { ...REGISTER, listeners: [ISSUED] };
  t.false(names(rendered(spec, { serves: () => false })).includes('Certificate/city-issued-tls'));
  t.regex(
    missingAddOns(defaultedSpec(city(spec)), () => false)[0] ?? '',
    /tls\.issuerRef of issued needs the kind Certificate.*Install cert-manager, or set tls\.secretName/,
  );
  t.deepEqual(
    missingAddOns(defaultedSpec(city({ listeners: [MUTUAL] })), () => false),
    [],
  );
});

test('an embedded Redis with TLS: programs trust its authority and do not get its key', (t) => {
  const spec: OcppClusterSpec = { redis: { embedded: { tls: { secretName: 'mine' } } } };
  for (const name of ['Deployment/city-ws-proxy', 'Deployment/city-processor']) {
    const { template } = find(rendered(spec), name).spec as { template: { spec: { volumes: V1Volume[] } } };
    const volume = template.spec.volumes.find((one) => one.name === 'redis-tls');
    t.deepEqual(volume?.secret?.items, [{ key: 'ca.crt', path: 'ca.crt' }], name);
    const pod = podOf(rendered(spec), name);
    t.is(pod.env('REDIS_TLS'), 'true');
    t.is(pod.env('REDIS_TLS_CA_FILE'), '/etc/ocpp/redis-tls/ca.crt');
    t.is(pod.env('REDIS_TLS_SERVER_NAME'), 'city-redis.default.svc');
  }
  const issued = rendered({ redis: { embedded: { tls: { issuerRef: { name: 'inner' } } } } });
  t.like(find(issued, 'Certificate/city-redis-certificate').spec, {
    secretName: 'city-redis-certificate',
    dnsNames: ['city-redis.default.svc', 'city-redis.default', 'city-redis.default.svc.cluster.local'],
  });
  t.is(podOf(issued, 'StatefulSet/city-redis').secrets['/etc/ocpp/redis-tls'], 'city-redis-certificate');
});

test('the network policies let the programs reach the services that they ask, and no other', (t) => {
  const policies = (spec: OcppClusterSpec) =>
    rendered({ networkPolicy: { enabled: true }, ...spec }).filter(
      ({ kind }) => kind === 'NetworkPolicy',
    ) as unknown as Policy[];
  const reaches = (spec: OcppClusterSpec, component: string, ip: string, port: number) => {
    const labels = {
      'app.kubernetes.io/name': 'ocpp',
      'app.kubernetes.io/instance': 'city',
      'app.kubernetes.io/component': component,
    };
    return isAllowed(policies(spec), {
      from: { ip: '10.0.0.9', namespace: 'default', labels },
      to: { ip },
      port,
    });
  };
  const webhook: OcppClusterSpec = {
    authentication: { stations: { webhook: { url: 'https://203.0.113.5/check' } } },
  };
  t.true(reaches(webhook, 'ws-proxy', '203.0.113.5', 443));
  t.false(reaches(webhook, 'ws-proxy', '203.0.113.6', 443));
  t.false(reaches(webhook, 'processor', '203.0.113.5', 443));
  const services: OcppClusterSpec = {
    certificateAuthority: { webhook: { url: 'http://ca.example.com:8080' } },
    iso15118: { provider: { url: 'http://contracts' } },
  };
  t.true(reaches(services, 'processor', '203.0.113.7', 8080));
  t.true(reaches(services, 'processor', '203.0.113.7', 80));
  t.false(reaches(services, 'ws-proxy', '203.0.113.7', 8080));
});
