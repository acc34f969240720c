/** The conformance suite on every kind of Redis, each a real one. */
import test from 'ava';
import type { RedisSettings } from '../../services/transport/redis/settings.ts';
import { transportConformance } from '../conformance/transport.ts';
import { redisHarness } from '../support/gateway-harness.ts';
import { MASTER, startCluster, startSentinels, startTlsRedis } from '../support/redis-kinds.ts';

const tls = await startTlsRedis();
const sentinels = await startSentinels({ password: 'for-all' });
const cluster = await startCluster('{c}');
test.after.always(async () => {
  for (const one of [tls, sentinels, cluster]) await one[Symbol.asyncDispose]();
});

const { ca: caFile, cert: certFile, key: keyFile } = tls.certificates;
const common = { db: 0, clientTimeoutMs: 5000 };
const KINDS: Readonly<Record<string, RedisSettings>> = {
  'redis over TLS': { ...common, addr: tls.addr, tls: { caFile, certFile, keyFile } },
  'redis behind Sentinels': {
    ...common,
    mode: 'sentinel',
    addr: sentinels.addr,
    sentinel: { masterName: MASTER, password: 'for-all' },
    password: 'for-all',
  },
  'redis cluster': { ...common, mode: 'cluster', addr: cluster.addr },
};

let runs = 0;
for (const [name, redis] of Object.entries(KINDS)) {
  // Prefixes that differ and have one slot.
  transportConformance(test, name, async () => redisHarness({ redis, channelPrefix: `{c}${++runs}` }));
}
