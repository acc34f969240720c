/** The OcppCluster definition against a real API server, against the types, and against its copies in code; its rules: crd-rules.test.ts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { defaultedSpec, withDefaults } from '../../../operator/api/defaults.ts';
import { generatedFiles } from '../../../operator/api/generate/files.ts';
import type { OcppCluster, OcppClusterSpec, OcppClusterStatus } from '../../../operator/api/ocpp-cluster.ts';
import { fieldSchema, ocppClusterSchema, type Schema } from '../../../operator/api/schema.ts';
import { validateCluster } from '../../../operator/api/validate.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import { cluster, CLUSTERS, create } from './cluster-resources.ts';
import { merged, MUTABLE_FIELDS, patchOf } from '../../contracts/mutable-fields.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';

const ROOT = join(import.meta.dirname, '../../..');

const shared = commonApiServer(test);

/** Every field, so that the compiler holds the object to the types and the test holds it to the schema. */
type Every<T> = T extends readonly (infer I)[]
  ? readonly [Every<I>]
  : T extends Readonly<Record<string, string>>
    ? T
    : T extends object
      ? { readonly [K in keyof T]-?: Every<NonNullable<T[K]>> }
      : T;

/** Where one value of the table of fields excludes another, or leaves parts of a list out. */
const COMPLETED = {
  listeners: [
    {
      name: 'stations',
      port: 9000,
      path: '/ocpp',
      nodePort: 30_900,
      securityProfile: 3,
      protocols: ['ocpp1.6'],
      tls: {
        termination: 'Proxy',
        secretName: 'certificate',
        additionalSecretName: 'certificate-rsa',
        clientCaSecretName: 'station-ca',
        minVersion: 'TLSv1.2',
        cipherSuites: ['ECDHE-ECDSA-AES128-GCM-SHA256'],
      },
      proxyProtocol: false,
    },
    {
      name: 'issued',
      port: 9001,
      path: '/ocpp',
      securityProfile: 2,
      tls: {
        termination: 'Proxy',
        issuerRef: { name: 'public', kind: 'ClusterIssuer', group: 'cert-manager.io' },
        dnsNames: ['ocpp.example.com'],
        minVersion: 'TLSv1.3',
      },
      proxyProtocol: false,
    },
    {
      name: 'plain',
      port: 9002,
      path: '/ocpp',
      securityProfile: 0,
      proxyProtocol: false,
      limits: {
        sessions: 500,
        messageBytes: 65_536,
        handshakeSeconds: 5,
        headerBytes: 4096,
        handshakesPerAddress: 10,
        connectionsPerAddress: 20,
        messagesPerSecondOfStation: 10,
        sendBufferBytes: 65_536,
        reconnectBurst: 1000,
        reconnectsPerMinute: 60_000,
      },
    },
    {
      name: 'outer',
      port: 9003,
      path: '/ocpp',
      securityProfile: 3,
      tls: { termination: 'LoadBalancer', clientCertificateHeader: 'ssl-client-cert', minVersion: 'TLSv1.2' },
      proxyProtocol: false,
    },
  ],
  proxy: {
    service: { type: 'LoadBalancer', loadBalancerClass: 'example.com/inner' },
    gateway: { parentRefs: [{ name: 'outer', namespace: 'gateways', sectionName: 'tls', port: 443 }] },
  },
  redis: {
    embedded: { passwordSecretName: 'mine', storage: { storageClassName: 'fast' } },
    external: { mode: 'Sentinel' },
    channelPrefix: 'ocpp',
    stateKeyPrefix: 'state',
    database: 1,
  },
};

