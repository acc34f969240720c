/** The objects of an OcppCluster; a real API server accepts all of them. */
import type {
  V1ConfigMap,
  V1Container,
  V1EnvVar,
  V1PodSpec,
  V1PodTemplateSpec,
} from '@kubernetes/client-node';
import test, { type ExecutionContext } from 'ava';
import type { OcppCluster, OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { refusedFields } from '../../../operator/local/kubelet/pod-fields.ts';
import { renderObjects } from '../../../operator/render/objects.ts';
import { RENDER_REVISION } from '../../../operator/render/revision.ts';
import { quantity } from '../../../operator/api/quantity.ts';
import { resourceOf } from '../../../operator/render/resources.ts';
import { ENV } from '../../../services/contract.ts';
import {
  processorSettings,
  readHandlerSettings,
  readTransactionPolicy,
} from '../../../services/processor/config.ts';
import { DEFAULT_SETTINGS } from '../../../services/csms/handler.ts';
import { loadConfig } from '../../../services/runtime/config.ts';
import type { ApiConnection } from '../../support/api-server.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { SENTINEL_REDIS } from './sentinel-redis.ts';

const shared = commonApiServer(test);

const cluster = (spec: OcppClusterSpec = {}): OcppCluster => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name: 'city', namespace: 'default', uid: '7c1b2a90-6a1c-4f0e-8e0f-2f3a4b5c6d7e' },
  spec,
});
const render = (spec?: OcppClusterSpec, processorReplicas = 3) =>
  renderObjects(cluster(spec), {
    image: 'ocpp:1',
    redisImage: 'redis:7',
    redisPasswordSecret: 'city-redis-7c1b2a90',
    processorReplicas,
    renderRevision: RENDER_REVISION,
  });

interface Rendered extends KubeObject {
  readonly spec: Record<string, unknown> & { readonly template: V1PodTemplateSpec };
}
function find(objects: readonly KubeObject[], name: string): Rendered {
  const found = objects.find(({ kind, metadata }) => `${kind}/${metadata.name}` === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found as Rendered;
}
const podOf = (objects: readonly KubeObject[], name: string) =>
  find(objects, name).spec.template.spec as V1PodSpec & { containers: [V1Container] };
/** As a process gets them: variables win over those of the ConfigMap. */
function envOf(objects: readonly KubeObject[], name: string): ReadonlyMap<string, V1EnvVar> {
  const { env = [], envFrom = [] } = podOf(objects, name).containers[0];
  const named = envFrom.flatMap(({ configMapRef }) => {
    const { data } = find(objects, `ConfigMap/${configMapRef?.name}`) as KubeObject &
      Pick<V1ConfigMap, 'data'>;
    return Object.entries(data ?? {}).map(([variable, value]) => ({ name: variable, value }));
  });
  return new Map([...named, ...env].map((one: V1EnvVar) => [one.name, one]));
}
const namesOf = (objects: readonly KubeObject[]) =>
  objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);

