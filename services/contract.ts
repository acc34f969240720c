/**
 * What the operator and the services must agree on: programs, ports, paths, environment names,
 * metric names. The operator renders these into Pods; the services' config.ts read them.
 * Redis keys are in transport/redis/keys.ts, as only the services touch them.
 */

/** The programs in the image, and the argument that starts each (`node <program>.js` in /app). */
export const PROGRAM = {
  wsProxy: 'ws-proxy.js',
  processor: 'processor.js',
  /** No server: a person runs it in a processor's Pod. */
  deadLetters: 'dead-letters.js',
  operator: 'operator.js',
} as const;

export const PORT = {
  /** OCPP-J over WebSocket. */
  stations: 9000,
  /** Health, readiness and metrics of every program. */
  admin: 9090,
  redis: 6379,
} as const;

export const PATH = {
  /** Stations connect to `<path>/<identity>`. */
  stations: '/ocpp',
  liveness: '/healthz',
  readiness: '/readyz',
  metrics: '/metrics',
} as const;

/** Environment variables. Durations are Go style (`30s`, `500ms`, `1m30s`, `7d`) or plain seconds. */
export const ENV = {
  podName: 'POD_NAME',
  podIp: 'POD_IP',
  stationPort: 'OCPP_PORT',
  stationPath: 'OCPP_PATH',
  /** Further sockets for stations, `<port><path>` each: `9001/v16,9002/lab`. */
  listeners: 'OCPP_LISTENERS',
  adminPort: 'OCPP_ADMIN_PORT',
  logLevel: 'LOG_LEVEL',
  /** How long a silent process counts as living. */
  lease: 'OCPP_LEASE',
  protocols: 'OCPP_PROTOCOLS',
  maxSessions: 'OCPP_MAX_SESSIONS',
  maxMessageBytes: 'OCPP_MAX_MESSAGE_BYTES',
  /** Handshakes that one proxy admits per second. */
  connectRate: 'OCPP_CONNECT_RATE',
  /** BootNotifications that one proxy hands on per second. */
  bootRate: 'OCPP_BOOT_RATE',
  callTimeout: 'OCPP_CALL_TIMEOUT',
  pingInterval: 'OCPP_PING_INTERVAL',
  /** Sockets closed per second by one draining proxy. */
  drainRate: 'OCPP_DRAIN_RATE',
  drainDeadline: 'OCPP_DRAIN_DEADLINE',
  /** `wait` or `close`: what a drain does to stations with a running transaction. */
  drainTransactions: 'OCPP_DRAIN_TRANSACTIONS',
  /** How long a draining proxy keeps serving while endpoints propagate. */
  drainPropagation: 'OCPP_DRAIN_PROPAGATION',
  /** How long a stopping processor may take to finish what it holds. */
  stopGrace: 'OCPP_STOP_GRACE',
  /** How long a processor's handler may take. */
  handlerTimeout: 'OCPP_HANDLER_TIMEOUT',
  /** Proxy: stations may also be answered by processors of the Go fork. */
  forkInterop: 'OCPP_FORK_INTEROP',
  unknownTokens: 'OCPP_UNKNOWN_TOKENS',
  /** Proxy and processor: `Tolerant` repairs what can be understood, `Strict` answers it with CALLERROR. */
  validation: 'OCPP_VALIDATION',
  /** Proxy: the version of stations that name no subprotocol; without it they are refused. */
  defaultProtocol: 'OCPP_DEFAULT_PROTOCOL',
  /** How long a repeated start or stop is recognised. */
  transactionKeyTtl: 'OCPP_TRANSACTION_KEY_TTL',
  /** When an open transaction without a message is reported, and when it is closed (0: never). */
  transactionReportAfter: 'OCPP_TRANSACTION_REPORT_AFTER',
  transactionAbandonAfter: 'OCPP_TRANSACTION_ABANDON_AFTER',
  /** Whether a token may charge in two transactions at once: `Accept` or `Reject`. */
  concurrentTransactions: 'OCPP_CONCURRENT_TRANSACTIONS',
  heartbeatInterval: 'OCPP_HEARTBEAT_INTERVAL',
  redisAddr: 'REDIS_ADDR',
  /** Of the embedded Redis itself. */
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
  redisPoolSize: 'REDIS_POOL_SIZE',
  redisRetryAttempts: 'REDIS_RETRY_ATTEMPTS',
  redisRetryDelay: 'REDIS_RETRY_DELAY',
  distributedState: 'OCPP_DISTRIBUTED_STATE',
  stateTtl: 'OCPP_STATE_TTL',
} as const;

/** Variables that hold a port or `host:port` addresses. `npm start` gives Pods others, and replaces them in these only. */
export const PLACE = {
  ports: [ENV.stationPort, ENV.adminPort, ENV.redisPort] as readonly string[],
  listeners: ENV.listeners,
  addresses: [ENV.redisAddr] as readonly string[],
} as const;

/** What a program takes where its environment says nothing; the operator leaves it out then. */
export const DEFAULT = {
  maxMessageBytes: 256 * 1024,
  connectRate: 1000,
  validation: 'Tolerant',
  concurrentTransactions: 'Accept',
  transactionKeySeconds: 7 * 86_400,
  transactionReportSeconds: 86_400,
  transactionAbandonSeconds: 7 * 86_400,
} as const;

/** Prometheus metrics that the operator reads, or that its alerts are made of. The services may export more. */
export const METRIC = {
  /** Global figures, exported by every proxy and processor: the freshest counts, never the sum. */
  queueDepth: 'ocpp_requests_depth',
  queueOldestSeconds: 'ocpp_requests_oldest_seconds',
  queueInFlight: 'ocpp_requests_in_flight',
  /** When the three above were read, in seconds since 1970 by the exporter's clock. */
  queueSampledAt: 'ocpp_requests_sampled_timestamp_seconds',
  /** Processor: messages that were given up and wait for a person; global, as the queue's figures. */
  deadLetters: 'ocpp_dead_letters',
  openCalls: 'ocpp_calls_open',
  /** Processor: open transactions, global. */
  transactionsOpen: 'ocpp_transactions_open',
  /** Proxy: share of Redis' maxmemory in use; global. */
  storeMemoryShare: 'ocpp_store_memory_share',
  /** Proxy: open station sockets; frames stored in the queue (the arrival rate is its derivative). */
  proxySessions: 'ocpp_proxy_sessions',
  proxyForwarded: 'ocpp_proxy_frames_forwarded_total',
  proxyRefused: 'ocpp_proxy_handshakes_refused_total',
  /** Proxy: 1 from the order to stop on; sockets closed because the drain deadline passed. */
  proxyDraining: 'ocpp_proxy_draining',
  proxyDrainForced: 'ocpp_proxy_drain_forced_total',
  /** Processor: deliveries finished; seconds busy (capacity = completions per busy second). */
  processorCompleted: 'ocpp_processor_completed_total',
  processorBusySeconds: 'ocpp_processor_busy_seconds_total',
  processorHandlerErrors: 'ocpp_processor_handler_errors_total',
} as const;
