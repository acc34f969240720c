/** The conformance suite on every kind of Redis, each a real one. */
import test from 'ava';
import { openConnection } from '../../../services/transport/redis/connection/connection.ts';
import type { RedisSettings, RedisTls } from '../../../services/transport/redis/connection/settings.ts';
import { transportConformance } from '../../conformance/transport.ts';
import { makeCertificates } from './certificates.ts';
import { redisHarness } from '../gateway-harness.ts';
import { MASTER, startCluster, startSentinels, startTlsRedis } from './kinds.ts';
import { until } from '../../support/until.ts';

const certificates = await makeCertificates();
const tls = await startTlsRedis(certificates);
const sentinels = await startSentinels({ password: 'for-all', certificates });
const cluster = await startCluster('{c}');
test.after.always(async () => {
  for (const one of [tls, sentinels, cluster, certificates]) await one[Symbol.asyncDispose]();
});

const { ca: caFile, cert: certFile, key: keyFile } = certificates;
const common = { db: 0, clientTimeoutMs: 5000 };
const KINDS: Readonly<Record<string, RedisSettings>> = {
  'redis over TLS': { ...common, addr: tls.addr, tls: { caFile, certFile, keyFile } },
  'redis behind Sentinels, all over TLS': {
    ...common,
    tls: { caFile, certFile, keyFile },
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

const WRONG_TLS: Readonly<Record<string, readonly [RedisTls, RegExp]>> = {
  'whose certificate no trusted authority has signed': [{ certFile, keyFile }, /certificate/],
  'whose certificate is for another name': [
    { caFile, certFile, keyFile, serverName: 'redis.example' },
    /redis\.example.*altnames/,
  ],
  'that wants a certificate of ours': [{ caFile }, /certificate required|ECONNRESET|EPIPE|not connected/],
  'with a file that is not there': [{ caFile: '/nowhere/ca.crt' }, /ENOENT.*\/nowhere\/ca\.crt/],
};

for (const [what, [options, says]] of Object.entries(WRONG_TLS)) {
  test(`TLS: a server ${what} is not spoken to`, async (t) => {
    const errors: string[] = [];
    const settings = { ...common, addr: tls.addr, tls: options };
    const connection = openConnection(settings, 'commands', ({ message }) => errors.push(message));
    t.teardown(() => connection.disconnect());
    await until(() => errors.some((message) => says.test(message)), `${says}, not ${errors.join('; ')}`);
    t.not(connection.status, 'ready');
  });
}
