/** Settings of Redis that cannot work are refused before anything starts. */
import test from 'ava';
import { createGateway, createTransport } from '../../services/transport/factory.ts';
import { slotOf } from '../../services/transport/redis/primary.ts';
import type { RedisSettings } from '../../services/transport/redis/settings.ts';

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