/** Every optional part at once. */
const FULL: OcppClusterSpec = {
  image: { pullSecrets: ['registry'] },
  listeners: [{ name: 'public', port: 80, path: '/v1/ocpp' }],
  proxy: {
    replicas: 4,
    service: { type: 'LoadBalancer', annotations: { 'example.com/nlb': 'true' } },
    podTemplate: {
      metadata: { labels: { team: 'grid', 'app.kubernetes.io/name': 'mine' }, annotations: { note: 'x' } },
      resources: { requests: { cpu: '2' }, limits: { memory: '2Gi' } },
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }],
      affinity: { podAntiAffinity: {} },
      topologySpreadConstraints: [],
      priorityClassName: 'system-node-critical',
      env: [
        { name: 'LOG_LEVEL', value: 'debug' },
        { name: ENV.pingInterval, value: '50s' },
      ],
    },
  },
  processor: { image: 'own/handlers:2', callTimeoutSeconds: 60, autoscaling: { minReplicas: 2 } },
  redis: {
    channelPrefix: '{city}',
    database: 2,
    embedded: {
      storage: { size: '8Gi', storageClassName: 'fast', onDelete: 'Delete' },
      appendFsync: 'everysec',
      podTemplate: { resources: { limits: { memory: '100Mi' } } },
    },
  },
};
const EXTERNAL: OcppClusterSpec = {
  redis: { external: { addresses: ['redis.example.com:6380'], credentialsSecretName: 'redis-login' } },
};
const SENTINEL: OcppClusterSpec = {
  redis: {
    external: SENTINEL_REDIS,
    channelPrefix: 'net',
    stateKeyPrefix: 'state',
    database: 2,
    clientTimeoutSeconds: 5,
    connectionPoolSize: 6,
    retryAttempts: 1,
    retryDelayMilliseconds: 50,
    distributedState: true,
    stateTtlSeconds: 60,
  },
};
/** The maximum number of listeners. */
const LISTENERS = Array.from({ length: 8 }, (_, index) => ({
  name: `l--${index}`,
  port: 8000 + index,
  path: '/ocpp',
}));
const VARIANTS: Readonly<Record<string, OcppClusterSpec>> = {
  empty: {},
  full: FULL,
  external: EXTERNAL,
  sentinel: SENTINEL,
  listeners: { listeners: LISTENERS },
  api: {
    api: {
      enabled: true,
      replicas: 2,
      tokensSecret: { name: 'tokens' },
      service: { annotations: { a: 'b' } },
      webhooks: [
        {
          name: 'billing',
          url: 'https://billing.example.com:8443/events',
          types: ['transaction-*'],
          signingSecret: { name: 'billing', key: 'signing' },
          caSecretName: 'billing-ca',
        },
      ],
      prometheus: {
        url: 'https://prometheus.monitoring:9090',
        tokenSecretRef: { name: 'prometheus', key: 'login' },
        caSecretRef: { name: 'prometheus-ca', key: 'ca.crt' },
      },
    },
    authentication: { stations: { register: true } },
    networkPolicy: { enabled: true },
  },
  billing: {
    billing: { sink: { postgres: { secretName: 'bills', caSecretName: 'bills-ca' } } },
    networkPolicy: { enabled: true },
  },
};

test('a cluster is this list of objects, in this order', (t) => {
  t.deepEqual(namesOf(render()), [
    'ServiceAccount/city-redis',
    'Service/city-redis',
    'StatefulSet/city-redis',
    'ServiceAccount/city-processor',
    'ConfigMap/city-processor',
    'Deployment/city-processor',
    'ServiceAccount/city-ws-proxy',
    'ConfigMap/city-ws-proxy',
    'Service/city-ws-proxy',
    'Deployment/city-ws-proxy',
    'PodDisruptionBudget/city-ws-proxy',
  ]);
  t.deepEqual(render(), render(), 'the same input gives the same objects');
  t.false(
    namesOf(render(EXTERNAL)).some((name) => name.includes('redis')),
    'no embedded Redis with an external one',
  );
  t.deepEqual(
    namesOf(render({ api: { enabled: true } })).filter((name) => name.endsWith('/city-api')),
    ['ServiceAccount', 'Role', 'RoleBinding', 'Service', 'Deployment'].map((kind) => `${kind}/city-api`),
  );
  const budgets = (spec: OcppClusterSpec) =>
    namesOf(render(spec)).filter((name) => name.startsWith('PodDis'));
  t.deepEqual(budgets({ proxy: { replicas: 1 } }), [], 'a single Pod has no budget');
  t.deepEqual(budgets({ proxy: { replicas: 1 }, api: { enabled: true, replicas: 2 } }), [
    'PodDisruptionBudget/city-api',
  ]);
  t.deepEqual(budgets(FULL), ['PodDisruptionBudget/city-processor', 'PodDisruptionBudget/city-ws-proxy']);
});

