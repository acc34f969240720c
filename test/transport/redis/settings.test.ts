/** Settings of Redis that cannot work are refused before anything starts. */
import test from 'ava';
import { loadConfig } from '../../../services/runtime/config.ts';
import { redisOptions, redisSettings } from '../../../services/runtime/redis-settings.ts';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import { slotOf } from '../../../services/transport/redis/connection/primary.ts';
import type { RedisSettings } from '../../../services/transport/redis/connection/settings.ts';

interface Case {
  readonly redis?: Partial<RedisSettings>;
  readonly channelPrefix?: string;
  readonly stateKeyPrefix?: string;
  readonly says: RegExp;
}

const cluster = { mode: 'cluster', addr: 'a:1,b:2' } as const;

const CASES: Readonly<Record<string, Case>> = {
  'an address that is none': { redis: { addr: 'redis://host' }, says: /"redis:\/\/host" is not host:port/ },
  'no address': { redis: { addr: '' }, says: /is not host:port/ },
  'a port that is none': { redis: { addr: 'host:70000' }, says: /is not host:port/ },
  'two addresses of one server': { redis: { addr: 'a:1,b:2' }, says: /one address, not "a:1,b:2"/ },
  'Sentinels without a name to ask for': {
    redis: { mode: 'sentinel', addr: 'a:1,b:2' },
    says: /give the master name/,
  },
  'a client certificate without its key': { redis: { tls: { certFile: 'c' } }, says: /both or neither/ },
  'a pool too small': { redis: { poolSize: 3 }, says: /a pool of 3 connections is too small.*needs 4/ },
  'a password file that is not there': {
    redis: { passwordFile: '/nowhere/password' },
    says: /file with Redis credentials cannot be read.*\/nowhere\/password/,
  },
  'a Cluster without a hash tag': { redis: cluster, says: /channel prefix needs a hash tag.*it is "ocpp"/ },
  'an empty hash tag': { redis: cluster, channelPrefix: 'o{}{a}', says: /channel prefix needs a hash tag/ },
  'a Cluster and state without a hash tag': {
    redis: cluster,
    channelPrefix: '{a}',
    stateKeyPrefix: 'state',
    says: /state prefix needs a hash tag.*it is "state"/,
  },
  'two hash tags': {
    redis: cluster,
    channelPrefix: '{a}',
    stateKeyPrefix: '{b}',
    says: /same hash tag: "\{a\}" and "\{b\}" differ/,
  },
  'a Cluster with a database': {
    redis: { ...cluster, db: 1 },
    channelPrefix: '{a}',
    says: /database 0 only, not 1/,
  },
  'a Cluster with distributed state': {
    redis: { ...cluster, useDistributedState: true },
    channelPrefix: '{a}',
    says: /distributed state needs the database after ours/,
  },
};

for (const [name, { redis, says, channelPrefix = 'ocpp', ...prefixes }] of Object.entries(CASES)) {
  test(`refused: ${name}`, (t) => {
    const settings = { addr: '127.0.0.1:1', db: 0, clientTimeoutMs: 1000, ...redis };
    const config = { kind: 'redis', redis: settings, channelPrefix, name: 'x', ...prefixes } as const;
    t.throws(() => createTransport(config), { code: 'bad-settings', message: says });
    t.throws(() => createGateway(config), { code: 'bad-settings', message: says });
  });
}

test('a key’s slot is that of its hash tag', (t) => {
  // The check value of CRC16/XMODEM, from the Redis Cluster specification.
  t.is(slotOf('123456789'), 0x31c3);
  t.is(slotOf('a{123456789}:b'), 0x31c3);
  t.not(slotOf('{}123456789'), 0x31c3);
});

const fromEnvironment = (env: Readonly<Record<string, string>>) =>
  redisOptions(loadConfig('test', redisSettings, env, []));

test('without any variable the settings are those of ocpp-go', (t) => {
  t.deepEqual(fromEnvironment({}), {
    redis: {
      addr: '127.0.0.1:6379',
      mode: 'standalone',
      db: 0,
      clientTimeoutMs: 30_000,
      poolSize: 10,
      retryAttempts: 3,
      retryDelayMs: 1000,
      useDistributedState: false,
      stateTtlMs: 30_000,
    },
    channelPrefix: 'ocpp',
    leaseMs: 10_000,
  });
});

test('every setting has its variable', (t) => {
  const env = {
    REDIS_ADDR: 'a:1,b:2',
    REDIS_MODE: 'sentinel',
    REDIS_USERNAME: 'u',
    REDIS_USERNAME_FILE: '/u',
    REDIS_PASSWORD: 'p',
    REDIS_PASSWORD_FILE: '/p',
    REDIS_TLS: 'true',
    REDIS_TLS_CA_FILE: '/ca',
    REDIS_TLS_CERT_FILE: '/cert',
    REDIS_TLS_KEY_FILE: '/key',
    REDIS_TLS_SERVER_NAME: 'name',
    REDIS_MASTER_NAME: 'm',
    REDIS_SENTINEL_USERNAME: 'su',
    REDIS_SENTINEL_USERNAME_FILE: '/su',
    REDIS_SENTINEL_PASSWORD: 'sp',
    REDIS_SENTINEL_PASSWORD_FILE: '/sp',
    REDIS_SENTINEL_TLS: 'false',
    REDIS_DB: '2',
    OCPP_CHANNEL_PREFIX: 'c',
    OCPP_STATE_KEY_PREFIX: 's',
    OCPP_CLUSTER_ID: 'ns/city/1',
    OCPP_CLIENT_TIMEOUT: '5s',
    OCPP_LEASE: '2s',
    REDIS_POOL_SIZE: '7',
    REDIS_RETRY_ATTEMPTS: '0',
    REDIS_RETRY_DELAY: '20ms',
    OCPP_DISTRIBUTED_STATE: 'true',
    OCPP_STATE_TTL: '1m',
  };
  t.deepEqual(
    Object.values(redisSettings)
      .map((setting) => setting.env)
      .toSorted(),
    Object.keys(env).toSorted(),
  );
  t.deepEqual(fromEnvironment(env), {
    redis: {
      addr: 'a:1,b:2',
      mode: 'sentinel',
      username: 'u',
      usernameFile: '/u',
      password: 'p',
      passwordFile: '/p',
      tls: { caFile: '/ca', certFile: '/cert', keyFile: '/key', serverName: 'name' },
      sentinel: {
        masterName: 'm',
        tls: false,
        username: 'su',
        usernameFile: '/su',
        password: 'sp',
        passwordFile: '/sp',
      },
      db: 2,
      clientTimeoutMs: 5000,
      poolSize: 7,
      retryAttempts: 0,
      retryDelayMs: 20,
      useDistributedState: true,
      stateTtlMs: 60_000,
    },
    channelPrefix: 'c',
    stateKeyPrefix: 's',
    cluster: 'ns/city/1',
    leaseMs: 2000,
  });
});
