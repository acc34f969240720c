/** What `npm start` says of a cluster: addresses, commands, who may charge, ignored fields. */
import { join } from 'node:path';
import test from 'ava';
import { withPossibleSink } from '../../../operator/local/bill-sink.ts';
import { accessLines, accessOf, introductionOf } from '../../../operator/local/cli/access.ts';
import { parseManifest, readManifest } from '../../../operator/local/cli/manifest.ts';
import type { Deployment, Pod, Service } from '../../../operator/local/kinds.ts';
import { monolithObjects } from '../../../operator/local/monolith.ts';

const ROOT = join(import.meta.dirname, '../..', '..');

function clusterOf(spec: string) {
  const head = 'apiVersion: ocpp.dev/v1alpha1\nkind: OcppCluster\nmetadata: { name: city }\n';
  const [cluster] = parseManifest(`${head}spec: ${spec}\n`, 'f').clusters;
  if (cluster === undefined) throw new Error('no cluster');
  return cluster;
}

test('ignored fields of the manifest are listed, and nothing else', (t) => {
  const told = (spec: string) =>
    introductionOf(clusterOf(spec), true).filter((line) => line.includes('ignored'));
  t.deepEqual(
    told(`
  upgrade: Auto
  image: { tag: 9.9.9 }
  listeners: [{ name: a }, { name: b, port: 9001, path: /b }]
  proxy:
    autoscaling: {}
    service: { type: NodePort }
    ingress: { host: ocpp.example.com }
    drain: { transactions: Wait }
  processor: { podTemplate: { nodeSelector: { a: b }, env: [{ name: A, value: b }] } }
  networkPolicy: { enabled: true }
  redis: { embedded: { passwordSecretName: mine, podTemplate: { tolerations: [] } } }`),
    [
      '  ignored here          spec.image, spec.upgrade, spec.proxy.service, spec.proxy.ingress, spec.networkPolicy, ' +
        'spec.processor.podTemplate.nodeSelector, spec.redis.embedded.podTemplate.tolerations',
    ],
  );
  t.deepEqual(told('{}'), []);
  const [city] = readManifest(join(ROOT, 'examples', 'city.yaml')).clusters;
  t.false((city === undefined ? [] : introductionOf(city, true)).some((line) => line.includes('ignored')));
});

test('a bill sink runs here with its Secrets and Redis; else it is ignored, with the reason', (t) => {
  const postgres = '{ secretName: bills, caSecretName: bills-ca }';
  const cluster = clusterOf(`{ billing: { sink: { postgres: ${postgres} } } }`);
  const secrets = ['bills', 'bills-ca'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
  }));
  const cases = [
    [secrets, true, undefined],
    [secrets, false, 'there is no Redis'],
    [[], true, 'the manifest has no Secret bills'],
    [secrets.slice(0, 1), true, 'the manifest has no Secret bills-ca'],
  ] as const;
  for (const [given, redis, reason] of cases) {
    const lines = introductionOf(cluster, redis, given).filter((line) => line.includes('ignored'));
    const expected = reason === undefined ? [] : [`  ignored here          spec.billing.sink (${reason})`];
    t.deepEqual(lines, expected);
    const says = introductionOf(cluster, redis, given).some((line) =>
      line.includes('PostgreSQL of the Secret bills'),
    );
    t.is(says, reason === undefined);
    const { sink } = withPossibleSink(cluster, given, redis).spec?.billing ?? {};
    t.is(sink === undefined, reason !== undefined);
  }
  t.deepEqual(withPossibleSink(clusterOf('{}'), [], false), clusterOf('{}'));
});

const LABELS = {
  'app.kubernetes.io/name': 'ocpp',
  'app.kubernetes.io/instance': 'city',
  'app.kubernetes.io/managed-by': 'ocpp-operator',
  'app.kubernetes.io/component': 'redis',
};
const REDIS_POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'city-redis-0', namespace: 'default', labels: LABELS },
  spec: {
    containers: [{ name: 'redis', image: 'redis', ports: [{ name: 'redis', containerPort: 6379 }] }],
    volumes: [{ name: 'redis-login', secret: { secretName: 's' } }],
  },
  status: { phase: 'Running', podIP: '127.9.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
};