test('every object has the labels and the owner, and npm start can run its Pods', (t) => {
  for (const [variant, spec] of Object.entries(VARIANTS)) {
    for (const object of render(spec)) {
      const { labels = {}, ownerReferences, namespace, name } = object.metadata;
      const component = name.replace('city-', '');
      t.like(labels, {
        'app.kubernetes.io/name': 'ocpp',
        'app.kubernetes.io/instance': 'city',
        'app.kubernetes.io/component': component,
        'app.kubernetes.io/managed-by': 'ocpp-operator',
      });
      t.like(ownerReferences?.[0], { kind: 'OcppCluster', name: 'city', controller: true });
      t.is(namespace, 'default');
      const { template } = (object as Partial<Rendered>).spec ?? {};
      if (template === undefined) continue;
      t.deepEqual(refusedFields(template.spec ?? {}), [], `${variant} ${name}`);
      t.is(
        template.metadata?.labels?.['app.kubernetes.io/name'],
        'ocpp',
        'labels of the operator win: Services select by them',
      );
    }
  }
});

test('a proxy gets its settings, and enough time to drain every station', (t) => {
  const objects = render({ proxy: { drain: { ratePerSecond: 50, deadlineSeconds: 100 } } });
  const env = envOf(objects, 'Deployment/city-ws-proxy');
  const value = (name: string) => env.get(name)?.value;
  t.is(value(ENV.redisAddr), 'city-redis.default.svc:6379');
  t.is(value(ENV.drainRate), '50');
  t.is(value(ENV.drainDeadline), '100s');
  t.is(value(ENV.callTimeout), '30s');
  t.is(value(ENV.protocols), 'ocpp2.1,ocpp2.0.1,ocpp1.6');
  t.is(env.get(ENV.podIp)?.valueFrom?.fieldRef?.fieldPath, 'status.podIP');
  const pod = podOf(objects, 'Deployment/city-ws-proxy');
  // propagation + 20 000 sockets at 50/s + a call's time-out + margin
  t.true((pod.terminationGracePeriodSeconds ?? 0) >= 5 + 400 + 30 + 20);
  t.is(value(ENV.drainLimit), `${(pod.terminationGracePeriodSeconds ?? 0) - 25}s`);
  t.like(pod.containers[0], { image: 'ocpp:1', args: ['ws-proxy.js'] });
  t.is(pod.containers[0].command, undefined, 'the entry point of the image is used');
  t.is(value(ENV.drainTransactions), 'close', 'what may change while the program runs is always named');
  t.is(value(ENV.connectRate), '1000');
  t.is(value(ENV.bootRate), '0');
  const given = envOf(
    render({
      proxy: {
        admission: { connectionsPerSecond: 200, bootsPerSecond: 100 },
        drain: { transactions: 'Wait' },
      },
    }),
    'Deployment/city-ws-proxy',
  );
  t.is(given.get(ENV.drainTransactions)?.value, 'wait');
  t.is(given.get(ENV.connectRate)?.value, '200');
  t.is(given.get(ENV.bootRate)?.value, '100');
  t.deepEqual(find(objects, 'Deployment/city-ws-proxy').spec['strategy'], {
    type: 'RollingUpdate',
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
  });
});

