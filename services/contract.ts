/**
 * The contract between operator and services: programs, ports, paths, environment names, metric names. The operator renders
 * them into Pods; the config.ts of each service reads them. Redis keys are in transport/redis/keys.ts: only services use them.
 */

/** The programs in the image, and the argument that starts each (`node <program>.js` in /app). */
export const PROGRAM = {
  wsProxy: 'ws-proxy.js',
  processor: 'processor.js',
  /** The HTTP API, where a cluster has one. */
  api: 'api.js',
  /** Not a server: an operator runs it in a Pod of the processor. */
  deadLetters: 'dead-letters.js',
  /** The same, for the register of stations. */
  stations: 'stations.js',
  /** Not a server either: the API on the command line. */
  ocppctl: 'ocppctl.js',
  /** Moves bills to PostgreSQL. */
  billSink: 'bill-sink.js',
  operator: 'operator.js',
} as const;

export const PORT = {
  /** OCPP-J over WebSocket. */
  stations: 9000,
  /** Health, readiness and metrics of every program. */
  admin: 9090,
  /** The HTTP API. */
  api: 8080,
  redis: 6379,
} as const;

export const PATH = {
  /** Stations connect to `<path>/<identity>`. */
  stations: '/ocpp',
  liveness: '/healthz',
  readiness: '/readyz',
  metrics: '/metrics',
  /** Of the ws-proxy, with the token of the cluster: see the reports below. */
  drain: '/drain',
  selfTest: '/self-test',
  rollout: '/rollout',
} as const;

