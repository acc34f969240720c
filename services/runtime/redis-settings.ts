/** The settings of a program that speaks to Redis: the names and defaults of the seed, and the ACL user. */
import { ENV, PORT } from '../contract.ts';
import { duration } from './config.ts';

export const redisSettings = {
  redisAddr: {
    doc: 'Redis as host:port.',
    format: String,
    default: `127.0.0.1:${PORT.redis}`,
    env: ENV.redisAddr,
  },
  redisUsername: {
    doc: 'ACL user; empty for the default user.',
    format: String,
    default: '',
    env: ENV.redisUsername,
  },
  redisPassword: {
    doc: 'Password; empty for none.',
    format: String,
    default: '',
    env: ENV.redisPassword,
    sensitive: true,
  },
  redisDb: { doc: 'Number of the database.', format: 'nat', default: 0, env: ENV.redisDb },
  channelPrefix: {
    doc: 'Prefix of all keys and channels; proxies and processors of one cluster share it.',
    format: String,
    default: 'ocpp',
    env: ENV.channelPrefix,
  },
  stateKeyPrefix: {
    doc: 'Prefix of stored state (transactions, tokens, stations); empty for the channel prefix.',
    format: String,
    default: '',
    env: ENV.stateKeyPrefix,
  },
  clientTimeout: {
    doc: 'How long a Redis command and a connection attempt may take.',
    format: duration,
    default: 30_000,
    env: ENV.clientTimeout,
  },
} as const;

/** The values of these settings, as loadConfig reads them. */
export interface RedisConfig {
  readonly redisAddr: string;
  readonly redisUsername: string;
  readonly redisPassword: string;
  readonly redisDb: number;
  readonly channelPrefix: string;
  readonly stateKeyPrefix: string;
  readonly clientTimeout: number;
}

/** What the transport's factory wants to know of them. */
export function redisOptions(config: RedisConfig) {
  return {
    redis: {
      addr: config.redisAddr,
      ...(config.redisUsername === '' ? {} : { username: config.redisUsername }),
      ...(config.redisPassword === '' ? {} : { password: config.redisPassword }),
      db: config.redisDb,
      clientTimeoutMs: config.clientTimeout,
    },
    channelPrefix: config.channelPrefix,
    ...(config.stateKeyPrefix === '' ? {} : { stateKeyPrefix: config.stateKeyPrefix }),
  };
}