test('tolerance settings that differ from the default reach the programs', (t) => {
  const read = (spec: OcppClusterSpec) => {
    const objects = render(spec);
    const of = (name: string) =>
      Object.fromEntries([...envOf(objects, name)].map(([variable, { value }]) => [variable, value]));
    const config = loadConfig('processor', processorSettings, of('Deployment/city-processor'), []);
    const proxy = of('Deployment/city-ws-proxy');
    return {
      handlers: readHandlerSettings(config),
      policy: readTransactionPolicy(config),
      proxy: { validation: proxy[ENV.validation], defaultProtocol: proxy[ENV.defaultProtocol] },
    };
  };
  const DAY_MS = 86_400_000;
  t.deepEqual(read({}), {
    handlers: DEFAULT_SETTINGS,
    policy: { reportAfterMs: DAY_MS, abandonAfterMs: 7 * DAY_MS },
    proxy: { validation: 'Tolerant', defaultProtocol: undefined },
  });
  const strict = read({
    proxy: { defaultProtocol: 'ocpp1.6' },
    processor: {
      unknownTokens: 'Accept',
      validation: 'Strict',
      transactions: {
        idempotencySeconds: 3600,
        reportAfterSeconds: 60,
        abandonAfterSeconds: 0,
        concurrent: 'Reject',
      },
    },
  });
  t.deepEqual(strict, {
    handlers: {
      ...DEFAULT_SETTINGS,
      unknownTokens: 'Accept',
      validation: 'Strict',
      heardEveryMs: 15_000,
      concurrentTransactions: 'Reject',
      transactionKeySeconds: 3600,
    },
    policy: { reportAfterMs: 60_000, abandonAfterMs: 0 },
    proxy: { validation: 'Strict', defaultProtocol: 'ocpp1.6' },
  });
});

test('the scaler sets the number of processors, the spec the number of proxies', (t) => {
  t.is(find(render({}, 7), 'Deployment/city-processor').spec['replicas'], 7);
  const ignored: OcppClusterSpec = { processor: { replicas: 9 } };
  t.is(find(render(ignored, 2), 'Deployment/city-processor').spec['replicas'], 2);
  t.is(find(render({ proxy: { replicas: 5 } }), 'Deployment/city-ws-proxy').spec['replicas'], 5);
  t.is(podOf(render(FULL), 'Deployment/city-processor').containers[0].image, 'own/handlers:2');
});

interface Port {
  readonly name: string;
  readonly port: number;
  readonly targetPort: string;
}

test('further listeners get ports of their own, and the first keeps its port', (t) => {
  const lab = { name: 'lab', port: 9100, path: '/lab' };
  const old = { name: 'a--b', port: 80, path: '/v16' };
  const stations = { name: 'stations', port: 9000, path: '/ocpp' };
  const of = (...listeners: (typeof lab)[]) => {
    const objects = render({ listeners });
    const { ports = [] } = find(objects, 'Service/city-ws-proxy').spec as { ports?: Port[] };
    const pod = podOf(objects, 'Deployment/city-ws-proxy');
    const numbers = new Map(pod.containers[0].ports?.map(({ name, containerPort }) => [name, containerPort]));
    const env = envOf(objects, 'Deployment/city-ws-proxy');
    const served = ports.map(({ name, port, targetPort }) => [name, port, numbers.get(targetPort)]);
    return {
      pod,
      ports,
      served,
      first: env.get(ENV.stationPath)?.value,
      further: env.get(ENV.listeners)?.value,
    };
  };
  const one = of(stations);
  t.is(one.further, undefined);
  t.deepEqual(one.pod, podOf(render(), 'Deployment/city-ws-proxy'));
  t.deepEqual(of({ ...stations, name: 'x', port: 1 }).pod, one.pod, 'name and Service port restart no Pod');

  const three = of(stations, lab, old);
  t.deepEqual(three.served, [
    ['stations', 9000, 9000],
    ['lab', 9100, 9002],
    ['a--b', 80, 9001],
  ]);
  t.is(three.first, '/ocpp');
  t.is(three.further, '9001/v16,9002/lab');
  t.deepEqual(of(stations, old, { ...lab, port: 9200 }).pod, three.pod, 'nor does their order');
  const target = (ports: Port[], listener: string) => ports.find(({ name }) => name === listener)?.targetPort;
  t.is(
    target(of(stations, lab).ports, 'lab'),
    target(three.ports, 'lab'),
    'old and new Pods have the same port name',
  );
  t.is(target(of(stations, lab).ports, 'stations'), target(one.ports, 'stations'));
});