/** Environment variables. Durations are Go style (`30s`, `500ms`, `1m30s`, `7d`) or plain seconds. */
export const ENV = {
  podName: 'POD_NAME',
  podIp: 'POD_IP',
  stationPort: 'OCPP_PORT',
  stationPath: 'OCPP_PATH',
  /** Further listeners for stations, `<port><path>` each: `9001/v16,9002/lab`; or all of them as JSON. */
  listeners: 'OCPP_LISTENERS',
  adminPort: 'OCPP_ADMIN_PORT',
  /** File with the token that everything but health needs on the admin port; metrics only if the next one is true. */
  adminTokenFile: 'OCPP_ADMIN_TOKEN_FILE',
  adminMetricsToken: 'OCPP_ADMIN_METRICS_TOKEN',
  logLevel: 'LOG_LEVEL',
  /** Folder with one file per setting that a program applies while it runs, named after its variable; a file wins over the variable. */
  settingsFolder: 'OCPP_SETTINGS_FOLDER',
  /** How long a silent process counts as alive. */
  lease: 'OCPP_LEASE',
  protocols: 'OCPP_PROTOCOLS',
  maxSessions: 'OCPP_MAX_SESSIONS',
  maxMessageBytes: 'OCPP_MAX_MESSAGE_BYTES',
  /** Handshakes that all proxies together accept per second. */
  connectRate: 'OCPP_CONNECT_RATE',
  /** BootNotifications that all proxies together forward per second. */
  bootRate: 'OCPP_BOOT_RATE',
  /** Proxy: limits on what clients send and hold: docs/bounds.md. */
  handshakeTimeout: 'OCPP_HANDSHAKE_TIMEOUT',
  maxHeaderBytes: 'OCPP_MAX_HEADER_BYTES',
  maxConnectionsPerAddress: 'OCPP_MAX_CONNECTIONS_PER_ADDRESS',
  maxHandshakesPerAddress: 'OCPP_MAX_HANDSHAKES_PER_ADDRESS',
  messagesPerSecond: 'OCPP_MESSAGES_PER_SECOND',
  messagesPerSecondOfAll: 'OCPP_MESSAGES_PER_SECOND_OF_ALL',
  maxSendBufferBytes: 'OCPP_MAX_SEND_BUFFER_BYTES',
  reconnectBurst: 'OCPP_RECONNECT_BURST',
  reconnectsPerMinute: 'OCPP_RECONNECTS_PER_MINUTE',
  /** Limits of single listeners, as JSON by the names of the listeners. */
  listenerLimits: 'OCPP_LISTENER_LIMITS',
  /** Share of all stations whose frames the proxies record: docs/recorder.md. */
  recordShare: 'OCPP_RECORD_SHARE',
  callTimeout: 'OCPP_CALL_TIMEOUT',
  pingInterval: 'OCPP_PING_INTERVAL',
  /** Sockets that all proxies together close per second. */
  drainRate: 'OCPP_DRAIN_RATE',
  drainDeadline: 'OCPP_DRAIN_DEADLINE',
  /** What the grace period of the Pod leaves for a drain, whatever the deadline. */
  drainLimit: 'OCPP_DRAIN_LIMIT',
  /** `wait` or `close`: what a drain does to stations with a running transaction. */
  drainTransactions: 'OCPP_DRAIN_TRANSACTIONS',
  /** How long a draining proxy keeps serving while endpoints propagate. */
  drainPropagation: 'OCPP_DRAIN_PROPAGATION',
  /** How long a stopping processor may take for its deliveries in flight. */
  stopGrace: 'OCPP_STOP_GRACE',
  /** Processor: how long it serves on while all proxies drain, as the cluster is being deleted. */
  lastStations: 'OCPP_LAST_STATIONS',
  /** Proxy: what a failed authentication does; where entries of stations are; what an unknown station gets. */
  authenticationMode: 'OCPP_AUTHENTICATION_MODE',
  stationSource: 'OCPP_STATION_SOURCE',
  unknownStations: 'OCPP_UNKNOWN_STATIONS',
  unknownStationStatus: 'OCPP_UNKNOWN_STATION_STATUS',
  enrolment: 'OCPP_ENROLMENT',
  stationsFolder: 'OCPP_STATIONS_FOLDER',
  /** Proxy and processor: file with the key of the stored passwords. */
  passwordKeyFile: 'OCPP_PASSWORD_KEY_FILE',
  webhookUrl: 'OCPP_AUTHENTICATION_WEBHOOK_URL',
  webhookTokenFile: 'OCPP_AUTHENTICATION_WEBHOOK_TOKEN_FILE',
  webhookCaFile: 'OCPP_AUTHENTICATION_WEBHOOK_CA_FILE',
  webhookTimeout: 'OCPP_AUTHENTICATION_WEBHOOK_TIMEOUT',
  webhookCache: 'OCPP_AUTHENTICATION_WEBHOOK_CACHE',
  /** Proxy: organization (O) of client certificates. */
  certificateOrganization: 'OCPP_CERTIFICATE_ORGANIZATION',
  /** Proxy: networks of load balancers whose statements about clients count. */
  trustedNetworks: 'OCPP_TRUSTED_NETWORKS',
  /** Processor: who signs the certificates of stations, and who serves ISO 15118. */
  certificateAuthority: 'OCPP_CERTIFICATE_AUTHORITY',
  certificateAuthorityFolder: 'OCPP_CERTIFICATE_AUTHORITY_FOLDER',
  certificateAuthorityUrl: 'OCPP_CERTIFICATE_AUTHORITY_URL',
  certificateAuthorityTokenFile: 'OCPP_CERTIFICATE_AUTHORITY_TOKEN_FILE',
  certificateAuthorityCaFile: 'OCPP_CERTIFICATE_AUTHORITY_CA_FILE',
  stationCertificateDays: 'OCPP_STATION_CERTIFICATE_DAYS',
  contractProviderUrl: 'OCPP_CONTRACT_PROVIDER_URL',
  contractProviderTokenFile: 'OCPP_CONTRACT_PROVIDER_TOKEN_FILE',
  contractProviderCaFile: 'OCPP_CONTRACT_PROVIDER_CA_FILE',
  /** Processor: the decider outside, which answers for the lists of the product. */
  decisionUrl: 'OCPP_DECISION_WEBHOOK_URL',
  decisionSecretFile: 'OCPP_DECISION_WEBHOOK_SECRET_FILE',
  decisionTokenFile: 'OCPP_DECISION_WEBHOOK_TOKEN_FILE',
  decisionCaFile: 'OCPP_DECISION_WEBHOOK_CA_FILE',
  decisionTimeout: 'OCPP_DECISION_WEBHOOK_TIMEOUT',
  decisionActions: 'OCPP_DECISION_WEBHOOK_ACTIONS',
  /** Processor: its release. What it fails is handed over to those of another release. */
  release: 'OCPP_RELEASE',
  /** Processor: deliveries that it handles at the same time. */
  concurrency: 'OCPP_CONCURRENCY',
  /** How long a processor's handler may take. */
  handlerTimeout: 'OCPP_HANDLER_TIMEOUT',
  /** Proxy: processors of ocpp-go may also serve its stations. */
  ocppGoInterop: 'OCPP_FORK_INTEROP',
  unknownTokens: 'OCPP_UNKNOWN_TOKENS',
  /** Proxy and processor: `Tolerant` repairs messages whose meaning is clear, `Strict` answers them with CALLERROR. */
  validation: 'OCPP_VALIDATION',
  /** Proxy: OCPP version of stations that name no subprotocol; without it they are refused. */
  defaultProtocol: 'OCPP_DEFAULT_PROTOCOL',
  /** How long a repeated start or stop is recognised. */
  transactionKeyTtl: 'OCPP_TRANSACTION_KEY_TTL',
  /** When an open transaction without a message is reported, and when it is closed (0: never). */
  transactionReportAfter: 'OCPP_TRANSACTION_REPORT_AFTER',
  transactionAbandonAfter: 'OCPP_TRANSACTION_ABANDON_AFTER',
  /** Whether a token may charge in two transactions at once: `Accept` or `Reject`. */
  concurrentTransactions: 'OCPP_CONCURRENT_TRANSACTIONS',
  heartbeatInterval: 'OCPP_HEARTBEAT_INTERVAL',
  /** API: its port; who may use it, and how often. */
  apiPort: 'OCPP_API_PORT',
  apiTokensFolder: 'OCPP_API_TOKENS_FOLDER',
  apiAdminTokenFile: 'OCPP_API_ADMIN_TOKEN_FILE',
  apiRequestsPerSecond: 'OCPP_API_REQUESTS_PER_SECOND',
  /** API: webhooks that get events, as JSON; folder with their signing secrets (`<name>`) and authorities (`<name>.ca`). */
  apiWebhooks: 'OCPP_API_WEBHOOKS',
  apiWebhookSecretsFolder: 'OCPP_API_WEBHOOK_SECRETS_FOLDER',
  /** API: the Prometheus of its history, with token and authority; matchers of the series of the cluster, and of the operator about it. */
  apiPrometheusUrl: 'OCPP_API_PROMETHEUS_URL',
  apiPrometheusTokenFile: 'OCPP_API_PROMETHEUS_TOKEN_FILE',
  apiPrometheusCaFile: 'OCPP_API_PROMETHEUS_CA_FILE',
  apiPrometheusSelector: 'OCPP_API_PROMETHEUS_SELECTOR',
  apiPrometheusOperatorSelector: 'OCPP_API_PROMETHEUS_OPERATOR_SELECTOR',
  /** API: URL of the OcppCluster, with the token and the authority for it. */
  clusterUrl: 'OCPP_CLUSTER_URL',
  clusterTokenFile: 'OCPP_CLUSTER_TOKEN_FILE',
  clusterCaFile: 'OCPP_CLUSTER_CA_FILE',
  /** Processor: a bill sink moves bills to a database, and trims their streams. */
  billSink: 'OCPP_BILL_SINK',
  /** Bill sink: the file with the URL of PostgreSQL, or the variables of libpq; the schema; entries that stay in Redis; its cluster. */
  billSinkUrlFile: 'OCPP_BILL_SINK_URL_FILE',
  billSinkSchema: 'OCPP_BILL_SINK_SCHEMA',
  billSinkKeep: 'OCPP_BILL_SINK_KEEP',
  billSinkCluster: 'OCPP_BILL_SINK_CLUSTER',
  postgresHost: 'PGHOST',
  postgresPort: 'PGPORT',
  postgresUser: 'PGUSER',
  postgresPassword: 'PGPASSWORD',
  postgresDatabase: 'PGDATABASE',
  postgresSslMode: 'PGSSLMODE',
  postgresSslRootCert: 'PGSSLROOTCERT',
  postgresSslCert: 'PGSSLCERT',
  postgresSslKey: 'PGSSLKEY',
  /** Proxy and processor: the collector of traces; headers for it. Proxy: which share of the CALLs is traced. */
  traceEndpoint: 'OCPP_TRACE_ENDPOINT',
  traceHeadersFile: 'OCPP_TRACE_HEADERS_FILE',
  traceShare: 'OCPP_TRACE_SHARE',
  redisAddr: 'REDIS_ADDR',
  /** Port of the embedded Redis. */
  redisPort: 'REDIS_PORT',
  redisMode: 'REDIS_MODE',
  redisUsername: 'REDIS_USERNAME',
  redisUsernameFile: 'REDIS_USERNAME_FILE',
  redisPassword: 'REDIS_PASSWORD',
  redisPasswordFile: 'REDIS_PASSWORD_FILE',
  redisTls: 'REDIS_TLS',
  redisTlsCaFile: 'REDIS_TLS_CA_FILE',
  redisTlsCertFile: 'REDIS_TLS_CERT_FILE',
  redisTlsKeyFile: 'REDIS_TLS_KEY_FILE',
  redisTlsServerName: 'REDIS_TLS_SERVER_NAME',
  redisMasterName: 'REDIS_MASTER_NAME',
  redisSentinelUsername: 'REDIS_SENTINEL_USERNAME',
  redisSentinelUsernameFile: 'REDIS_SENTINEL_USERNAME_FILE',
  redisSentinelPassword: 'REDIS_SENTINEL_PASSWORD',
  redisSentinelPasswordFile: 'REDIS_SENTINEL_PASSWORD_FILE',
  redisSentinelTls: 'REDIS_SENTINEL_TLS',
  redisDb: 'REDIS_DB',
  channelPrefix: 'OCPP_CHANNEL_PREFIX',
  clientTimeout: 'OCPP_CLIENT_TIMEOUT',
  stateKeyPrefix: 'OCPP_STATE_KEY_PREFIX',
  /** The cluster of the process, `namespace/name/uid`: it uses no keys of another one. */
  clusterId: 'OCPP_CLUSTER_ID',
  redisPoolSize: 'REDIS_POOL_SIZE',
  redisRetryAttempts: 'REDIS_RETRY_ATTEMPTS',
  redisRetryDelay: 'REDIS_RETRY_DELAY',
  distributedState: 'OCPP_DISTRIBUTED_STATE',
  stateTtl: 'OCPP_STATE_TTL',
} as const;