test('npm start warns where any token may charge, and prints how to reach its Redis and add a token', (t) => {
  const before = (spec: string, redis = true) => introductionOf(clusterOf(spec), redis).join('\n');
  const after = (spec: string, pods: readonly Pod[]) => accessOf(clusterOf(spec), pods, '/run');
  t.regex(before('{ processor: { unknownTokens: Accept } }'), /^ {2}WARNING +any token may charge/m);
  t.regex(before('{}'), /the command to add one follows/);
  t.regex(before('{}', false), /none: without Redis/);
  const register = '{ authentication: { stations: { register: true } } }';
  t.regex(before(register, false), /WARNING +without Redis there is no register/);
  t.notRegex(before(register), /WARNING|npm run simulate/, 'stations that it does not know are refused');
  t.regex(before('{ redis: { external: { addresses: ["r:6379"] } } }'), /ocpp:tokens of your Redis/);

  const redis =
    'REDISCLI_AUTH="$(cat /run/pods/default/city-redis-0/volumes/redis-login/password)" redis-cli -h 127.9.0.1';
  t.like(after('{}', [REDIS_POD]), {
    redis,
    addToken: `${redis} HSET 'ocpp:tokens' 04A2B3C4 '{"status":"Accepted"}'`,
  });
  t.is(after('{ processor: { unknownTokens: Accept } }', [REDIS_POD]).addToken, undefined);
  const container = { name: 'redis', image: 'redis', ports: [{ name: 'redis', containerPort: 7001 }] };
  const moved: Pod = { ...REDIS_POD, spec: { containers: [container] } };
  t.is(
    after('{ redis: { channelPrefix: "{city}", stateKeyPrefix: "{city}s", database: 3 } }', [moved]).addToken,
    `redis-cli -h 127.9.0.1 -p 7001 -n 3 HSET '{city}s:tokens' 04A2B3C4 '{"status":"Accepted"}'`,
  );
  const other = { ...REDIS_POD, metadata: { ...REDIS_POD.metadata, namespace: 'elsewhere' } };
  const unready = { ...REDIS_POD, status: { ...REDIS_POD.status, conditions: [] } };
  for (const pods of [[], [other], [unready]]) t.is(after('{}', pods).redis, undefined);
});

test('the addresses of a cluster: stations, and the metrics of each proxy and processor', (t) => {
  const proxy: Pod = {
    ...REDIS_POD,
    metadata: {
      ...REDIS_POD.metadata,
      name: 'city-ws-proxy-1',
      labels: { ...LABELS, 'app.kubernetes.io/component': 'ws-proxy' },
    },
    spec: { containers: [{ name: 'ws-proxy', image: 'i', ports: [{ name: 'admin', containerPort: 7002 }] }] },
  };
  const access = accessOf(
    clusterOf('{ listeners: [{ name: a }, { name: b, port: 9001, path: /b }] }'),
    [REDIS_POD, proxy],
    '/run',
  );
  t.deepEqual(access.stations, ['ws://127.0.0.1:9000/ocpp', 'ws://127.0.0.1:9001/b']);
  t.deepEqual(access.metrics, ['http://127.9.0.1:7002/metrics']);
  t.regex(accessLines(access)[0] ?? '', /metrics +curl http:\/\/127\.9\.0\.1:7002\/metrics/);
});

test('the HTTP API: its address, and a command that lists the stations where npm start made the token', (t) => {
  const lines = (tokenFile?: string) =>
    accessLines(
      accessOf(clusterOf('{}'), [], '/run', {
        stations: [],
        register: undefined,
        api: { url: 'http://127.0.0.1:8080', tokenFile },
      }),
    );
  t.deepEqual(lines('/trial/api-admin.token'), [
    '  console               http://127.0.0.1:8080/   (it asks for the token in /trial/api-admin.token)',
    '  HTTP API              http://127.0.0.1:8080   (what it can do: http://127.0.0.1:8080/openapi.json)',
    '    curl -H "Authorization: Bearer $(cat /trial/api-admin.token)" http://127.0.0.1:8080/v1/stations',
    '    OCPPCTL_URL=http://127.0.0.1:8080 npm run --silent ocppctl -- --token-file /trial/api-admin.token status',
  ]);
  t.deepEqual(
    lines().map((line) => line.trim().split(' ', 1)[0]),
    ['console', 'HTTP'],
  );
});

test('without Redis, the one process has the HTTP API too, behind the same Service', (t) => {
  const made = (spec: string) => monolithObjects(clusterOf(spec), 'ocpp:1');
  const one = (objects: ReturnType<typeof made>, name: string) =>
    objects.find(({ kind, metadata }) => `${kind}/${metadata.name}` === name);
  const objects = made(
    '{ api: { enabled: true, logLevel: debug }, authentication: { stations: { register: true } } }',
  );
  const { spec } = one(objects, 'Deployment/city-ws-proxy') as Deployment;
  const { containers, volumes = [] } = spec.template.spec;
  const values = Object.fromEntries((containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
  t.is(values['OCPP_API_PORT'], '8080');
  t.is(values['OCPP_API_ADMIN_TOKEN_FILE'], '/etc/ocpp/api-admin/token');
  t.is(values['LOG_LEVEL'], undefined, 'that of the ws-proxy counts');
  t.true(volumes.some(({ secret }) => secret?.secretName === 'city-api-admin'));
  t.is(new Set(volumes.map(({ name }) => name)).size, volumes.length);
  t.true(containers[0]?.ports?.some(({ name }) => name === 'http'));
  const service = one(objects, 'Service/city-api') as Service;
  t.is(service.spec.selector?.['app.kubernetes.io/component'], 'ws-proxy');
  t.is(one(made('{}'), 'Service/city-api'), undefined);
});