test('podTemplate adds to the Pods, env merged by name', (t) => {
  const objects = render(FULL);
  const env = envOf(objects, 'Deployment/city-ws-proxy');
  t.is(env.get('LOG_LEVEL')?.value, 'debug');
  t.is(env.get(ENV.pingInterval)?.value, '50s');
  t.is(env.get(ENV.stationPath)?.value, '/v1/ocpp');
  const heap = '--max-old-space-size=1433 --max-semi-space-size=8';
  t.is(env.get('NODE_OPTIONS')?.value, `--enable-source-maps ${heap}`, '70 % of 2 GiB');
  const pod = podOf(objects, 'Deployment/city-ws-proxy');
  t.like(pod, { nodeSelector: { disk: 'ssd' }, priorityClassName: 'system-node-critical' });
  t.deepEqual(pod.topologySpreadConstraints, []);
  t.deepEqual(pod.imagePullSecrets, [{ name: 'registry' }]);
  t.deepEqual(pod.containers[0].resources, {
    requests: { cpu: '2', memory: '256Mi' },
    limits: { memory: '2Gi' },
  });
  const small = podOf(objects, 'StatefulSet/city-redis').containers[0].resources;
  t.is(small?.requests?.['memory'], '100Mi', 'a request never exceeds the user’s limit');
  t.like(find(objects, 'Service/city-ws-proxy'), {
    metadata: { annotations: { 'example.com/nlb': 'true' } },
    spec: {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ports: [{ name: 'public', port: 80, targetPort: 'stations' }],
    },
  });
  t.is(find(render(), 'Service/city-ws-proxy').spec['externalTrafficPolicy'], undefined);
});

test('Redis keeps all data: append-only, no eviction, maxmemory 60 % of its limit, user 999', (t) => {
  const objects = render(FULL);
  const pod = podOf(objects, 'StatefulSet/city-redis');
  t.like(pod.securityContext, { runAsUser: 999, runAsGroup: 999, fsGroup: 999, runAsNonRoot: true });
  const [container] = pod.containers;
  const setting = (name: string, args = container.args ?? []) => args[args.indexOf(`--${name}`) + 1];
  t.is(setting('appendonly'), 'yes');
  t.is(setting('appendfsync'), 'everysec');
  t.is(setting('maxmemory-policy'), 'noeviction');
  t.is(setting('maxmemory'), String(60 * 2 ** 20));
  t.is(setting('save'), '');
  const plain = podOf(render(), 'StatefulSet/city-redis').containers[0];
  t.is(setting('appendfsync', plain.args), 'always');
  t.like(find(objects, 'StatefulSet/city-redis').spec, {
    replicas: 1,
    // A Pod that cannot start is replaced after the template was corrected.
    podManagementPolicy: 'Parallel',
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { storageClassName: 'fast', resources: { requests: { storage: '8Gi' } } },
      },
    ],
  });
});

const DEPLOYMENTS = ['Deployment/city-processor', 'Deployment/city-ws-proxy'];
const redisOf = (objects: ReturnType<typeof render>, deployment: string) =>
  Object.fromEntries(
    [...envOf(objects, deployment).values()]
      .filter(({ name }) => /^(REDIS|OCPP_(CHANNEL|STATE|CLIENT|DISTR))/.test(name))
      .map(({ name, value }) => [name, value]),
  );