/** Variables that hold ports, `host:port` addresses or URLs. `npm start` gives Pods other ports and replaces them in these only. */
export const PLACE = {
  ports: [ENV.stationPort, ENV.adminPort, ENV.redisPort, ENV.apiPort] as readonly string[],
  listeners: ENV.listeners,
  addresses: [ENV.redisAddr] as readonly string[],
  /** URL of an object on the API server. */
  object: ENV.clusterUrl,
} as const;

/** The one key in Redis that Kubernetes objects read: `<channel prefix>:ending` exists while all proxies drain. */
export const ENDING_KEY = 'ending';

/** Defaults of programs; the operator omits a variable with its default. */
export const DEFAULT = {
  logLevel: 'info',
  heartbeatSeconds: 300,
  maxMessageBytes: 256 * 1024,
  connectRate: 1000,
  handshakeTimeoutSeconds: 10,
  maxHeaderBytes: 8 * 1024,
  maxHandshakesPerAddress: 2500,
  messagesPerSecond: 100,
  maxSendBufferBytes: 1024 * 1024,
  reconnectBurst: 10,
  reconnectsPerMinute: 30,
  validation: 'Tolerant',
  concurrentTransactions: 'Accept',
  transactionKeySeconds: 7 * 86_400,
  transactionReportSeconds: 86_400,
  transactionAbandonSeconds: 7 * 86_400,
  /** Deliveries that a processor handles at the same time; also the maximum. */
  concurrency: 200,
  decisionTimeoutMs: 2000,
  traceShare: 0.01,
} as const;

