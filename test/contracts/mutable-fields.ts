/**
 * Every field of an OcppCluster that may change: a value other than the default, and where it has to be seen. Whose Pods it
 * replaces is in the field's description. test/operator/crd/fields.test.ts holds both against a real API server, the e2e against
 * real Pods.
 */
import { type Component, effectOf } from '../../operator/api/generate/restarts.ts';

export interface FieldChange {
  /** Below `spec`. */
  readonly field: string;
  readonly value: unknown;
  /** What has to be so as well for the value to be taken, as a merge patch of `spec`. */
  readonly with?: object;
  /** `Kind/name` without the cluster's name, such as `Deployment/ws-proxy`. Left out: no object shows it. */
  readonly object?: string;
  /** Path in it; `env NAME` for a variable of its container. */
  readonly at?: string;
  /** The value found there; `value` itself if omitted. */
  readonly shows?: unknown;
  /** Whose Pods are replaced. */
  readonly restarts: readonly Component[];
  /** To be taken back at once: there is no such image or Secret where Pods are real, or the rows after it would not be seen. */
  readonly undo?: boolean;
}

/** `shows` of an image of which only a part is changed. */
export const IMAGE = Symbol('image');

type Row = Omit<FieldChange, 'restarts'>;
const env = (name: string) => `env ${name}`;

function row(
  field: string,
  value: unknown,
  object: string,
  at: string,
  more: Pick<FieldChange, 'shows' | 'with' | 'undo'> = {},
): Row {
  return { field, value, object, at, ...more };
}

const proxy = (field: string, value: unknown, at: string, shows: unknown = value) =>
  row(`proxy.${field}`, value, 'Deployment/ws-proxy', at, { shows });
/** A setting that running Pods take from their ConfigMap. */
const live = (
  component: 'ws-proxy' | 'processor',
  field: string,
  value: unknown,
  name: string,
  shows: string,
) => row(field, value, `ConfigMap/${component}`, `data.${name}`, { shows });
const proxyLive = (field: string, value: unknown, name: string, shows = String(value)) =>
  live('ws-proxy', `proxy.${field}`, value, name, shows);
const service = (
  field: string,
  value: unknown,
  at: string,
  more: Pick<FieldChange, 'shows' | 'with' | 'undo'> = {},
) => row(`proxy.service.${field}`, value, 'Service/ws-proxy', at, more);
const balancer = (field: string, value: unknown, at: string) =>
  service(field, value, at, { with: { proxy: { service: { type: 'LoadBalancer' } } } });
const ingress = (field: string, value: unknown, at: string, shows: unknown = value) =>
  row(`proxy.ingress.${field}`, value, 'Ingress/ws-proxy', at, {
    shows,
    with: { proxy: { ingress: { host: 'a.example.com' } } },
  });
const gateway = (field: string, value: unknown): Row => ({
  field: `proxy.gateway.${field}`,
  value,
  with: { proxy: { gateway: { parentRefs: [{ name: 'outer' }] } } },
});
const PEER = { ipBlock: { cidr: '203.0.113.0/24' } };
const guarded = (field: string, at: string) =>
  row(`networkPolicy.${field}`, [PEER], 'NetworkPolicy/ws-proxy', at, {
    shows: PEER,
    with: { networkPolicy: { enabled: true } },
  });
const transactions = (field: string, value: unknown, name: string, shows: string) =>
  live('processor', `processor.transactions.${field}`, value, name, shows);
const redis = (field: string, value: unknown, name: string, shows: unknown) =>
  row(`redis.${field}`, value, 'Deployment/processor', env(name), { shows });

