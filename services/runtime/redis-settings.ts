/** The settings of a program that connects to Redis: names and defaults of ocpp-go, and connection settings. */
import { ENV, PORT } from '../contract.ts';
import { duration, positiveInt, type SettingsOf } from './config.ts';

const text = (env: string, doc: string, fallback = '') => ({ doc, format: String, default: fallback, env });
const secret = (env: string, doc: string) => ({ ...text(env, doc), sensitive: true });
const flag = (env: string, doc: string) => ({ doc, format: Boolean, default: false, env });

const MODES = ['standalone', 'sentinel', 'cluster'] as const;

export const redisSettings = {
  redisAddr: text(
    ENV.redisAddr,
    'Redis as host:port; several Sentinels, or nodes of a Cluster, separated by commas.',
    `127.0.0.1:${PORT.redis}`,
  ),
  redisMode: {
    doc: 'Kind of Redis at the address: standalone, sentinel or cluster.',
    format: [...MODES],
    default: 'standalone',
    env: ENV.redisMode,
  },
  redisUsername: text(ENV.redisUsername, 'ACL user; empty for the default user.'),
  redisUsernameFile: text(ENV.redisUsernameFile, 'File with the ACL user, instead of REDIS_USERNAME.'),
  redisPassword: secret(ENV.redisPassword, 'Password; empty for none.'),
  redisPasswordFile: text(
    ENV.redisPasswordFile,
    'File with the password, instead of REDIS_PASSWORD; read again when it changes.',
  ),
  redisTls: flag(ENV.redisTls, 'Use TLS for connections to Redis.'),
  redisTlsCaFile: text(
    ENV.redisTlsCaFile,
    'File with the CA certificates for the server certificate; empty for those of the system.',
  ),
  redisTlsCertFile: text(ENV.redisTlsCertFile, 'File with the client certificate, if Redis requires one.'),
  redisTlsKeyFile: text(ENV.redisTlsKeyFile, 'File with the key of the client certificate.'),
  redisTlsServerName: text(
    ENV.redisTlsServerName,
    'Name in the server certificate, if it is not the host of the address.',
  ),
  redisMasterName: text(ENV.redisMasterName, 'Name of the primary at the Sentinels.'),
  redisSentinelUsername: text(ENV.redisSentinelUsername, 'ACL user for the Sentinels.'),
  redisSentinelUsernameFile: text(ENV.redisSentinelUsernameFile, 'File with the ACL user for the Sentinels.'),
  redisSentinelPassword: secret(ENV.redisSentinelPassword, 'Password for the Sentinels.'),
  redisSentinelPasswordFile: text(ENV.redisSentinelPasswordFile, 'File with the password for the Sentinels.'),
  redisSentinelTls: {
    ...flag(ENV.redisSentinelTls, 'Whether REDIS_TLS applies to the Sentinels too.'),
    default: true,
  },
  redisDb: { doc: 'Database number.', format: 'nat', default: 0, env: ENV.redisDb },
  channelPrefix: text(
    ENV.channelPrefix,
    'Prefix of all keys and channels; proxies and processors of one cluster share it. Redis Cluster requires a {hash tag} in it.',
    'ocpp',
  ),
  stateKeyPrefix: text(
    ENV.stateKeyPrefix,
    'Prefix of stored state (transactions, tokens, stations); empty for the channel prefix.',
  ),
  clusterId: text(
    ENV.clusterId,
    'Cluster of this process as namespace/name/uid. Keys that belong to another cluster are refused; empty: no check.',
  ),
  lease: {
    doc: 'How long a process may be silent before other processes declare it dead and reclaim its entries.',
    format: duration,
    default: 10_000,
    env: ENV.lease,
  },
  clientTimeout: {
    doc: 'Time limit of a Redis command and of a connection attempt.',
    format: duration,
    default: 30_000,
    env: ENV.clientTimeout,
  },
  redisPoolSize: {
    doc: 'Maximum number of connections of one process to Redis; at least 4.',
    format: positiveInt,
    default: 10,
    env: ENV.redisPoolSize,
  },
  redisRetryAttempts: {
    doc: 'Retries of a single operation (a session, a read of state, a frame or a call to a station). Messages from stations are retried without limit.',
    format: 'nat',
    default: 3,
    env: ENV.redisRetryAttempts,
  },
  redisRetryDelay: {
    doc: 'Pause before a retry.',
    format: duration,
    default: 1000,
    env: ENV.redisRetryDelay,
  },
  distributedState: flag(
    ENV.distributedState,
    'Also store open calls to stations in the hash pending:{id}, in the database with the next number. Not on Redis Cluster.',
  ),
  stateTtl: {
    doc: 'Minimum lifetime of that hash. It does not apply to transactions and station records.',
    format: duration,
    default: 30_000,
    env: ENV.stateTtl,
  },
};

/** The values that loadConfig returns for these settings. */
export type RedisConfig = SettingsOf<typeof redisSettings>;

/** These settings as options of the transport factory. */
export function redisOptions(config: RedisConfig) {
  return {
    redis: {
      addr: config.redisAddr,
      mode: config.redisMode,
      ...given({
        username: config.redisUsername,
        usernameFile: config.redisUsernameFile,
        password: config.redisPassword,
        passwordFile: config.redisPasswordFile,
      }),
      ...(config.redisTls && { tls: tlsOf(config) }),
      ...(config.redisMode === 'sentinel' && { sentinel: sentinelOf(config) }),
      db: config.redisDb,
      clientTimeoutMs: config.clientTimeout,
      poolSize: config.redisPoolSize,
      retryAttempts: config.redisRetryAttempts,
      retryDelayMs: config.redisRetryDelay,
      useDistributedState: config.distributedState,
      stateTtlMs: config.stateTtl,
    },
    channelPrefix: config.channelPrefix,
    leaseMs: config.lease,
    ...given({ stateKeyPrefix: config.stateKeyPrefix, cluster: config.clusterId }),
  };
}

function tlsOf(config: RedisConfig) {
  return given({
    caFile: config.redisTlsCaFile,
    certFile: config.redisTlsCertFile,
    keyFile: config.redisTlsKeyFile,
    serverName: config.redisTlsServerName,
  });
}

function sentinelOf(config: RedisConfig) {
  return {
    masterName: config.redisMasterName,
    tls: config.redisSentinelTls,
    ...given({
      username: config.redisSentinelUsername,
      usernameFile: config.redisSentinelUsernameFile,
      password: config.redisSentinelPassword,
      passwordFile: config.redisSentinelPasswordFile,
    }),
  };
}

/** Omits empty texts. */
function given<T extends Readonly<Record<string, string>>>(texts: T): Partial<T> {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== '')) as Partial<T>;
}