/** Prometheus metrics that the operator or its alerts use. Services may export more. */
export const METRIC = {
  /** Global figures, exported by every proxy and processor: use the latest, never the sum. */
  queueDepth: 'ocpp_requests_depth',
  queueOldestSeconds: 'ocpp_requests_oldest_seconds',
  queueInFlight: 'ocpp_requests_in_flight',
  /** When the three above were read, in seconds since 1970 by the exporter's clock. */
  queueSampledAt: 'ocpp_requests_sampled_timestamp_seconds',
  /** Processor: dead letters that wait for an operator; global. */
  deadLetters: 'ocpp_dead_letters',
  openCalls: 'ocpp_calls_open',
  /** Processor: open transactions, global. */
  transactionsOpen: 'ocpp_transactions_open',
  /** Processor: length of the stream of bills, and its bound; global. The bound is absent where a bill sink trims the stream. */
  billsStored: 'ocpp_bills_stored',
  billsBound: 'ocpp_bills_bound',
  /** Bill sink: 1 while it moves entries; when all entries of a stream were last in PostgreSQL; entries that left Redis before. */
  billSinkWorking: 'ocpp_bill_sink_working',
  billSinkCaughtUp: 'ocpp_bill_sink_caught_up_timestamp_seconds',
  billSinkGaps: 'ocpp_bill_sink_gaps_total',
  /** Proxy: share of maxmemory that Redis uses; global. */
  storeMemoryShare: 'ocpp_store_memory_share',
  /** Proxy and processor: 1 while Redis refuses the login; while the keys belong to another cluster. */
  storeLoginRefused: 'ocpp_store_login_refused',
  storePrefixTaken: 'ocpp_store_prefix_taken',
  /** Proxy and processor: 1 while the files of the settings folder are not applied, as one is bad; when they last changed a value. */
  settingsRejected: 'ocpp_settings_rejected',
  settingsAppliedAt: 'ocpp_settings_applied_timestamp_seconds',
  /** The random number of the data in Redis, 32 bits; global, absent while it is not known. */
  storeIdentity: 'ocpp_store_identity',
  /** Proxy: open station sockets; frames stored in the queue (the arrival rate is its derivative). */
  proxySessions: 'ocpp_proxy_sessions',
  proxyForwarded: 'ocpp_proxy_frames_forwarded_total',
  proxyRefused: 'ocpp_proxy_handshakes_refused_total',
  /** Proxy, by listener: when what its files hold expires (`what`: server, client-ca, revocation-list), s since 1970; 1 while changed files are refused. */
  certificateExpiry: 'ocpp_proxy_certificate_expiry_timestamp_seconds',
  tlsRejected: 'ocpp_proxy_tls_rejected',
  /** Proxy, by listener and problem: present while changed files are refused. */
  tlsRefusal: 'ocpp_proxy_tls_refusal_info',
  /** Proxy: connected stations whose certificate expires soon or has expired, by `within`: 7d, 30d; the second includes the first. */
  stationCertificatesExpiring: 'ocpp_proxy_sessions_certificate_expiring',
  /** Processor: when the certificate of the internal authority expires, s since 1970; absent without one. */
  authorityExpiry: 'ocpp_certificate_authority_expiry_timestamp_seconds',
  /** Processor: when the certificate that Redis shows expires, s since 1970; absent without TLS. */
  storeCertificateExpiry: 'ocpp_store_certificate_expiry_timestamp_seconds',
  /** Proxy: connected stations that mode Enforce would refuse; 1 while entries of stations cannot be read. */
  proxyUnproven: 'ocpp_proxy_sessions_unproven',
  stationSourceFailing: 'ocpp_proxy_station_source_failing',
  /** Proxy: 1 during a drain; sockets closed because the drain deadline passed. */
  proxyDraining: 'ocpp_proxy_draining',
  proxyDrainForced: 'ocpp_proxy_drain_forced_total',
  /** Proxy, by mode: 1 for its own. Handshakes that wait in line because of the connect rate. */
  proxyMode: 'ocpp_proxy_mode',
  proxyHandshakesWaiting: 'ocpp_proxy_handshakes_waiting',
  proxyRateShare: 'ocpp_proxy_rate_share',
  /** Proxy and processor, where they trace: spans by result. */
  traceSpans: 'ocpp_trace_spans_total',
  /** Processor: deliveries that this one is handling. */
  processorInFlight: 'ocpp_processor_in_flight',
  /** Processor: deliveries completed; seconds busy (capacity = completions per busy second). */
  processorCompleted: 'ocpp_processor_completed_total',
  processorBusySeconds: 'ocpp_processor_busy_seconds_total',
  /** Processor: time that its CPU limit stopped it; absent where the system does not say. */
  processorThrottledSeconds: 'ocpp_processor_throttled_seconds_total',
  /** Processor: sum and count of the time to handle a delivery, of one histogram. */
  processorServiceSum: 'ocpp_processor_service_seconds_sum',
  processorServiceCount: 'ocpp_processor_service_seconds_count',
  /** Processor: time in which Redis answered the last reading. */
  storeResponseSeconds: 'ocpp_store_response_seconds',
  processorHandlerErrors: 'ocpp_processor_handler_errors_total',
  processorHandedOver: 'ocpp_processor_handed_over_total',
  /** Processor: decisions of the webhook, by action and result; `fallback-…`: it did not decide. */
  decisions: 'ocpp_decisions_total',
  /** API, by webhook, from the process that delivers: age of the oldest event that waits; dead letters; gaps in the events. */
  apiWebhookLag: 'ocpp_api_webhook_lag_seconds',
  apiWebhookDeadLetters: 'ocpp_api_webhook_dead_letters_total',
  apiWebhookGaps: 'ocpp_api_webhook_gaps_total',
} as const;