/** Of one component; each is a field of its own in the schema. */
function podTemplate(prefix: string, component: Component): readonly Row[] {
  const object = `${component === 'redis' ? 'StatefulSet' : 'Deployment'}/${component}`;
  const pod = 'spec.template.spec';
  const of = (field: string, value: unknown, at: string, shows: unknown = value) =>
    row(`${prefix}.podTemplate.${field}`, value, object, at, { shows });
  const spread = [
    {
      maxSkew: 2,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: { a: 'b' } },
    },
  ];
  const affinity = {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: {} } },
      ],
    },
  };
  return [
    of('metadata.labels', { team: 'grid' }, 'spec.template.metadata.labels.team', 'grid'),
    of('metadata.annotations', { note: 'x' }, 'spec.template.metadata.annotations.note', 'x'),
    of('resources.requests', { cpu: '11m' }, `${pod}.containers.0.resources.requests.cpu`, '11m'),
    of('resources.limits', { memory: '300Mi' }, `${pod}.containers.0.resources.limits.memory`, '300Mi'),
    of('nodeSelector', { 'kubernetes.io/os': 'linux' }, `${pod}.nodeSelector`),
    of('tolerations', [{ key: 'spot', operator: 'Exists' }], `${pod}.tolerations`),
    of('affinity', affinity, `${pod}.affinity`),
    of('topologySpreadConstraints', spread, `${pod}.topologySpreadConstraints`),
    of('priorityClassName', 'system-cluster-critical', `${pod}.priorityClassName`),
    of('env', [{ name: 'EXTRA', value: '1' }], env('EXTRA'), '1'),
  ];
}

const SENTINELS = {
  mode: 'Sentinel',
  addresses: ['a:26379', 'b:26379'],
  tls: {},
  sentinel: { masterName: 'main' },
};
/** Of a cluster whose Redis is watched by Sentinels. */
const external = (field: string, value: unknown, at: string, shows: unknown = value) =>
  row(`redis.external.${field}`, value, 'Deployment/ws-proxy', at, {
    shows,
    with: { redis: { external: SENTINELS } },
    undo: true,
  });
const volume = (secretName: string) => ({ name: secretName, secret: { secretName, defaultMode: 0o440 } });

/** No object shows what the operator itself reads. Taken back, as it waits for a server that is not there. */
const prometheus = (
  [
    ['url', 'https://other.example.com:9090'],
    ['caSecretRef.name', 'other-ca'],
    ['caSecretRef.key', 'other.crt'],
    ['tokenSecretRef.name', 'other-token'],
    ['tokenSecretRef.key', 'other'],
    ['timeoutSeconds', 5],
    ['staleSeconds', 30],
    ['selector', 'job="ocpp"'],
    ['queries.arrivalRate', 'sum(rate(frames_total[1m]))'],
    ['queries.depth', 'max(waiting)'],
    ['queries.oldestSeconds', 'max(oldest)'],
  ] as const
).map(([field, value]): Row => {
  const secret = { name: 'prometheus', key: 'data' };
  const server = {
    url: 'https://prometheus.example.com',
    ...(field.startsWith('ca') && { caSecretRef: secret }),
    ...(field.startsWith('token') && { tokenSecretRef: secret }),
  };
  const path = `processor.autoscaling.prometheus.${field}`;
  return { field: path, value, with: { processor: { autoscaling: { prometheus: server } } }, undo: true };
});

const REGISTER = { stations: { register: true } };
/** Of a cluster whose stations are in its register. */
const authenticationLive = (field: string, value: unknown, name: string) =>
  row(`authentication.${field}`, value, 'ConfigMap/ws-proxy', `data.${name}`, {
    shows: String(value),
    with: { authentication: REGISTER },
  });
/** Taken back, as the Secrets and services do not exist. */
const webhook = (field: string, value: unknown, at: string, shows: unknown = value) =>
  row(`authentication.stations.webhook.${field}`, value, 'Deployment/ws-proxy', at, {
    shows,
    with: { authentication: { stations: { webhook: { url: 'https://stations.example.com/check' } } } },
    undo: true,
  });
const LAST_VOLUME = 'spec.template.spec.volumes.last';
const secretVolume = (name: string, secretName: string) => ({
  name,
  secret: { secretName, defaultMode: 0o440 },
});
const ofProcessor = (field: string, value: unknown, at: string, shows: unknown, others: object) =>
  row(field, value, 'Deployment/processor', at, { shows, with: others, undo: true });
