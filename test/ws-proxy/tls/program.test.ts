/** The ws-proxy process with TLS listeners: its log, its metrics, and how it refuses to start. */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { METRIC, PATH } from '../../../services/contract.ts';
import {
  certificateFolder,
  clientCertificate,
  serverCertificate,
  testAuthority,
  tlsFiles,
} from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { SecureStation } from './secure-endpoint.ts';

const listenersOf = (port: number, server: string, ca: string) =>
  JSON.stringify([
    {
      name: 'mtls',
      port,
      path: '/ocpp',
      securityProfile: 3,
      tls: { certificateFolders: [server], clientCaFolder: ca },
    },
  ]);

const seconds = (pem: string) => Date.parse(new X509Certificate(pem).validTo) / 1000;

const startMutual = (redis: string, listeners: string) =>
  startProgram('ws-proxy', {
    REDIS_ADDR: redis,
    OCPP_LISTENERS: listeners,
    OCPP_DRAIN_PROPAGATION: '0s',
  });

test('a ws-proxy with a mutual TLS listener says when certificates expire, and that it refuses changed files', async (t) => {
  const [authority, own] = [await testAuthority(), await serverCertificate()];
  await using server = await certificateFolder(tlsFiles(own));
  await using ca = await certificateFolder({ 'ca.crt': authority.certificate });
  await using redis = await startRedis();
  const port = await freePort();
  await using proxy = await startMutual(redis.addr, listenersOf(port, server.path, ca.path));
  await using station = await SecureStation.open(port, 'CP-1', await clientCertificate('CP-1'));
  await using stranger = await SecureStation.open(
    port,
    'CP-2',
    await clientCertificate('CP-2', 'Another CA'),
  );
  t.deepEqual([station.status, stranger.status], [101, 401]);
  const metrics = async () => (await proxy.ask(PATH.metrics)).text;
  const text = await metrics();
  const line = (name: string, labels: string, value: number) => `${name}{${labels}} ${value}`;
  for (const expected of [
    line(METRIC.certificateExpiry, 'listener="mtls",what="server"', seconds(own.certificate)),
    line(METRIC.certificateExpiry, 'listener="mtls",what="client-ca"', seconds(authority.certificate)),
    line(METRIC.tlsRejected, 'listener="mtls"', 0),
    line('ocpp_proxy_tls_handshakes_total', 'listener="mtls",version="TLSv1.3"', 2),
  ])
    t.true(text.includes(expected), expected);
  await server.replace({ ...tlsFiles(own), 'tls.key': (await serverCertificate('rsa')).key });
  await until(
    async () => (await metrics()).includes(line(METRIC.tlsRejected, 'listener="mtls"', 1)),
    'refusal',
  );
  t.regex(
    await metrics(),
    /ocpp_proxy_tls_refusal_info\{listener="mtls",problem="[^"]*tls\.key \(RSA 2048\)/,
  );
  const mistake = 'tls.key (RSA 2048) does not belong to the certificate in';
  await until(() => proxy.log.includes(mistake), 'the line of the log');
  t.notRegex(proxy.log, /PRIVATE KEY/);
  t.true(station.isOpen);
});

test('connected stations whose certificate expires soon are counted, and not in a label', async (t) => {
  const authority = await testAuthority();
  await using server = await certificateFolder(tlsFiles(await serverCertificate()));
  await using ca = await certificateFolder({ 'ca.crt': authority.certificate });
  await using redis = await startRedis();
  const port = await freePort();
  await using proxy = await startMutual(redis.addr, listenersOf(port, server.path, ca.path));
  const connect = async (commonName: string, days: number) =>
    SecureStation.open(port, commonName, await authority.issueClientCertificate({ commonName }, { days }));
  await using week = await connect('CP-WEEK', 6);
  await using month = await connect('CP-MONTH', 29);
  await using year = await connect('CP-YEAR', 365);
  t.deepEqual([week.status, month.status, year.status], [101, 101, 101]);
  const counts = async () => {
    const text = (await proxy.ask(PATH.metrics)).text;
    t.notRegex(text, /CP-/);
    return ['7d', '30d'].map((within) => {
      const start = `${METRIC.stationCertificatesExpiring}{within="${within}"} `;
      return text
        .split('\n')
        .find((line) => line.startsWith(start))
        ?.slice(start.length);
    });
  };
  t.deepEqual(await counts(), ['1', '2']);
  await week.leave();
  await until(async () => (await counts())[0] === '0', 'the end of the session');
  t.deepEqual(await counts(), ['0', '1']);
});

test('a ws-proxy with a bad certificate does not start, and says which file is bad', async (t) => {
  await using server = await certificateFolder({ ...tlsFiles(await serverCertificate()), 'tls.key': 'x' });
  await using ca = await certificateFolder({ 'ca.crt': (await testAuthority()).certificate });
  await using redis = await startRedis();
  const start = startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_LISTENERS: listenersOf(await freePort(), server.path, ca.path),
  });
  const error = await t.throwsAsync(start);
  t.regex(
    error?.message ?? '',
    /OCPP_LISTENERS: listener mtls: \S+tls\.key cannot be read; it must be a private key/,
  );
});