test('every setting of Redis reaches both programs', (t) => {
  for (const deployment of DEPLOYMENTS) {
    t.deepEqual(redisOf(render(SENTINEL), deployment), {
      REDIS_ADDR: 'a:26379,b:26379',
      REDIS_MODE: 'sentinel',
      REDIS_USERNAME_FILE: '/etc/ocpp/redis-login/username',
      REDIS_PASSWORD_FILE: '/etc/ocpp/redis-login/password',
      REDIS_TLS: 'true',
      REDIS_TLS_SERVER_NAME: 'redis.example.com',
      REDIS_TLS_CA_FILE: '/etc/ocpp/redis-ca/ca.crt',
      REDIS_TLS_CERT_FILE: '/etc/ocpp/redis-certificate/tls.crt',
      REDIS_TLS_KEY_FILE: '/etc/ocpp/redis-certificate/tls.key',
      REDIS_MASTER_NAME: 'main',
      REDIS_SENTINEL_TLS: 'false',
      REDIS_SENTINEL_USERNAME_FILE: '/etc/ocpp/sentinel-login/username',
      REDIS_SENTINEL_PASSWORD_FILE: '/etc/ocpp/sentinel-login/password',
      REDIS_DB: '2',
      OCPP_CHANNEL_PREFIX: 'net',
      OCPP_STATE_KEY_PREFIX: 'state',
      OCPP_CLIENT_TIMEOUT: '5s',
      REDIS_POOL_SIZE: '6',
      REDIS_RETRY_ATTEMPTS: '1',
      REDIS_RETRY_DELAY: '50ms',
      OCPP_DISTRIBUTED_STATE: 'true',
      OCPP_STATE_TTL: '60s',
    });
    t.deepEqual(redisOf(render(), deployment), {
      REDIS_ADDR: 'city-redis.default.svc:6379',
      REDIS_PASSWORD_FILE: '/etc/ocpp/redis-login/password',
      REDIS_DB: '0',
      OCPP_CHANNEL_PREFIX: 'ocpp',
      OCPP_STATE_KEY_PREFIX: 'ocpp',
      OCPP_CLIENT_TIMEOUT: '30s',
      REDIS_POOL_SIZE: '10',
      REDIS_RETRY_ATTEMPTS: '3',
      REDIS_RETRY_DELAY: '1000ms',
      OCPP_DISTRIBUTED_STATE: 'false',
      OCPP_STATE_TTL: '30s',
    });
  }
});

test('Secrets of an external Redis are files, so that running Pods see changes', (t) => {
  for (const deployment of DEPLOYMENTS) {
    const { volumes = [], containers } = podOf(render(SENTINEL), deployment);
    t.deepEqual(
      volumes.map(({ name, secret }) => [name, secret?.secretName]),
      [
        ['redis-login', 'redis-login'],
        ['sentinel-login', 'sentinels'],
        ['redis-ca', 'authority'],
        ['redis-certificate', 'ours'],
        ['settings', undefined],
      ],
    );
    t.deepEqual(
      containers[0].volumeMounts?.map(({ name, mountPath, readOnly }) => [name, mountPath, readOnly]),
      volumes.map(({ name }) => [name, `/etc/ocpp/${name}`, true]),
    );
    t.deepEqual(podOf(render(), deployment).volumes?.slice(0, -1), [
      { name: 'redis-login', secret: { secretName: 'city-redis-7c1b2a90', defaultMode: 0o440 } },
    ]);
  }
});

test('an API server accepts every object with strict validation, and every Pod under the restricted standard', async (t) => {
  const server = shared.given(t);
  if (server === undefined) return;
  const { http } = server;
  const metadata = { name: 'guarded', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } };
  await http.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata } });
  const query = { dryRun: 'All', fieldManager: 'test', fieldValidation: 'Strict' };
  for (const [variant, spec] of Object.entries(VARIANTS)) {
    for (const object of render(spec)) {
      const label = `${variant} ${object.kind}/${object.metadata.name}`;
      const body = { ...object, metadata: { ...object.metadata, namespace: 'guarded' } };
      const { group, version, plural } = resourceOf(object);
      const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
      const path = `${base}/namespaces/guarded/${plural}/${object.metadata.name}`;
      const contentType = 'application/apply-patch+yaml';
      await t.notThrowsAsync(http.json({ method: 'PATCH', path, query, body, contentType }), label);
      const { template } = (object as Partial<Rendered>).spec ?? {};
      if (template !== undefined) await takesPod(t, http, template, label);
    }
  }
});