const authority = (field: string, value: unknown, at: string, shows: unknown = value) =>
  ofProcessor(`certificateAuthority.webhook.${field}`, value, at, shows, {
    certificateAuthority: { webhook: { url: 'https://ca.example.com/sign' } },
  });
const provider = (field: string, value: unknown, at: string, shows: unknown = value) =>
  ofProcessor(`iso15118.provider.${field}`, value, at, shows, {
    iso15118: { provider: { url: 'https://contracts.example.com' } },
  });
const DECIDER = {
  url: 'https://decider.example.com',
  signingSecret: { name: 'decider', key: 'secret' },
  actions: [{ action: 'Authorize' }],
};
const decider = (field: string, value: unknown, at: string, shows: unknown = value) =>
  ofProcessor(`decisions.webhook.${field}`, value, at, shows, { decisions: { webhook: DECIDER } });
const deciderLive = (field: string, value: unknown, name: string, shows: string) =>
  row(`decisions.webhook.${field}`, value, 'ConfigMap/processor', `data.${name}`, {
    shows,
    with: { decisions: { webhook: DECIDER } },
    undo: true,
  });

const COLLECTOR = { endpoint: 'http://collector:4318', headersSecret: { name: 'collector', key: 'headers' } };
/** Taken back, as the Secret and the collector do not exist. */
const collector = (field: string, value: unknown, object: string, at: string, shows: unknown = value) =>
  row(`tracing.${field}`, value, object, at, { shows, with: { tracing: COLLECTOR }, undo: true });

const sink = (field: string, value: unknown, at: string, shows: unknown = value) =>
  row(`billing.sink.${field}`, value, 'Deployment/bill-sink', at, { shows });

const FRONT_DOOR: readonly Row[] = [
  authenticationLive('mode', 'Report', 'OCPP_AUTHENTICATION_MODE'),
  authenticationLive('unknownStations', 'Accept', 'OCPP_UNKNOWN_STATIONS'),
  authenticationLive('unknownStationStatus', 404, 'OCPP_UNKNOWN_STATION_STATUS'),
  authenticationLive('enrolment', 'FirstSeen', 'OCPP_ENROLMENT'),
  row('authentication.stations.register', true, 'Deployment/ws-proxy', env('OCPP_STATION_SOURCE'), {
    shows: 'register',
    with: { authentication: {} },
    undo: true,
  }),
  // The fourth, after those of the login, the admin token and the settings.
  row('authentication.stations.secretName', 'other', 'Deployment/ws-proxy', 'spec.template.spec.volumes.3', {
    shows: secretVolume('stations', 'other'),
    with: { authentication: { stations: { secretName: 'stations' } } },
    undo: true,
  }),
  webhook('url', 'https://other.example.com', env('OCPP_AUTHENTICATION_WEBHOOK_URL')),
  webhook('tokenSecretName', 'token', LAST_VOLUME, secretVolume('authentication-token', 'token')),
  webhook('caSecretName', 'ca', LAST_VOLUME, secretVolume('authentication-ca', 'ca')),
  webhook('timeoutSeconds', 5, env('OCPP_AUTHENTICATION_WEBHOOK_TIMEOUT'), '5s'),
  webhook('cacheSeconds', 0, env('OCPP_AUTHENTICATION_WEBHOOK_CACHE'), '0s'),
  row(
    'authentication.certificateOrganization',
    'ACME',
    'Deployment/ws-proxy',
    env('OCPP_CERTIFICATE_ORGANIZATION'),
    {
      with: { authentication: REGISTER },
      undo: true,
    },
  ),
  row('authentication.passwordKeySecretName', 'key', 'Deployment/ws-proxy', LAST_VOLUME, {
    shows: secretVolume('password-key', 'key'),
    with: { authentication: REGISTER },
    undo: true,
  }),
  ofProcessor(
    'certificateAuthority.internal.secretName',
    'other',
    LAST_VOLUME,
    secretVolume('certificate-authority', 'other'),
    { certificateAuthority: { internal: { secretName: 'ca' } } },
  ),
  ofProcessor('certificateAuthority.certificateDays', 30, env('OCPP_STATION_CERTIFICATE_DAYS'), '30', {
    certificateAuthority: { internal: { secretName: 'ca' } },
  }),
  authority('url', 'https://other.example.com', env('OCPP_CERTIFICATE_AUTHORITY_URL')),
  authority('tokenSecretName', 'token', LAST_VOLUME, secretVolume('certificate-authority-token', 'token')),
  authority('caSecretName', 'ca', LAST_VOLUME, secretVolume('certificate-authority-ca', 'ca')),
  provider('url', 'https://other.example.com', env('OCPP_CONTRACT_PROVIDER_URL')),
  provider('tokenSecretName', 'token', LAST_VOLUME, secretVolume('contract-provider-token', 'token')),
  provider('caSecretName', 'ca', LAST_VOLUME, secretVolume('contract-provider-ca', 'ca')),
  decider('url', 'https://other.example.com', env('OCPP_DECISION_WEBHOOK_URL')),
  decider('signingSecret.name', 'other', LAST_VOLUME, secretVolume('decisions-secret', 'other')),
  decider(
    'signingSecret.key',
    'other',
    env('OCPP_DECISION_WEBHOOK_SECRET_FILE'),
    '/etc/ocpp/decisions-secret/other',
  ),
  // The last volume is that of the signing secret.
  decider(
    'tokenSecretName',
    'token',
    env('OCPP_DECISION_WEBHOOK_TOKEN_FILE'),
    '/etc/ocpp/decisions-token/token',
  ),
  decider('caSecretName', 'ca', env('OCPP_DECISION_WEBHOOK_CA_FILE'), '/etc/ocpp/decisions-ca/ca.crt'),
  deciderLive('timeoutMilliseconds', 500, 'OCPP_DECISION_WEBHOOK_TIMEOUT', '500ms'),
  deciderLive(
    'actions',
    [{ action: 'Authorize', fallback: 'LastKnown' }],
    'OCPP_DECISION_WEBHOOK_ACTIONS',
    'Authorize=LastKnown',
  ),
];

