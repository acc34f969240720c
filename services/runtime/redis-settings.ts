/** The settings of a program that speaks to Redis: the names and defaults of the seed, and how Redis is reached. */
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
    doc: 'What stands at the address: standalone, sentinel or cluster.',
    format: [...MODES],
    default: 'standalone',
    env: ENV.redisMode,
  },
  redisUsername: text(ENV.redisUsername, 'ACL user; empty for the default user.'),
  redisUsernameFile: text(ENV.redisUsernameFile, 'File with the ACL user, instead.'),
  redisPassword: secret(ENV.redisPassword, 'Password; empty for none.'),
  redisPasswordFile: text(
    ENV.redisPasswordFile,
    'File with the password, instead; read anew whenever it changes.',
  ),
  redisTls: flag(ENV.redisTls, 'Speak TLS to Redis.'),
  redisTlsCaFile: text(
    ENV.redisTlsCaFile,
    'Authorities that may have signed its certificate; empty for those of the system.',
  ),
  redisTlsCertFile: text(ENV.redisTlsCertFile, 'Our own certificate, where Redis asks for one.'),
  redisTlsKeyFile: text(ENV.redisTlsKeyFile, 'Its key.'),
  redisTlsServerName: text(
    ENV.redisTlsServerName,
    'Name in the certificate of Redis, where it is not the host of the address.',
  ),
  redisMasterName: text(ENV.redisMasterName, 'Under which name the Sentinels watch the primary.'),
  redisSentinelUsername: text(ENV.redisSentinelUsername, 'ACL user of the Sentinels themselves.'),
  redisSentinelUsernameFile: text(ENV.redisSentinelUsernameFile, 'File with it, instead.'),
  redisSentinelPassword: secret(ENV.redisSentinelPassword, 'Password of the Sentinels themselves.'),
  redisSentinelPasswordFile: text(ENV.redisSentinelPasswordFile, 'File with it, instead.'),
  redisSentinelTls: {
    ...flag(ENV.redisSentinelTls, 'With TLS to Redis: speak it to the Sentinels too.'),
    default: true,
  },
  redisDb: { doc: 'Number of the database.', format: 'nat', default: 0, env: ENV.redisDb },
  channelPrefix: text(
    ENV.channelPrefix,
    'Prefix of all keys and channels; proxies and processors of one cluster share it. With a {hash tag} on a Cluster.',
    'ocpp',
  ),
  stateKeyPrefix: text(
    ENV.stateKeyPrefix,
    'Prefix of stored state (transactions, tokens, stations); empty for the channel prefix.',
  ),
  lease: {
    doc: 'How long a process may be silent before the others declare it dead and take over what it holds.',
    format: duration,
    default: 10_000,
    env: ENV.lease,
  },
  clientTimeout: {
    doc: 'How long a Redis command and a connection attempt may take.',
    format: duration,
    default: 30_000,
    env: ENV.clientTimeout,
  },
  redisPoolSize: {
    doc: 'Connections to Redis that one process opens at most; 4 are always needed.',
    format: positiveInt,
    default: 10,
    env: ENV.redisPoolSize,
  },
  redisRetryAttempts: {
    doc: 'How often a single operation (a session, a read of state, a frame or a call for a station) is tried again. What stations send is tried for ever.',
    format: 'nat',
    default: 3,
    env: ENV.redisRetryAttempts,
  },
  redisRetryDelay: {
    doc: 'Pause before it is tried again.',
    format: duration,
    default: 1000,
    env: ENV.redisRetryDelay,
  },
  distributedState: flag(
    ENV.distributedState,
    'Show open calls to stations as the hash pending:{id} in the database after ours too. Not on a Cluster.',
  ),
  stateTtl: {
    doc: 'How long that hash stays at least. Transactions and what stations said of themselves have no expiry from it.',
    format: duration,
    default: 30_000,
    env: ENV.stateTtl,
  },
};

/** The values of these settings, as loadConfig reads them. */
export type RedisConfig = SettingsOf<typeof redisSettings>;

/** What the transport's factory wants to know of them. */
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
    ...given({ stateKeyPrefix: config.stateKeyPrefix }),
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

/** Without what is empty. */
function given<T extends Readonly<Record<string, string>>>(texts: T): Partial<T> {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== '')) as Partial<T>;
}