/** `PUT /drain`: the mode that a ws-proxy is to have. It is desired state: repeating an order changes nothing. */
export interface DrainOrder {
  /**
   * `refusing` answers handshakes with 503 and keeps the sockets; `draining` also moves stations; `shedding` accepts, and moves
   * idle stations of those that were connected when this order first came.
   */
  readonly mode: 'accepting' | 'refusing' | 'draining' | 'shedding';
  /** Maximum number of stations to move for this rollout, in total; absent: all. `shedding` needs it. */
  readonly moves?: number;
  /** Closes per second of the whole cluster; absent: the setting, which is also the maximum. */
  readonly ratePerSecond?: number;
  /** Id of the rollout that causes the moves; a scale-in and a rebalance have one too. */
  readonly rollout: string;
  /** This Pod is not ready, so that the Service sends it no station; its sockets stay. Not with `shedding`. */
  readonly leaving?: boolean;
}

/** `GET /drain`, and the response to `PUT /drain`. */
export interface DrainReport {
  readonly mode: DrainOrder['mode'];
  /** Id of the rollout of the last order; absent: there was none. */
  readonly rollout?: string;
  /** The limit of the last order. */
  readonly moves?: number;
  /** Whether the last order made this Pod unready; absent: no. */
  readonly leaving?: boolean;
  /** Open station sockets, including those in the closing handshake. */
  readonly sessions: number;
  /** Those with a running transaction. */
  readonly inTransaction: number;
  /** Stations closed for this rollout. */
  readonly moved: number;
  /** Handshakes since the start of the process. `failed` leaves out those that were refused to pace them or by a drain. */
  readonly handshakes: { readonly accepted: number; readonly failed: number };
}

/** `POST /self-test`. */
export interface SelfTestReport {
  readonly ok: boolean;
  /** What failed, as sentences; empty if ok. */
  readonly failures: readonly string[];
}

/** `GET /rollout?id=ID&missingAfterSeconds=120`: the counts of one rollout over all proxies, from Redis. */
export interface RolloutReport {
  readonly id: string;
  /** Closes that this rollout caused. */
  readonly moves: number;
  /** Stations that it moved, and how many of them more than once. */
  readonly stations: number;
  readonly movedAgain: number;
  /** Closes with an open CALL, because the deadline had passed. */
  readonly forced: number;
  /** Moved stations that have not connected again; those of them for longer than `missingAfterSeconds`. */
  readonly away: number;
  readonly missing: number;
  /** Time from the close to the next response to the station; absent while no station got one. */
  readonly gapSeconds?: { readonly p50: number; readonly p99: number };
  /** Most moved stations that connected again within one second. */
  readonly peakReturnsPerSecond: number;
}