const ROWS: readonly Row[] = [
  row('image.pullPolicy', 'Never', 'Deployment/processor', 'spec.template.spec.containers.0.imagePullPolicy'),
  row('image.pullSecrets', ['registry'], 'Deployment/ws-proxy', 'spec.template.spec.imagePullSecrets', {
    shows: [{ name: 'registry' }],
  }),
  row('image.tag', 'other', 'Deployment/ws-proxy', 'spec.template.spec.containers.0.image', {
    shows: IMAGE,
    undo: true,
  }),
  row('image.repository', 'mirror/ocpp', 'Deployment/ws-proxy', 'spec.template.spec.containers.0.image', {
    shows: IMAGE,
    undo: true,
  }),
  { field: 'upgrade', value: 'Auto' },
  row('protocols', ['ocpp1.6'], 'Deployment/ws-proxy', env('OCPP_PROTOCOLS'), {
    shows: 'ocpp1.6',
  }),
  row(
    'listeners',
    [{ name: 'stations', port: 9100, path: '/ocpp' }],
    'Service/ws-proxy',
    'spec.ports.0.port',
    { shows: 9100 },
  ),

  ...FRONT_DOOR,
  row('proxy.replicas', 3, 'Deployment/ws-proxy', 'spec.replicas'),
  proxy('defaultProtocol', 'ocpp1.6', env('OCPP_DEFAULT_PROTOCOL')),
  { field: 'proxy.service.deregistrationSeconds', value: 300 },
  proxyLive('maxSessionsPerPod', 5000, 'OCPP_MAX_SESSIONS', '5000'),
  proxyLive('maxMessageBytes', 65_536, 'OCPP_MAX_MESSAGE_BYTES', '65536'),
  { field: 'proxy.rollout.strategy', value: 'Rolling' },
  { field: 'proxy.rollout.minReadySeconds', value: 3 },
  { field: 'proxy.rollout.propagationSeconds', value: 20 },
  { field: 'proxy.rollout.returnWithinSeconds', value: 60 },
  { field: 'proxy.rollout.revisionHistoryLimit', value: 1 },
  proxyLive('limits.handshakeSeconds', 20, 'OCPP_HANDSHAKE_TIMEOUT', '20s'),
  proxyLive('limits.headerBytes', 4096, 'OCPP_MAX_HEADER_BYTES'),
  proxyLive('limits.handshakesPerAddress', 100, 'OCPP_MAX_HANDSHAKES_PER_ADDRESS'),
  proxyLive('limits.connectionsPerAddress', 5000, 'OCPP_MAX_CONNECTIONS_PER_ADDRESS'),
  proxyLive('limits.messagesPerSecondOfStation', 50, 'OCPP_MESSAGES_PER_SECOND'),
  proxyLive('limits.messagesPerSecondOfPod', 5000, 'OCPP_MESSAGES_PER_SECOND_OF_ALL'),
  proxyLive('limits.sendBufferBytes', 2_097_152, 'OCPP_MAX_SEND_BUFFER_BYTES'),
  proxyLive('limits.reconnectBurst', 100, 'OCPP_RECONNECT_BURST'),
  proxyLive('limits.reconnectsPerMinute', 600, 'OCPP_RECONNECTS_PER_MINUTE'),
  proxyLive(
    'trustedNetworks',
    ['10.0.0.0/8', '192.0.2.7/32'],
    'OCPP_TRUSTED_NETWORKS',
    '10.0.0.0/8,192.0.2.7/32',
  ),
  proxyLive('logLevel', 'debug', 'LOG_LEVEL'),
  proxyLive('drain.ratePerSecond', 200, 'OCPP_DRAIN_RATE', '200'),
  proxyLive('drain.transactions', 'Wait', 'OCPP_DRAIN_TRANSACTIONS', 'wait'),
  proxyLive('admission.connectionsPerSecond', 77, 'OCPP_CONNECT_RATE', '77'),
  proxyLive('admission.bootsPerSecond', 78, 'OCPP_BOOT_RATE', '78'),
  proxyLive('recorder.share', 0.25, 'OCPP_RECORD_SHARE', '0.25'),
  row('proxy.autoscaling.minReplicas', 4, 'Deployment/ws-proxy', 'spec.replicas'),
  { field: 'proxy.autoscaling.maxReplicas', value: 7 },
  { field: 'proxy.autoscaling.targetSessionsPerPod', value: 5000 },
  { field: 'proxy.autoscaling.scaleDownStabilizationSeconds', value: 60 },
  proxyLive('drain.deadlineSeconds', 400, 'OCPP_DRAIN_DEADLINE', '400s'),
  service('type', 'NodePort', 'spec.type'),
  service('externalTrafficPolicy', 'Cluster', 'spec.externalTrafficPolicy', {
    with: { proxy: { service: { type: 'NodePort' } } },
  }),
  service('annotations', { 'example.org/lb': 'x' }, 'metadata.annotations', {
    shows: { 'example.org/lb': 'x' },
  }),
  service('labels', { team: 'grid' }, 'metadata.labels.team', { shows: 'grid' }),
  service('ipFamilyPolicy', 'PreferDualStack', 'spec.ipFamilyPolicy'),
  balancer('loadBalancerSourceRanges', ['203.0.113.0/24'], 'spec.loadBalancerSourceRanges'),
  balancer('allocateLoadBalancerNodePorts', false, 'spec.allocateLoadBalancerNodePorts'),
  ingress('host', 'b.example.com', 'spec.rules.0.host'),
  ingress('className', 'outer', 'spec.ingressClassName'),
  ingress('tlsSecretName', 'certificate', 'spec.tls.0.secretName'),
  ingress('annotations', { note: 'x' }, 'metadata.annotations.note', 'x'),
  // Their objects are of add-ons: test/operator/api-server/access.test.ts and monitoring.test.ts.
  gateway('parentRefs', [{ name: 'other' }]),
  gateway('hostnames', ['b.example.com']),
  gateway('tls', false),
  row('monitoring.protectMetrics', true, 'Deployment/processor', env('OCPP_ADMIN_METRICS_TOKEN'), {
    shows: 'true',
  }),
  { field: 'monitoring.podMonitor', value: 'Off' },
  { field: 'monitoring.alerts', value: 'Off' },
  { field: 'monitoring.labels', value: { release: 'prometheus' } },
  row('networkPolicy.enabled', true, 'NetworkPolicy/redis', 'spec.policyTypes', {
    shows: ['Ingress', 'Egress'],
  }),
  guarded('stationsFrom', 'spec.ingress.0.from.last'),
  // The last: where the operator runs in the same cluster, its peer comes first.
  guarded('metricsFrom', 'spec.ingress.1.from.last'),
  ...podTemplate('proxy', 'ws-proxy'),

  row('processor.image', 'own/handlers:2', 'Deployment/processor', 'spec.template.spec.containers.0.image', {
    undo: true,
  }),
  row('processor.callTimeoutSeconds', 20, 'Deployment/processor', env('OCPP_CALL_TIMEOUT'), {
    shows: '20s',
  }),
  row('processor.concurrency', 50, 'Deployment/processor', env('OCPP_CONCURRENCY'), { shows: '50' }),
  live('processor', 'processor.unknownTokens', 'Accept', 'OCPP_UNKNOWN_TOKENS', 'Accept'),
  live('ws-proxy', 'processor.validation', 'Strict', 'OCPP_VALIDATION', 'Strict'),
  live('processor', 'processor.heartbeatSeconds', 600, 'OCPP_HEARTBEAT_INTERVAL', '600s'),
  live('processor', 'processor.logLevel', 'warn', 'LOG_LEVEL', 'warn'),
  transactions('idempotencySeconds', 3600, 'OCPP_TRANSACTION_KEY_TTL', '3600s'),
  transactions('reportAfterSeconds', 3600, 'OCPP_TRANSACTION_REPORT_AFTER', '3600s'),
  transactions('abandonAfterSeconds', 0, 'OCPP_TRANSACTION_ABANDON_AFTER', '0s'),
  transactions('concurrent', 'Reject', 'OCPP_CONCURRENT_TRANSACTIONS', 'Reject'),
  row('processor.replicas', 3, 'Deployment/processor', 'spec.replicas', {
    with: { processor: { autoscaling: { mode: 'Off' } } },
  }),
  { field: 'processor.autoscaling.mode', value: 'Off', undo: true },
  row('processor.autoscaling.minReplicas', 2, 'Deployment/processor', 'spec.replicas'),
  { field: 'processor.autoscaling.maxReplicas', value: 7 },
  { field: 'processor.autoscaling.targetDrainSeconds', value: 5 },
  { field: 'processor.autoscaling.scaleDownStabilizationSeconds', value: 60 },
  ...prometheus,
  { field: 'processor.autoscaling.hpa.metricName', value: 'ocpp_requests_depth' },
  { field: 'processor.autoscaling.hpa.matchLabels', value: { team: 'grid' } },
  { field: 'processor.autoscaling.hpa.averageValue', value: '100' },
  { field: 'processor.autoscaling.keda.query', value: 'sum(ocpp_requests_depth)' },
  { field: 'processor.autoscaling.keda.threshold', value: '100' },
  { field: 'processor.autoscaling.keda.triggerAuthentication', value: 'prometheus' },
  ...podTemplate('processor', 'processor'),

  row('api.enabled', true, 'Deployment/api', 'spec.replicas', {
    shows: 1,
    with: { api: { enabled: false } },
  }),
  row('api.replicas', 2, 'Deployment/api', 'spec.replicas'),
  row('api.requestsPerSecond', 5, 'Deployment/api', env('OCPP_API_REQUESTS_PER_SECOND'), { shows: '5' }),
  row('api.logLevel', 'warn', 'Deployment/api', env('LOG_LEVEL')),
  row('api.service.annotations', { a: 'b' }, 'Service/api', 'metadata.annotations.a', { shows: 'b' }),
  row('api.tokensSecret.name', 'other', 'Deployment/api', env('OCPP_API_TOKENS_FOLDER'), {
    shows: '/etc/ocpp/api-tokens',
    with: { api: { enabled: true, tokensSecret: { name: 'tokens' } } },
    undo: true,
  }),
  row(
    'api.webhooks',
    [
      {
        name: 'billing',
        url: 'https://billing.example.com',
        types: ['transaction-*'],
        signingSecret: { name: 'billing', key: 'signing' },
        caSecretName: 'billing-ca',
        timeoutSeconds: 5,
        deadLetterAfterSeconds: 3600,
      },
    ],
    'Deployment/api',
    env('OCPP_API_WEBHOOK_SECRETS_FOLDER'),
    { shows: '/etc/ocpp/api-webhooks', undo: true },
  ),
  ...(
    [
      ['url', 'http://other:9090', 'URL', 'http://other:9090'],
      ['selector', 'team="grid"', 'SELECTOR', 'team="grid"'],
      ['tokenSecretRef.name', 'other', 'TOKEN_FILE', '/etc/ocpp/api-prometheus/token'],
      ['tokenSecretRef.key', 'other', 'TOKEN_FILE', '/etc/ocpp/api-prometheus/token'],
      ['caSecretRef.name', 'other', 'CA_FILE', '/etc/ocpp/api-prometheus/ca.crt'],
      ['caSecretRef.key', 'other', 'CA_FILE', '/etc/ocpp/api-prometheus/ca.crt'],
    ] as const
  ).map(([field, value, variable, shows]) =>
    row(`api.prometheus.${field}`, value, 'Deployment/api', env(`OCPP_API_PROMETHEUS_${variable}`), {
      shows,
      with: {
        api: {
          enabled: true,
          prometheus: {
            url: 'http://prometheus:9090',
            tokenSecretRef: { name: 'login', key: 'token' },
            caSecretRef: { name: 'login', key: 'ca.crt' },
          },
        },
      },
      undo: true,
    }),
  ),
  ...podTemplate('api', 'api'),

  collector('endpoint', 'http://other:4318', 'Deployment/processor', env('OCPP_TRACE_ENDPOINT')),
  collector('share', 1, 'ConfigMap/ws-proxy', 'data.OCPP_TRACE_SHARE', '1'),
  collector(
    'headersSecret.name',
    'other',
    'Deployment/ws-proxy',
    LAST_VOLUME,
    secretVolume('trace-headers', 'other'),
  ),
  collector(
    'headersSecret.key',
    'token',
    'Deployment/ws-proxy',
    env('OCPP_TRACE_HEADERS_FILE'),
    '/etc/ocpp/trace-headers/token',
  ),

  sink('postgres.secretName', 'other', LAST_VOLUME, secretVolume('postgres', 'other')),
  sink('postgres.caSecretName', 'ca', LAST_VOLUME, secretVolume('postgres-ca', 'ca')),
  sink('keepInRedis', 5, env('OCPP_BILL_SINK_KEEP'), '5'),
  sink('logLevel', 'warn', env('LOG_LEVEL')),
  ...podTemplate('billing.sink', 'bill-sink'),

  row('redis.embedded.image', 'redis:none', 'StatefulSet/redis', 'spec.template.spec.containers.0.image', {
    undo: true,
  }),
  row('redis.embedded.tls.secretName', 'other', 'Deployment/processor', 'spec.template.spec.volumes.1', {
    shows: {
      name: 'redis-tls',
      secret: { secretName: 'other', defaultMode: 0o440, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
    },
    with: { redis: { embedded: { tls: { secretName: 'redis-certificate' } } } },
    undo: true,
  }),
  // The Certificate is of an add-on: test/operator/front-door/certificates.test.ts.
  ...(['name', 'kind', 'group'] as const).map((part): Row => ({
    field: `redis.embedded.tls.issuerRef.${part}`,
    value: 'other',
    with: { redis: { embedded: { tls: { issuerRef: { name: 'inner' } } } } },
    undo: true,
  })),
  row(
    'redis.embedded.storage.onDelete',
    'Delete',
    'StatefulSet/redis',
    'spec.persistentVolumeClaimRetentionPolicy.whenDeleted',
  ),
  row(
    'redis.embedded.appendFsync',
    'everysec',
    'StatefulSet/redis',
    'spec.template.spec.containers.0.args.13',
  ),
  ...podTemplate('redis.embedded', 'redis'),
  redis('clientTimeoutSeconds', 5, 'OCPP_CLIENT_TIMEOUT', '5s'),
  redis('connectionPoolSize', 20, 'REDIS_POOL_SIZE', '20'),
  redis('retryAttempts', 1, 'REDIS_RETRY_ATTEMPTS', '1'),
  redis('retryDelayMilliseconds', 50, 'REDIS_RETRY_DELAY', '50ms'),
  redis('distributedState', true, 'OCPP_DISTRIBUTED_STATE', 'true'),
  redis('stateTtlSeconds', 60, 'OCPP_STATE_TTL', '60s'),

  row('redis.external.mode', 'Cluster', 'Deployment/processor', env('REDIS_MODE'), {
    shows: 'cluster',
    with: { redis: { channelPrefix: '{city}', external: { addresses: ['r:6379'] } } },
  }),
  external('addresses', ['c:26379'], env('REDIS_ADDR'), 'c:26379'),
  external('credentialsSecretName', 'redis-login', 'spec.template.spec.volumes.0', volume('redis-login')),
  external('tls.caSecretName', 'redis-ca', 'spec.template.spec.volumes.0', volume('redis-ca')),
  external(
    'tls.clientCertificateSecretName',
    'redis-certificate',
    'spec.template.spec.volumes.0',
    volume('redis-certificate'),
  ),
  external('tls.serverName', 'redis.example.com', env('REDIS_TLS_SERVER_NAME')),
  external('sentinel.masterName', 'other', env('REDIS_MASTER_NAME')),
  external(
    'sentinel.credentialsSecretName',
    'sentinel-login',
    'spec.template.spec.volumes.0',
    volume('sentinel-login'),
  ),
  external('sentinel.tls', false, env('REDIS_SENTINEL_TLS'), 'false'),
  // Last: where the StorageClass cannot do it, the cluster says so from here on.
  { field: 'redis.embedded.storage.size', value: '2Gi' },
];

/** @throws Error where the description says that it cannot be changed */
function restartsOf(field: string): readonly Component[] {
  const effect = effectOf(field);
  if (effect === 'fixed') throw new Error(`spec.${field} is described as fixed`);
  return effect;
}

export const MUTABLE_FIELDS: readonly FieldChange[] = ROWS.map((row) =>
  Object.assign({ restarts: restartsOf(row.field) }, row),
);

/** Fixed when the cluster is made: test/operator/crd/crd-rules.test.ts and access.test.ts show that a change is refused. */
export const FIXED_FIELDS: readonly string[] = [
  // Together with the type, and only so.
  'proxy.service.loadBalancerClass',
  'redis.embedded.storage.storageClassName',
  'redis.embedded.passwordSecretName',
  'redis.channelPrefix',
  'redis.stateKeyPrefix',
  'redis.database',
];

/** `{ a: { b: value } }` for `a.b`. */
export function patchOf(field: string, value: unknown): object {
  return field.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

/** A merge patch without nulls. */
export function merged(into: object, patch: object): object {
  const before = into as Readonly<Record<string, unknown>>;
  const entries = Object.entries(patch).map(([name, value]: [string, unknown]) => {
    const old = before[name];
    return [name, isRecord(old) && isRecord(value) ? merged(old, value) : value] as const;
  });
  return Object.assign({}, into, Object.fromEntries(entries));
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a path of an object, as FieldChange.at has it. */
export function valueAt(object: unknown, at: string): unknown {
  if (at.startsWith('env ')) {
    const all = valueAt(object, 'spec.template.spec.containers.0.env') as { name: string; value?: string }[];
    return all.find(({ name }) => name === at.slice(4))?.value;
  }
  return at
    .split('.')
    .reduce<unknown>(
      (inner, name) =>
        name === 'last'
          ? (inner as unknown[]).at(-1)
          : (inner as Record<string, unknown> | undefined)?.[name],
      object,
    );
}
