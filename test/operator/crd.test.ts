/** The OcppCluster definition against a real API server, against the types, and against its copies in code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { settledSpec, withDefaults } from '../../operator/api/defaults.ts';
import type { OcppCluster, OcppClusterSpec, OcppClusterStatus } from '../../operator/api/ocpp-cluster.ts';
import { fieldSchema, ocppClusterSchema, type Schema } from '../../operator/api/schema.ts';
import { validateCluster } from '../../operator/api/validate.ts';
import { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import { proxyGraceSeconds } from '../../operator/render/ws-proxy.ts';
import type { ApiServer } from '../support/api-server.ts';
import { sharedApiServer } from '../support/shared-api-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const CLUSTERS = '/apis/ocpp.dev/v1alpha1/namespaces/default/ocppclusters';

const shared = sharedApiServer(test);

const cluster = (spec: object, name = 'city'): OcppCluster => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name },
  spec,
});

const create = (api: ApiServer, body: object, dryRun = true) =>
  api.http.json({
    method: 'POST',
    path: CLUSTERS,
    query: { fieldValidation: 'Strict', ...(dryRun && { dryRun: 'All' }) },
    body,
  }) as Promise<OcppCluster>;

/** Every field, so that the compiler holds this object to the types and the test holds it to the schema. */
type Every<T> = T extends readonly (infer I)[]
  ? readonly [Every<I>]
  : T extends Readonly<Record<string, string>>
    ? T
    : T extends object
      ? { readonly [K in keyof T]-?: Every<NonNullable<T[K]>> }
      : T;

const podTemplate = {
  metadata: { labels: { team: 'grid' }, annotations: { note: 'x' } },
  resources: { requests: { cpu: '1' }, limits: { memory: '1Gi' } },
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ operator: 'Exists' }],
  affinity: {},
  topologySpreadConstraints: [{}],
  priorityClassName: 'high',
  env: [{ name: 'LOG_LEVEL', value: 'debug' }],
} as const;
const everySpec: Every<OcppClusterSpec> = {
  image: { repository: 'r', tag: 't', pullPolicy: 'Always', pullSecrets: ['s'] },
  upgrade: 'Auto',
  protocols: ['ocpp1.6'],
  listeners: [{ name: 'stations', port: 9000, path: '/ocpp', nodePort: 30_900 }],
  proxy: {
    replicas: 2,
    autoscaling: {
      minReplicas: 1,
      maxReplicas: 3,
      targetSessionsPerPod: 5,
      scaleDownStabilizationSeconds: 60,
    },
    maxSessionsPerPod: 10,
    service: {
      type: 'LoadBalancer',
      labels: { a: 'b' },
      annotations: { a: 'b' },
      externalTrafficPolicy: 'Local',
      loadBalancerClass: 'example.com/inner',
      loadBalancerSourceRanges: ['203.0.113.0/24'],
      allocateLoadBalancerNodePorts: true,
      ipFamilyPolicy: 'PreferDualStack',
    },
    ingress: { host: 'ocpp.example.com', className: 'nginx', tlsSecretName: 's', annotations: { a: 'b' } },
    gateway: {
      parentRefs: [{ name: 'outer', namespace: 'gateways', sectionName: 'tls', port: 443 }],
      hostnames: ['ocpp.example.com'],
      tls: false,
    },
    admission: { connectionsPerSecond: 50, bootsPerSecond: 20 },
    drain: { ratePerSecond: 10, deadlineSeconds: 10, transactions: 'Wait' },
    podTemplate,
  },
  processor: {
    image: 'own:1',
    callTimeoutSeconds: 30,
    unknownTokens: 'Accept',
    replicas: 3,
    autoscaling: {
      mode: 'Off',
      minReplicas: 1,
      maxReplicas: 2,
      targetDrainSeconds: 10,
      scaleDownStabilizationSeconds: 60,
    },
    podTemplate,
  },
  monitoring: { podMonitor: 'Off', alerts: 'Off', labels: { release: 'prometheus' } },
  networkPolicy: { enabled: true, stationsFrom: [{}], metricsFrom: [{}] },
  redis: {
    embedded: {
      image: 'redis:8',
      passwordSecretName: 'mine',
      storage: { size: '1Gi', storageClassName: 'fast', onDelete: 'Delete' },
      appendFsync: 'everysec',
      podTemplate,
    },
    external: {
      mode: 'Sentinel',
      addresses: ['redis:6379'],
      credentialsSecretName: 'redis',
      tls: { caSecretName: 'ca', clientCertificateSecretName: 'cert', serverName: 'redis' },
      sentinel: { masterName: 'main', credentialsSecretName: 'sentinels', tls: false },
    },
    channelPrefix: 'ocpp',
    database: 1,
    clientTimeoutSeconds: 10,
    connectionPoolSize: 5,
    retryAttempts: 0,
    retryDelayMilliseconds: 10,
    distributedState: true,
    stateKeyPrefix: 'state',
    stateTtlSeconds: 60,
  },
};
const at = '2026-11-23T00:00:00Z';
const everyStatus: Every<OcppClusterStatus> = {
  observedGeneration: 1,
  phase: 'Running',
  conditions: [
    {
      type: 'Available',
      status: 'True',
      reason: 'R',
      message: 'm',
      observedGeneration: 1,
      lastTransitionTime: at,
    },
  ],
  image: 'r:t',
  imageRequested: ':',
  renderRevision: 2,
  redis: { image: 'redis:7', passwordSecretName: 'city-redis-1', storage: '1Gi' },
  drain: [{ pod: 'city-ws-proxy-1', sessions: 3, deadline: at }],
  proxy: {
    replicas: 1,
    readyReplicas: 1,
    sessions: 1,
    autoscaling: {
      desiredReplicas: 1,
      reason: 'r',
      lastScaleTime: at,
      recommendations: [{ at, replicas: 1 }],
    },
  },
  processor: { replicas: 1, readyReplicas: 1, selector: 'a=b' },
  queue: { depth: 1, oldestSeconds: 0.5, inFlight: 1 },
  autoscaling: {
    desiredReplicas: 1,
    reason: 'r',
    lastScaleTime: at,
    lastScaleDirection: 'Up',
    capacityPerReplica: 1.5,
    recommendations: [{ at, replicas: 1 }],
  },
  endpoints: ['ws://a'],
};