/** Every field has a value. */
const everySpec = [...MUTABLE_FIELDS.map(({ field, value }) => patchOf(field, value)), COMPLETED].reduce(
  merged,
  {},
) as OcppClusterSpec;

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
  store: { identity: 1, lost: { identity: 2, since: at }, certificateNotAfter: at },
  drain: [{ pod: 'city-ws-proxy-1', sessions: 3, deadline: at }],
  rollout: {
    id: '0a1b2c3d4e-t3k9m0',
    phase: 'Moving',
    fromSet: 'city-ws-proxy',
    toSet: 'city-ws-proxy-0a1b2c3d4e',
    template: '0a1b2c3d4e',
    message: 'm',
    reason: 'r',
    startedTime: at,
    phaseTime: at,
    finishedTime: at,
    countsSince: at,
    progressTime: at,
    stations: 10,
    moved: 5,
    returned: 4,
    missing: 1,
    movedAgain: 0,
    forced: 0,
    ratePerSecond: 2.5,
    eta: at,
    gapSeconds: { p50: 1, p99: 2 },
    peakReturnsPerSecond: 3,
    handshakes: {
      acceptedBefore: 1,
      failedBefore: 2,
      secondsBefore: 30,
      accepted: 3,
      failed: 4,
      restarts: 0,
    },
    switchedTime: at,
    retry: '1',
  },
  proxy: {
    replicas: 1,
    readyReplicas: 1,
    servingSet: 'city-ws-proxy-0a1b2c3d4e',
    scaleIn: { id: 'scale-in-1', since: at, pods: ['p'], returning: ['q'], message: 'waits' },
    rebalance: {
      value: '1',
      id: 'rebalance-1',
      round: 1,
      roundTime: at,
      before: [3],
      after: [2],
      targets: [{ pod: 'p', moves: 1 }],
      finishedTime: at,
      message: 'waits',
    },
    sessions: 1,
    autoscaling: {
      desiredReplicas: 1,
      reason: 'r',
      lastScaleTime: at,
      recommendations: [{ at, replicas: 1 }],
    },
  },
  processor: { replicas: 1, readyReplicas: 1, selector: 'a=b' },
  api: { replicas: 1, readyReplicas: 1 },
  billing: { replicas: 1, readyReplicas: 1 },
  queue: { depth: 1, oldestSeconds: 0.5, inFlight: 1 },
  autoscaling: {
    desiredReplicas: 1,
    reason: 'r',
    lastScaleTime: at,
    lastScaleDirection: 'Up',
    capacityPerReplica: 1.5,
    recommendations: [{ at, replicas: 1 }],
    mode: 'Internal',
    recommendedReplicas: 1,
    ignoredReplicas: 1,
    lastLimitedTime: at,
    scaleOut: { since: at, from: 1 },
    outage: { replicas: 1 },
    growth: {
      replicas: 2,
      since: at,
      completedPerSecond: 1.5,
      beforeReplicas: 1,
      beforePerSecond: 1.5,
      calmCapacity: 1.5,
      beforeTime: at,
    },
    ceiling: {
      replicas: 1,
      since: at,
      completedPerSecond: 1.5,
      evidence: 'e',
      probeTime: at,
      neededTime: at,
    },
    inputs: {
      source: 'Pods',
      ageSeconds: 1,
      arrivalsPerSecond: 1.5,
      recentArrivalsPerSecond: 1.5,
      stations: 1,
      waiting: 1,
      oldestSeconds: 0.5,
      inFlight: 1,
      completedPerSecond: 1.5,
      busyShare: 0.5,
      throttledShare: 0,
      handlerSeconds: 0.01,
      storeSeconds: 0.001,
    },
  },
  security: {
    unproven: 1,
    stationsExpiring: 1,
    authorityNotAfter: at,
    certificates: [{ listener: 'stations', what: 'tls', notAfter: at }],
    rejected: [{ listener: 'stations', problem: 'tls.crt is no certificate' }],
    passwordKeySecretName: 'city-password-key',
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
    const paths = new Set(valuePaths(value, schema));
    t.deepEqual([...paths].sort(), schemaPaths(schema ?? {}).sort(), name);
  }
});

test('every field of the types is taken by the API server and by the validation of npm start', async (t) => {
  const { embedded, external, ...redis } = everySpec.redis ?? {};
  const { secretName: ofTls, issuerRef } = embedded?.tls ?? {};
  const { stations, ...authentication } = everySpec.authentication ?? {};
  const { register, secretName, webhook } = stations ?? {};
  const { internal, webhook: authority, ...certificateAuthority } = everySpec.certificateAuthority ?? {};
  const kinds = [
    {
      ofRedis: { embedded: { ...embedded, tls: { secretName: ofTls } } },
      ofStations: { register },
      ofAuthority: { internal },
    },
    {
      ofRedis: { embedded: { ...embedded, tls: { issuerRef } } },
      ofStations: { register },
      ofAuthority: { internal },
    },
    { ofRedis: { external }, ofStations: { webhook }, ofAuthority: { webhook: authority } },
    { ofRedis: { external }, ofStations: { secretName }, ofAuthority: { internal } },
  ];
  for (const { ofRedis, ofStations, ofAuthority } of kinds) {
    for (const one of [ofRedis, ofStations, ofAuthority]) t.truthy(Object.values(one)[0]);
    const enrolment = 'register' in ofStations ? 'FirstSeen' : 'Off';
    const manifest = cluster({
      ...everySpec,
      redis: { ...redis, ...ofRedis },
      authentication: { ...authentication, enrolment, stations: ofStations },
      certificateAuthority: { ...certificateAuthority, ...ofAuthority },
    });
    t.deepEqual(validateCluster(manifest), []);
    const api = shared.given(t);
    if (api !== undefined) t.deepEqual((await create(api, manifest)).spec, manifest.spec);
  }
});

test('an empty spec is a whole cluster, with the same defaults in code as in the API server', async (t) => {
  t.like(defaultedSpec(cluster({})), {
    proxy: { replicas: 2, maxSessionsPerPod: 20_000, drain: { ratePerSecond: 100 } },
    processor: { autoscaling: { mode: 'Internal', minReplicas: 1, maxReplicas: 20 } },
    redis: { channelPrefix: 'ocpp', embedded: { appendFsync: 'always', storage: { size: '1Gi' } } },
  });
  const external = { redis: { external: { addresses: ['r:6379'] } } };
  t.is(defaultedSpec(cluster(external)).redis.embedded, undefined);
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
    { authentication: {} },
    { listeners: [{ name: 'a', securityProfile: 3, tls: { secretName: 's', clientCaSecretName: 'c' } }] },
    { processor: { transactions: { abandonAfterSeconds: 0 } } },
  ]) {
    t.deepEqual(
      withDefaults(cluster(spec)).spec,
      (await create(api, cluster(spec))).spec,
      JSON.stringify(spec),
    );
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

test('what is generated from the definition is up to date', (t) => {
  for (const [file, text] of Object.entries(generatedFiles())) {
    t.true(readFileSync(join(ROOT, file), 'utf8') === text, `run: npm run generate (${file} differs)`);
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
  for (const file of ['city.yaml', 'minimal.yaml', 'secure.yaml']) {
    const manifest = parse(readFileSync(join(ROOT, 'examples', file), 'utf8')) as OcppCluster;
    t.deepEqual(validateCluster(manifest), [], file);
    const api = shared.given(t);
    if (api === undefined) continue;
    const { namespace: _, ...metadata } = manifest.metadata;
    await t.notThrowsAsync(create(api, { ...manifest, metadata }), file);
  }
});