async function takesPod(
  t: ExecutionContext,
  http: ApiConnection['http'],
  { metadata, spec }: V1PodTemplateSpec,
  label: string,
): Promise<void> {
  const path = '/api/v1/namespaces/guarded/pods';
  const query = { dryRun: 'All', fieldValidation: 'Strict' };
  // The class exists, but only for Pods in kube-system.
  const { priorityClassName: _, ...rest } = spec ?? { containers: [] };
  // The StatefulSet controller adds the volumes of the claims.
  const volumes = (rest.containers[0]?.volumeMounts ?? []).map(({ name }) => ({ name, emptyDir: {} }));
  const labels = metadata?.labels;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', labels },
    spec: { ...rest, volumes },
  };
  await t.notThrowsAsync(http.json({ method: 'POST', path, query, body: pod }), label);
  const root = { ...pod, spec: { ...pod.spec, securityContext: {} } };
  const refused = { message: /violates PodSecurity/ };
  await t.throwsAsync(
    http.json({ method: 'POST', path, query, body: root }),
    refused,
    'the standard is enforced',
  );
}

test('the HTTP API gets the cluster that it may read, the tokens of its users, and the key of passwords', (t) => {
  const objects = render(VARIANTS['api']);
  const env = envOf(objects, 'Deployment/city-api');
  const values = Object.fromEntries([...env].map(([name, { value }]) => [name, value]));
  t.like(values, {
    [ENV.redisAddr]: 'city-redis.default.svc:6379',
    [ENV.apiPort]: '8080',
    [ENV.apiRequestsPerSecond]: '50',
    [ENV.logLevel]: 'info',
    [ENV.apiAdminTokenFile]: '/etc/ocpp/api-admin/token',
    [ENV.apiTokensFolder]: '/etc/ocpp/api-tokens',
    [ENV.passwordKeyFile]: '/etc/ocpp/password-key/key',
    [ENV.clusterUrl]:
      'https://kubernetes.default.svc/apis/ocpp.dev/v1alpha1/namespaces/default/ocppclusters/city',
    [ENV.clusterTokenFile]: '/etc/ocpp/api-server/token',
    [ENV.clusterCaFile]: '/etc/ocpp/api-server/ca.crt',
  });
  const pod = podOf(objects, 'Deployment/city-api');
  t.is(pod.automountServiceAccountToken, false);
  const secrets = new Set((pod.volumes ?? []).map(({ secret }) => secret?.secretName));
  for (const name of ['city-api-admin', 'tokens', 'city-password-key']) t.true(secrets.has(name), name);
  const { rules } = find(objects, 'Role/city-api') as KubeObject & { rules?: object[] };
  t.deepEqual(rules, [
    { apiGroups: ['ocpp.dev'], resources: ['ocppclusters'], resourceNames: ['city'], verbs: ['get'] },
  ]);
  const bare = envOf(render({ api: { enabled: true } }), 'Deployment/city-api');
  t.false(bare.has(ENV.apiTokensFolder) || bare.has(ENV.passwordKeyFile));
});

test('the bill sink gets PostgreSQL from files, and processors leave the streams to it', (t) => {
  const objects = render(VARIANTS['billing']);
  const env = envOf(objects, 'Deployment/city-bill-sink');
  const values = Object.fromEntries([...env].map(([name, { value }]) => [name, value]));
  t.like(values, {
    [ENV.redisAddr]: 'city-redis.default.svc:6379',
    [ENV.billSinkUrlFile]: '/etc/ocpp/postgres/url',
    [ENV.postgresSslRootCert]: '/etc/ocpp/postgres-ca/ca.crt',
    [ENV.billSinkKeep]: '10000',
    [ENV.logLevel]: 'info',
  });
  const pod = podOf(objects, 'Deployment/city-bill-sink');
  t.is(pod.automountServiceAccountToken, false);
  const secrets = new Set((pod.volumes ?? []).map(({ secret }) => secret?.secretName));
  for (const name of ['bills', 'bills-ca']) t.true(secrets.has(name), name);

  const readsSink = (all: readonly KubeObject[]) =>
    (find(all, 'ConfigMap/city-processor') as { data?: Record<string, string> }).data?.[ENV.billSink];
  t.is(readsSink(objects), 'true');
  t.is(readsSink(render({})), 'false');
  const bare = render({ billing: { sink: { postgres: { secretName: 'bills' } } } });
  t.false(envOf(bare, 'Deployment/city-bill-sink').has(ENV.postgresSslRootCert));
});