/** Paths of the fields that a schema knows. Maps and free-form objects are leaves. */
function schemaPaths({ properties, items }: Schema, path = ''): string[] {
  if (items?.properties !== undefined) return schemaPaths(items, `${path}[]`);
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([name, field]) => schemaPaths(field, `${path}.${name}`));
}

/** The same of a value, as deep as the schema goes. */
function valuePaths(value: unknown, schema: Schema | undefined, path = ''): string[] {
  if (Array.isArray(value) && schema?.items?.properties !== undefined) {
    return value.flatMap((item) => valuePaths(item, schema.items, `${path}[]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  if (schema !== undefined && schema.properties === undefined) return [path];
  return Object.entries(value).flatMap(([name, inner]) =>
    valuePaths(inner, schema?.properties?.[name], `${path}.${name}`),
  );
}

test('the schema has exactly the fields of the types', (t) => {
  for (const [name, value] of Object.entries({ spec: everySpec, status: everyStatus })) {
    const schema = ocppClusterSchema.properties?.[name];
    t.truthy(schema, name);
    t.deepEqual(valuePaths(value, schema).sort(), schemaPaths(schema ?? {}).sort(), name);
  }
});

test('every field of the types is taken by the API server and by the validation of npm start', async (t) => {
  const { embedded, external, ...redis } = everySpec.redis;
  for (const kind of [{ embedded }, { external }]) {
    const manifest = cluster({ ...everySpec, redis: { ...redis, ...kind } });
    t.deepEqual(validateCluster(manifest), []);
    const api = shared.given(t);
    if (api !== undefined) t.deepEqual((await create(api, manifest)).spec, manifest.spec);
  }
});

test('an empty spec is a whole cluster, with the same defaults in code as in the API server', async (t) => {
  t.like(settledSpec(cluster({})), {
    proxy: { replicas: 2, maxSessionsPerPod: 20_000, drain: { ratePerSecond: 100 } },
    processor: { autoscaling: { mode: 'Internal', minReplicas: 1, maxReplicas: 20 } },
    redis: { channelPrefix: 'ocpp', embedded: { appendFsync: 'always', storage: { size: '1Gi' } } },
  });
  const external = { redis: { external: { addresses: ['r:6379'] } } };
  t.is(settledSpec(cluster(external)).redis.embedded, undefined);
  const api = shared.given(t);
  if (api === undefined) return;
  const partly = {
    proxy: { replicas: 3, drain: { deadlineSeconds: 200 } },
    redis: { embedded: { storage: {} } },
  };
  for (const spec of [
    {},
    partly,
    external,
    { proxy: null, processor: { image: null } },
    { proxy: { autoscaling: {} } },
  ]) {
    t.deepEqual(
      withDefaults(cluster(spec)).spec,
      (await create(api, cluster(spec))).spec,
      JSON.stringify(spec),
    );
  }
});

interface Mistake {
  readonly spec: object;
  readonly name?: string;
  readonly field: string;
  /** In the API server's answer. */
  readonly says: RegExp;
}

const MISTAKES: readonly Mistake[] = [
  {
    spec: { proxy: { replica: 2 } },
    field: 'spec.proxy.replica',
    says: /unknown field "spec\.proxy\.replica"/,
  },
  { spec: { proxy: { replicas: 0 } }, field: 'spec.proxy.replicas', says: /greater than or equal to 1/ },
  { spec: { proxy: { replicas: '2' } }, field: 'spec.proxy.replicas', says: /must be of type integer/ },
  { spec: { protocols: ['ocpp1.5'] }, field: 'spec.protocols[0]', says: /supported values: "ocpp2\.1"/ },
  { spec: { protocols: [] }, field: 'spec.protocols', says: /at least 1 items/ },
  {
    spec: { protocols: ['ocpp1.6', 'ocpp1.6'] },
    field: 'spec.protocols',
    says: /an OCPP version stands there twice/,
  },
  { spec: { listeners: [{ port: 9000 }] }, field: 'spec.listeners[0].name', says: /Required value/ },
  {
    spec: { listeners: [{ name: 'a' }, { name: 'b' }] },
    field: 'spec.listeners',
    says: /two listeners have the same port; give each a port of its own/,
  },
  {
    spec: { listeners: [{ name: 'a' }, { name: 'a', port: 9001 }] },
    field: 'spec.listeners',
    says: /two listeners have the same name; give each a name of its own/,
  },
  {
    spec: { listeners: Array.from({ length: 9 }, (_, index) => ({ name: `l${index}`, port: 9000 + index })) },
    field: 'spec.listeners',
    says: /must have at most 8 items/,
  },
  {
    spec: { listeners: [{ name: 'a', path: 'ocpp' }] },
    field: 'spec.listeners[0].path',
    says: /should match/,
  },
  {
    spec: { processor: { autoscaling: { minReplicas: 5, maxReplicas: 2 } } },
    field: 'spec.processor.autoscaling',
    says: /minReplicas must not be above maxReplicas/,
  },
  {
    spec: { processor: { autoscaling: { minReplicas: 21 } } },
    field: 'spec.processor.autoscaling',
    says: /minReplicas must not be above maxReplicas/,
  },
  {
    spec: { proxy: { autoscaling: { maxReplicas: 1 } } },
    field: 'spec.proxy.autoscaling',
    says: /minReplicas must not be above maxReplicas/,
  },
  {
    spec: { redis: { embedded: {}, external: { addresses: ['r:6379'] } } },
    field: 'spec.redis',
    says: /give embedded or external, not both/,
  },
  {
    spec: { redis: { external: { addresses: ['redis://r:6379'] } } },
    field: 'spec.redis.external.addresses[0]',
    says: /should match/,
  },
  {
    spec: { redis: { external: { addresses: ['a:1', 'b:2'] } } },
    field: 'spec.redis.external',
    says: /Standalone Redis has one address/,
  },
  {
    spec: { redis: { external: { mode: 'Sentinel', addresses: ['a:1', 'b:2'] } } },
    field: 'spec.redis.external',
    says: /needs sentinel\.masterName/,
  },
  {
    spec: { redis: { external: { addresses: ['a:1'], sentinel: { masterName: 'm' } } } },
    field: 'spec.redis.external',
    says: /no other mode has sentinel/,
  },
  ...[
    {},
    { channelPrefix: 'o{}{a}' },
    { channelPrefix: '{a}', stateKeyPrefix: 's' },
    { channelPrefix: '{a}', stateKeyPrefix: '{b}' },
  ].map((prefixes) => ({
    spec: { redis: { external: { mode: 'Cluster', addresses: ['a:1'] }, ...prefixes } },
    field: 'spec.redis',
    says: /needs a hash tag, such as \{city\}/,
  })),
  ...[{ database: 1 }, { distributedState: true }].map((wrong) => ({
    spec: {
      redis: { external: { mode: 'Cluster', addresses: ['a:1'] }, channelPrefix: '{a}', ...wrong },
    },
    field: 'spec.redis',
    says: /database 0 only/,
  })),
  {
    spec: { redis: { database: 15, distributedState: true } },
    field: 'spec.redis',
    says: /Redis has 16 of them/,
  },
  { spec: { redis: { connectionPoolSize: 3 } }, field: 'spec.redis.connectionPoolSize', says: /4/ },
  {
    spec: { redis: { embedded: { storage: { size: 'much' } } } },
    field: 'spec.redis.embedded.storage.size',
    says: /should match/,
  },
  {
    spec: { proxy: { drain: { deadlineSeconds: 199 } } },
    field: 'spec.proxy',
    says: /less than maxSessionsPerPod \/ drain\.ratePerSecond; raise drain\.deadlineSeconds/,
  },
  {
    spec: { proxy: { maxSessionsPerPod: 3001, drain: { ratePerSecond: 10 } } },
    field: 'spec.proxy',
    says: /cannot give up its stations in time/,
  },
  {
    spec: { proxy: { drain: { deadlineSeconds: 3600 } } },
    field: 'spec',
    says: /more than an hour to end.*lower deadlineSeconds to 3575/,
  },
  {
    spec: {
      proxy: { maxSessionsPerPod: 3400, drain: { ratePerSecond: 1, deadlineSeconds: 3500 } },
      processor: { callTimeoutSeconds: 200 },
    },
    field: 'spec',
    says: /more than an hour to end.*raise ratePerSecond/,
  },
  { spec: {}, name: '9city', field: 'metadata.name', says: /metadata\.name must be at most 40/ },
  { spec: {}, name: 'c'.repeat(41), field: 'metadata.name', says: /metadata\.name must be at most 40/ },
];

test('a mistake is refused with its path and reason, by the API server and by npm start alike', async (t) => {
  for (const { spec, name, field, says } of MISTAKES) {
    const manifest = cluster(spec, name);
    const label = JSON.stringify(spec);
    const problems = validateCluster(manifest);
    t.deepEqual(
      problems.map((problem) => problem.field),
      [field],
      label,
    );
    t.true((problems[0]?.reason ?? '').length > 5, label);
    const api = shared.given(t);
    if (api === undefined) continue;
    const error = await t.throwsAsync(create(api, manifest), undefined, label);
    t.regex(error?.message ?? '', says, label);
    if (!field.startsWith('metadata')) t.true(error?.message.includes(field.replace(/\.name$/, '')), label);
  }
});

test('a drain that just fits is taken, and leaves its Pod an hour at most', async (t) => {
  const good = [
    {},
    { proxy: { drain: { deadlineSeconds: 200 } } },
    { proxy: { maxSessionsPerPod: 3000, drain: { ratePerSecond: 10 } } },
    { proxy: { drain: { deadlineSeconds: 3575 } } },
    { proxy: { maxSessionsPerPod: 3545, drain: { ratePerSecond: 1, deadlineSeconds: 3545 } } },
  ];
  for (const spec of good) {
    const manifest = cluster(spec);
    t.deepEqual(validateCluster(manifest), [], JSON.stringify(spec));
    t.true(proxyGraceSeconds(settledSpec(manifest)) <= 3600, JSON.stringify(spec));
    const api = shared.given(t);
    if (api !== undefined) await t.notThrowsAsync(create(api, manifest), JSON.stringify(spec));
  }
});

test('lists that have a default are replaced by server-side apply, not added to', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  const gitOps = new KubeObjectStore(api.http, { manager: 'git-ops' });
  const metadata = { name: 'replaced', namespace: 'default' };
  await gitOps.apply({ ...cluster({}), metadata });
  const given = { protocols: ['ocpp1.6'], listeners: [{ name: 'only', port: 9100, path: '/only' }] };
  const { object } = await gitOps.apply({ ...cluster(given), metadata });
  t.like((object as OcppCluster).spec, given);
});

test('a Redis of every mode is taken, by the API server and by npm start alike', async (t) => {
  const guide = readFileSync(join(ROOT, 'docs/redis.md'), 'utf8').match(/```yaml\n([^`]*)```/)?.[1] ?? '';
  const good = [
    (parse(guide) as { spec: { redis: object } }).spec.redis,
    { external: { addresses: ['a:1'], tls: {}, credentialsSecretName: 's' } },
    { external: { mode: 'Sentinel', addresses: ['a:1', 'b:2'], sentinel: { masterName: 'm' } } },
    { external: { mode: 'Cluster', addresses: ['a:1'] }, channelPrefix: '{city}' },
    { external: { mode: 'Cluster', addresses: ['a:1'] }, channelPrefix: 'a:{x}{y}', stateKeyPrefix: 's{x}' },
    { database: 14, distributedState: true },
  ];
  for (const redis of good) {
    const manifest = cluster({ redis });
    t.deepEqual(validateCluster(manifest), [], JSON.stringify(redis));
    const api = shared.given(t);
    if (api !== undefined) await t.notThrowsAsync(create(api, manifest), JSON.stringify(redis));
  }
});

test('what is no OcppCluster is said to be none', (t) => {
  t.deepEqual(
    validateCluster(undefined).map(({ field }) => field),
    ['apiVersion'],
  );
  t.deepEqual(
    validateCluster({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'Pod' }).map(({ field }) => field),
    ['kind'],
  );
  t.deepEqual(
    validateCluster({ apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster' }).map(({ field }) => field),
    ['metadata.name'],
  );
});

/** Before, the change, and the words of the refusal; undefined: it is taken. */
const CHANGES: readonly (readonly [name: string, redis: object, change: object, refused?: RegExp])[] = [
  ['a larger volume', {}, { embedded: { storage: { size: '2Gi' } } }],
  ['the same size in other words', {}, { embedded: { storage: { size: '1024Mi' } } }],
  [
    'a smaller volume',
    {},
    { embedded: { storage: { size: '900Mi' } } },
    /storage\.size can grow but not shrink/,
  ],
  [
    'no word of the volume that was large',
    { embedded: { storage: { size: '8Gi' } } },
    { embedded: null },
    /storage\.size can grow but not shrink/,
  ],
  [
    'another class',
    {},
    { embedded: { storage: { storageClassName: 'fast' } } },
    /storageClassName cannot be changed once the volume exists/,
  ],
  ['another Secret', {}, { embedded: { passwordSecretName: 'x' } }, /change the password in the Secret/],
  ['what becomes of the volume', {}, { embedded: { storage: { onDelete: 'Delete' } } }],
  ['another image', {}, { embedded: { image: 'redis:8' } }],
  [
    'embedded to external',
    {},
    { external: { addresses: ['r:6379'] } },
    /embedded cannot become external nor the other way round.*make a second OcppCluster/,
  ],
  [
    'external to embedded',
    { external: { addresses: ['r:6379'] } },
    { external: null },
    /embedded cannot become external nor the other way round/,
  ],
  ['another address', { external: { addresses: ['r:6379'] } }, { external: { addresses: ['s:6379'] } }],
  ['another channelPrefix', {}, { channelPrefix: 'x' }, /channelPrefix: .*cannot be changed.*left behind/],
  ['another stateKeyPrefix', {}, { stateKeyPrefix: 'x' }, /stateKeyPrefix: .*cannot be changed.*left behind/],
  ['another database', {}, { database: 3 }, /database: .*cannot be changed.*left behind/],
];

test('what would leave data behind cannot be changed, and is told so', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  for (const [index, [name, redis, change, refused]] of CHANGES.entries()) {
    await create(api, cluster({ redis }, `kept-${index}`), false);
    const changed = api.http.json({
      method: 'PATCH',
      path: `${CLUSTERS}/kept-${index}`,
      contentType: 'application/merge-patch+json',
      query: { dryRun: 'All' },
      body: { spec: { redis: change } },
    });
    if (refused === undefined) await t.notThrowsAsync(changed, name);
    else await t.throwsAsync(changed, { message: refused }, name);
  }
});

test('kubectl explain has a sentence for every field', (t) => {
  const silent = (schema: Schema, path: string): string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
      const own = field.description === undefined ? [`${path}.${name}`] : [];
      return own.concat(silent(field, `${path}.${name}`), silent(field.items ?? {}, `${path}.${name}[]`));
    });
  for (const part of ['spec', 'status']) t.deepEqual(silent(fieldSchema(part), part), []);
});

test('kubectl scale and kubectl get find what they look for', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  await create(api, cluster({ processor: { replicas: 2 } }, 'scaled'), false);
  const scale = `${CLUSTERS}/scaled/scale`;
  t.like(await api.http.json({ method: 'GET', path: scale }), { spec: { replicas: 2 } });
  await api.http.json({
    method: 'PATCH',
    path: scale,
    contentType: 'application/merge-patch+json',
    body: { spec: { replicas: 4 } },
  });
  const scaled = (await api.http.json({ method: 'GET', path: `${CLUSTERS}/scaled` })) as OcppCluster;
  t.is(scaled.spec?.processor?.replicas, 4);
});

test('the examples are good', async (t) => {
  for (const file of ['city.yaml', 'minimal.yaml']) {
    const manifest = parse(readFileSync(join(ROOT, 'examples', file), 'utf8')) as OcppCluster;
    t.deepEqual(validateCluster(manifest), [], file);
    const api = shared.given(t);
    if (api === undefined) continue;
    const { namespace: _, ...metadata } = manifest.metadata;
    await t.notThrowsAsync(create(api, { ...manifest, metadata }), file);
  }
});
