/** When the certificate of Redis expires: of a real server with TLS, whose certificate changes while it runs. */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { createAuthority } from '../../../services/certificates/authority.ts';
import { METRIC, PATH } from '../../../services/contract.ts';
import { certificateExpiry } from '../../../services/transport/redis/connection/connection.ts';
import { certificateFolder, tlsFiles } from '../../support/certificates.ts';
import { startProgram } from '../../support/program.ts';
import { until } from '../../support/until.ts';
import { on, startTlsRedis } from '../../transport/redis/kinds.ts';

const DAY = 86_400_000;
const expiryOf = (pem: string) => Date.parse(new X509Certificate(pem).validTo);

test('it is that of the certificate in use, expired or not, and a processor exports it', async (t) => {
  const authority = await createAuthority('Redis CA');
  const issue = (days: number, from = Date.now() - DAY) =>
    authority.issueServerCertificate(['localhost', '127.0.0.1'], { days, from });
  const [first, next, expired] = [await issue(3), await issue(20), await issue(5, Date.now() - 10 * DAY)];
  const files = { 'ca.crt': authority.certificate };
  await using server = await certificateFolder({ ...files, ...tlsFiles(first) });
  const own = await authority.issueClientCertificate({ commonName: 'processor' });
  await using client = await certificateFolder({ ...files, ...tlsFiles(own) });
  const at = (name: string) => join(server.path, name);
  const paths = { ca: at('ca.crt'), cert: at('tls.crt'), key: at('tls.key') };
  await using redis = await startTlsRedis({ ...paths, [Symbol.asyncDispose]: () => Promise.resolve() });
  const tls = {
    caFile: join(client.path, 'ca.crt'),
    certFile: join(client.path, 'tls.crt'),
    keyFile: join(client.path, 'tls.key'),
  };
  const read = certificateExpiry(
    { addr: redis.addr, tls, db: 0, clientTimeoutMs: 2000, retryAttempts: 3, retryDelayMs: 10 },
    tls,
  );
  t.is(await read(), expiryOf(first.certificate));
  const use = async (certificate: typeof first) => {
    await server.replace({ ...files, ...tlsFiles(certificate) });
    const change = ['tls-cert-file', paths.cert, 'tls-key-file', paths.key];
    await on(redis.server, (connection) => connection.call('CONFIG', 'SET', ...change));
  };
  await use(next);
  t.is(await read(), expiryOf(next.certificate), 'Redis took it while it ran');

  await using processor = await startProgram('processor', {
    REDIS_ADDR: redis.addr,
    REDIS_TLS: 'true',
    REDIS_TLS_CA_FILE: tls.caFile,
    REDIS_TLS_CERT_FILE: tls.certFile,
    REDIS_TLS_KEY_FILE: tls.keyFile,
  });
  await using plain = await startProgram('processor', { REDIS_ADDR: redis.server.addr });
  const exported = async (program: typeof plain) =>
    new RegExp(`^${METRIC.storeCertificateExpiry} (.*)$`, 'm').exec(
      (await program.ask(PATH.metrics)).text,
    )?.[1];
  await until(async () => (await exported(processor)) !== undefined, 'the metric');
  t.is(await exported(processor), String(expiryOf(next.certificate) / 1000));
  t.is(await exported(plain), undefined, 'without TLS there is none');

  await use(expired);
  t.is(await read(), expiryOf(expired.certificate), 'what no Pod accepts is reported');
  await redis[Symbol.asyncDispose]();
  t.is(await read(), undefined, 'it cannot be read');
});