test('a missing Secret of a webhook takes no Pod of the API with it', (t) => {
  const { volumes = [] } = podOf(render(VARIANTS['api']), 'Deployment/city-api');
  const sources = volumes.find(({ name }) => name === 'api-webhooks')?.projected?.sources;
  t.deepEqual(
    sources?.map(({ secret }) => [secret?.name, secret?.optional]),
    [
      ['billing', true],
      ['billing-ca', true],
    ],
  );
});

test('the API asks the Prometheus of its own field, and a missing Secret takes no Pod with it', (t) => {
  const objects = render(VARIANTS['api']);
  const env = envOf(objects, 'Deployment/city-api');
  t.is(env.get(ENV.apiPrometheusUrl)?.value, 'https://prometheus.monitoring:9090');
  t.is(env.get(ENV.apiPrometheusTokenFile)?.value, '/etc/ocpp/api-prometheus/token');
  t.is(env.get(ENV.apiPrometheusCaFile)?.value, '/etc/ocpp/api-prometheus/ca.crt');
  t.regex(env.get(ENV.apiPrometheusSelector)?.value ?? '', /^namespace="[a-z]+",ocpp_cluster="city"$/);
  t.regex(env.get(ENV.apiPrometheusOperatorSelector)?.value ?? '', /^namespace="[a-z]+",cluster="city"$/);
  const { volumes = [] } = podOf(objects, 'Deployment/city-api');
  t.deepEqual(
    volumes
      .find(({ name }) => name === 'api-prometheus')
      ?.projected?.sources?.map(({ secret }) => [secret?.name, secret?.items?.[0]?.key, secret?.optional]),
    [
      ['prometheus', 'login', true],
      ['prometheus-ca', 'ca.crt', true],
    ],
  );
  const api = { enabled: true, prometheus: { url: 'http://p:9090', selector: 'team="grid"' } };
  const own = render({ api });
  t.is(envOf(own, 'Deployment/city-api').get(ENV.apiPrometheusSelector)?.value, 'team="grid"');
  t.false(envOf(own, 'Deployment/city-api').has(ENV.apiPrometheusTokenFile));
  const autoscaling = { prometheus: { url: 'http://p:9090', tokenSecretRef: { name: 'x', key: 'y' } } };
  const others = render({ api: { enabled: true }, processor: { autoscaling } });
  t.false(
    envOf(others, 'Deployment/city-api').has(ENV.apiPrometheusUrl),
    'that of the operator is not for the API',
  );
});

test('no other Pod of a cluster gets a token of the API server', (t) => {
  for (const object of render({ ...VARIANTS['billing'], ...VARIANTS['api'] })) {
    const text = JSON.stringify(object);
    t.is(
      text.includes('serviceAccountToken'),
      object.kind === 'Deployment' && object.metadata.name.endsWith('-api'),
    );
  }
});

test('quantities are read as Kubernetes reads them', (t) => {
  const cases: Readonly<Record<string, number>> = {
    '512Mi': 2 ** 29,
    '1.5G': 1.5e9,
    '100m': 0.1,
    '3': 3,
    '1Ti': 2 ** 40,
  };
  for (const [text, value] of Object.entries(cases)) t.is(quantity(text), value, text);
  for (const text of ['', 'much', '-1Gi', '1Xi'])
    t.throws(() => quantity(text), { message: /not a quantity/ });
});
