/** What load balancers say about clients counts from trusted networks only: addresses, schemes and client certificates. */
import type { IncomingHttpHeaders } from 'node:http';
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import {
  CERTIFICATE_HEADERS,
  type CertificateHeader,
  clientAddressOf,
  forwardedCertificateOf,
  isForwardedAsPlain,
} from '../../../services/station-server/forwarded/forwarded.ts';
import {
  networkProblem,
  plainAddress,
  TrustedNetworks,
} from '../../../services/station-server/forwarded/trusted-networks.ts';
import { factsOf } from '../../../services/certificates/certificate-facts.ts';
import { countedAddress } from '../../../services/access/counted-address.ts';
import { ConfigError } from '../../../services/runtime/config.ts';
import { readListeners } from '../../../services/ws-proxy/listeners.ts';
import { clientCertificate, testAuthority } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';
import { startEndpoint } from '../endpoint.ts';
import { RawStation, V16 } from '../raw-station.ts';
import { startSecureEndpoint } from '../tls/secure-endpoint.ts';

const trusted = new TrustedNetworks(() => ['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48']);

test('trusted networks: addresses and CIDRs of both families, and no other text', (t) => {
  for (const [address, expect] of [
    ['10.1.2.3', true],
    ['11.1.2.3', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['::ffff:10.1.2.3', true],
    ['2001:db8:1:ffff::1', true],
    ['2001:db8:2::1', false],
    ['', false],
    ['unix', false],
  ] as const)
    t.is(trusted.has(address), expect, address);
  for (const right of ['10.0.0.0/8', '10.1.2.3', '2001:db8::/32', '::1', '10.9.9.9/32'])
    t.is(networkProblem(right), undefined, right);
  for (const wrong of [
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '2001:db8::/129',
    'a/8',
    '10.0.0.0/',
    'fe80::1%eth0',
    '1/8',
  ])
    t.regex(networkProblem(wrong) ?? '', new RegExp(`^"${wrong}" is not a network`), wrong);
  for (const large of [
    '0.0.0.0/0',
    '0.0.0.0/1',
    '10.0.0.0/7',
    '10.0.0.0/07',
    '::/0',
    '2000::/3',
    '2001::/15',
  ])
    t.regex(networkProblem(large) ?? '', /is too large a network, it would trust clients/, large);
  // All IPv4 addresses, or half of them.
  for (const mapped of ['::/16', '::/80', '::ffff:0:0/96', '0:0::ffff:0:0/97', '0::ffff:128.0.0.0/103'])
    t.regex(networkProblem(mapped) ?? '', /: \/104 at least$/, mapped);
  for (const small of ['10.0.0.0/8', '2001::/16', '::ffff:10.0.0.0/104', '::1/128'])
    t.is(networkProblem(small), undefined, small);
});

test('trusted networks are read each time', (t) => {
  let networks: string[] = [];
  const changing = new TrustedNetworks(() => networks);
  t.false(changing.has('10.0.0.1'));
  networks = ['10.0.0.0/24'];
  t.true(changing.has('10.0.0.1'));
  networks = ['10.0.1.0/24'];
  t.false(changing.has('10.0.0.1'));
});

test('limits count an IPv6 network of 64 bits as one address', (t) => {
  t.is(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
  t.is(plainAddress('fe80::1%eth0'), 'fe80::1');
  t.is(countedAddress('192.0.2.1'), '192.0.2.1');
  for (const same of [
    '2001:db8:0:7::1',
    '2001:DB8:0:7:ffff::',
    '2001:0db8:0000:0007:1:2:3:4',
    '2001:db8::7:0:0:0:9',
  ])
    t.is(countedAddress(same), '2001:db8:0:7::/64', same);
  t.not(countedAddress('2001:db8:0:8::1'), '2001:db8:0:7::/64');
  t.is(countedAddress('::1'), '0:0:0:0::/64');
});

const LB = '10.0.0.1';
const ADDRESSES: readonly {
  readonly name: string;
  readonly peer?: string;
  readonly forwarded?: string;
  readonly expect: string;
}[] = [
  { name: 'no header', expect: LB },
  { name: 'an untrusted peer', peer: '198.51.100.1', forwarded: '203.0.113.9', expect: '198.51.100.1' },
  { name: 'one address', forwarded: '203.0.113.9', expect: '203.0.113.9' },
  {
    name: 'addresses that the client sent',
    forwarded: '1.1.1.1, 10.0.0.9, 203.0.113.9',
    expect: '203.0.113.9',
  },
  { name: 'a second load balancer', forwarded: '1.1.1.1,203.0.113.9, 10.0.0.2', expect: '203.0.113.9' },
  { name: 'load balancers only', forwarded: '10.0.0.3, 10.0.0.2', expect: '10.0.0.3' },
  { name: 'a port', forwarded: '203.0.113.9:4711', expect: '203.0.113.9' },
  { name: 'IPv6 in brackets', forwarded: '[2001:db8::5]:4711', expect: '2001:db8::5' },
  { name: 'bare IPv6', forwarded: '2001:db8::5', expect: '2001:db8::5' },
  { name: 'mapped IPv4', forwarded: '::ffff:203.0.113.9', expect: '203.0.113.9' },
  { name: 'an unreadable entry', forwarded: '203.0.113.9, unknown', expect: LB },
  { name: 'an unreadable entry behind a balancer', forwarded: '1.1.1.1, x"y, 10.0.0.2', expect: '10.0.0.2' },
  { name: 'an empty entry', forwarded: '203.0.113.9, ', expect: LB },
];

for (const { name, peer = LB, forwarded, expect } of ADDRESSES) {
  test(`the address of the client: ${name}`, (t) => {
    const headers: IncomingHttpHeaders = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    t.is(clientAddressOf(headers, peer, trusted), expect);
  });
}

test('a scheme other than https and wss is plain; without a header it is not', (t) => {
  const isPlain = (scheme?: string) =>
    isForwardedAsPlain(scheme === undefined ? {} : { 'x-forwarded-proto': scheme });
  t.deepEqual([undefined, 'https', 'WSS', 'http, https'].map(isPlain), [false, false, false, false]);
  t.deepEqual(['http', 'ws', '', 'https, http'].map(isPlain), [true, true, true, true]);
});

/** Stand for certificates in the headers of the tables: see filled(). */
const encoded = '{CS1}';
const OTHER = '{CS2}';
const VERIFIED = { 'ssl-client-verify': ['SUCCESS'] };

const CERTIFICATES: readonly {
  readonly name: string;
  readonly header: CertificateHeader;
  readonly headers: Readonly<Record<string, string[]>>;
  /** The common name, or a part of the reason. */
  readonly expect: string | RegExp;
}[] = [
  {
    name: 'nginx',
    header: 'ssl-client-cert',
    headers: { 'ssl-client-cert': [encoded], ...VERIFIED },
    expect: 'CS1',
  },
  {
    name: 'nginx, not verified',
    header: 'ssl-client-cert',
    headers: { 'ssl-client-cert': [encoded], 'ssl-client-verify': ['FAILED:unable to verify'] },
    expect: /ssl-client-verify does not say/,
  },
  {
    name: 'nginx, without a verdict',
    header: 'ssl-client-cert',
    headers: { 'ssl-client-cert': [encoded] },
    expect: /ssl-client-verify does not say/,
  },
  {
    name: 'nginx, two verdicts',
    header: 'ssl-client-cert',
    headers: { 'ssl-client-cert': [encoded], 'ssl-client-verify': ['SUCCESS', 'NONE'] },
    expect: /ssl-client-verify does not say/,
  },
  { name: 'nginx, none', header: 'ssl-client-cert', headers: VERIFIED, expect: /forwards no certificate/ },
  {
    name: 'a header that the load balancer does not set',
    header: 'ssl-client-cert',
    headers: { 'x-forwarded-client-cert': [`Cert="${encoded}"`] },
    expect: /forwards no certificate/,
  },
  {
    name: 'Envoy',
    header: 'x-forwarded-client-cert',
    headers: {
      'x-forwarded-client-cert': [
        `By=spiffe://x;Hash=0a;Subject="CN=CS1,O=\\"a;b\\"";Cert="${encoded}";DNS=`,
      ],
    },
    expect: 'CS1',
  },
  {
    name: 'Envoy, the last of several elements',
    header: 'x-forwarded-client-cert',
    headers: {
      'x-forwarded-client-cert': [`Cert="${OTHER}"`, `Hash=1, Cert="${encoded}"`],
    },
    expect: 'CS1',
  },
  {
    name: 'Envoy, a last element without a certificate',
    header: 'x-forwarded-client-cert',
    headers: { 'x-forwarded-client-cert': [`Cert="${encoded}",Hash=1`] },
    expect: /no Cert in its last element/,
  },
  {
    name: 'Envoy, behind an open quote of the client',
    header: 'x-forwarded-client-cert',
    headers: {
      'x-forwarded-client-cert': [`Cert=${encoded};By="x`, `Hash=1;Cert="${OTHER}"`],
    },
    expect: /no Cert in its last element/,
  },
  {
    name: 'an ALB that verifies',
    header: 'x-amzn-mtls-clientcert-leaf',
    headers: {
      'x-amzn-mtls-clientcert-leaf': ['{CS1 safe}'],
    },
    expect: 'CS1',
  },
  {
    name: 'an ALB that passes through',
    header: 'x-amzn-mtls-clientcert-leaf',
    headers: { 'x-amzn-mtls-clientcert': [encoded] },
    expect: /forwards no certificate/,
  },
  {
    name: 'HAProxy, DER as base64',
    header: 'x-ssl-client-cert',
    headers: {
      'x-ssl-client-cert': ['{CS1 DER}'],
      'x-ssl-client-verify': ['SUCCESS'],
    },
    expect: 'CS1',
  },
  {
    name: 'HAProxy, 0, which it also says without a certificate',
    header: 'x-ssl-client-cert',
    headers: { 'x-ssl-client-cert': ['{CS1 DER}'], 'x-ssl-client-verify': ['0'] },
    expect: /x-ssl-client-verify does not say SUCCESS/,
  },
  {
    name: 'HAProxy, without a verdict',
    header: 'x-ssl-client-cert',
    headers: { 'x-ssl-client-cert': ['{CS1 DER}'] },
    expect: /x-ssl-client-verify does not say SUCCESS/,
  },
  {
    name: 'HAProxy, none and no certificate',
    header: 'x-ssl-client-cert',
    headers: { 'x-ssl-client-cert': [''], 'x-ssl-client-verify': ['NONE'] },
    expect: /forwards no certificate/,
  },
  {
    name: 'HAProxy, not verified',
    header: 'x-ssl-client-cert',
    headers: { 'x-ssl-client-cert': [encoded], 'x-ssl-client-verify': ['18'] },
    expect: /x-ssl-client-verify does not say/,
  },
  {
    name: 'the header of the client beside that of the load balancer',
    header: 'x-ssl-client-cert',
    headers: { 'x-ssl-client-cert': [OTHER, encoded] },
    expect: /was sent 2 times/,
  },
  {
    name: 'no certificate',
    header: 'x-ssl-client-cert',
    headers: { 'x-ssl-client-cert': ['%'], 'x-ssl-client-verify': ['SUCCESS'] },
    expect: /can be read/,
  },
  {
    name: 'no X.509',
    header: 'x-ssl-client-cert',
    headers: { 'x-ssl-client-cert': ['AAAA'], 'x-ssl-client-verify': ['SUCCESS'] },
    expect: /can be read/,
  },
];

/** With certificates: URL-encoded, as an ALB encodes them, and as DER in base64. */
async function filled(text: string): Promise<string> {
  const [one, two] = [await clientCertificate('CS1'), await clientCertificate('CS2')];
  const url = encodeURIComponent(one.certificate);
  return text
    .replace('{CS1}', url)
    .replace('{CS2}', encodeURIComponent(two.certificate))
    .replace('{CS1 safe}', url.replaceAll('%2B', '+').replaceAll('%2F', '/').replaceAll('%3D', '='))
    .replace('{CS1 DER}', new X509Certificate(one.certificate).raw.toString('base64'));
}

for (const { name, header, headers: templates, expect } of CERTIFICATES) {
  test(`a forwarded client certificate: ${name}`, async (t) => {
    const headers: Record<string, string[]> = {};
    for (const [key, values] of Object.entries(templates))
      headers[key] = await Promise.all(values.map(filled));
    const got = forwardedCertificateOf({ headersDistinct: headers }, header, LB, trusted);
    if (got.kind === 'certificate') t.is(factsOf(got.certificate).commonName, String(expect));
    else t.regex(got.reason, expect instanceof RegExp ? expect : /never/, got.reason);
    const outside = forwardedCertificateOf({ headersDistinct: headers }, header, '198.51.100.1', trusted);
    t.deepEqual(outside, { kind: 'none', reason: `${header} counts from trusted networks only` });
  });
}

test('a listener without a header of client certificates reads none', (t) => {
  for (const header of CERTIFICATE_HEADERS) {
    const headersDistinct = { [header]: [encoded], ...VERIFIED };
    t.is(forwardedCertificateOf({ headersDistinct }, undefined, LB, trusted).kind, 'none', header);
  }
});

const FORWARDED = ['X-Forwarded-For: 1.1.1.1, 203.0.113.9', ...V16];

test('a session and a refusal have the address that a trusted load balancer forwards, and no other', async (t) => {
  for (const [networks, expect] of [
    [['127.0.0.0/8'], '203.0.113.9'],
    [['10.0.0.0/8'], '127.0.0.1'],
  ] as const) {
    await using endpoint = await startEndpoint({}, {}, undefined, true, networks);
    await using _one = (await RawStation.open(endpoint.port, '/ocpp/CS1', FORWARDED)).station;
    await using _two = (await RawStation.open(endpoint.port, '/elsewhere/CS2', FORWARDED)).station;
    t.deepEqual(endpoint.addresses, [`opened ${expect}`, `path ${expect}`]);
  }
});

const TERMINATED = [{ port: 0, path: '/ocpp', securityProfile: 2, tls: { terminated: true } }] as const;

test('where a load balancer ends TLS, clients connect through it only, and with TLS', async (t) => {
  const statusOf = async (port: number, ...headers: string[]) => {
    const { station, answer } = await RawStation.open(port, '/ocpp/CS1', [...headers, ...V16]);
    await station[Symbol.asyncDispose]();
    return answer.status;
  };
  await using behind = await startEndpoint({}, {}, TERMINATED, true, ['127.0.0.1']);
  t.is(await statusOf(behind.port), 101);
  t.is(await statusOf(behind.port, 'X-Forwarded-Proto: wss'), 101);
  t.is(await statusOf(behind.port, 'X-Forwarded-Proto: http'), 403);
  await using outside = await startEndpoint({}, {}, TERMINATED);
  t.is(await statusOf(outside.port, 'X-Forwarded-Proto: https'), 403);
  t.deepEqual(outside.seen, ['refused 403 untrusted /ocpp/CS1']);
  t.deepEqual(
    behind.seen.filter((what) => what.startsWith('refused')),
    ['refused 403 insecure /ocpp/CS1'],
  );
});

test('OCPP_LISTENERS: where a load balancer ends TLS, profile 3 names the header of client certificates', (t) => {
  const read = (tls: object, securityProfile = 3) =>
    readListeners({
      stationPort: 9000,
      stationPath: '/ocpp',
      listeners: JSON.stringify([{ port: 9001, path: '/ocpp', securityProfile, tls }]),
    })[0]?.tls;
  for (const clientCertificateHeader of CERTIFICATE_HEADERS) {
    const tls = { terminated: true, clientCertificateHeader };
    t.deepEqual(read(tls), tls);
  }
  t.deepEqual(read({ terminated: true }, 2), { terminated: true });
  for (const wrong of [undefined, 'x-amzn-mtls-clientcert', 'Ssl-Client-Cert', 1])
    t.throws(() => read({ terminated: true, clientCertificateHeader: wrong }), {
      instanceOf: ConfigError,
      message: /^OCPP_LISTENERS: listener 1: tls\.clientCertificateHeader must be one of ssl-client-cert, /,
    });
});

test('a forwarded certificate that has expired is refused, and the server knows when an accepted one does', async (t) => {
  const authority = await testAuthority();
  const header = 'x-amzn-mtls-clientcert-leaf';
  const listener = {
    port: 0,
    path: '/ocpp',
    securityProfile: 3,
    tls: { terminated: true, clientCertificateHeader: header },
  } as const;
  await using endpoint = await startSecureEndpoint([listener], { trusted: ['127.0.0.1'] });
  const statusOf = async (from: number) => {
    const { certificate } = await authority.issueClientCertificate({ commonName: 'CS1' }, { days: 1, from });
    const lines = [`${header}: ${encodeURIComponent(certificate)}`, ...V16];
    const { station, answer } = await RawStation.open(endpoint.port, '/ocpp/CS1', lines);
    for (const { certificateExpires } of endpoint.server.sockets)
      t.is(certificateExpires, Date.parse(new X509Certificate(certificate).validTo));
    t.is(endpoint.server.sockets.size, answer.status === 101 ? 1 : 0);
    await station[Symbol.asyncDispose]();
    await until(() => endpoint.server.sockets.size === 0, 'the end of the session');
    return answer.status;
  };
  t.is(await statusOf(Date.now() - 3_600_000), 101);
  t.is(await statusOf(Date.now() - 2 * 86_400_000), 401);
  t.regex(endpoint.seen.join('\n'), /refused 401 certificate .*it has expired/);
});

test('profile 3 behind a load balancer: its certificate is that of the station, and no client can send one (case 35)', async (t) => {
  const tls = { terminated: true, clientCertificateHeader: 'ssl-client-cert' };
  const listener = { path: '/ocpp', securityProfile: 3, tls };
  await using redis = await startRedis();
  const start = (port: number, networks: string) =>
    startProgram('ws-proxy', {
      REDIS_ADDR: redis.addr,
      OCPP_LISTENERS: JSON.stringify([{ ...listener, port }]),
      OCPP_TRUSTED_NETWORKS: networks,
      OCPP_DRAIN_PROPAGATION: '0s',
    });
  const statusOf = async (port: number, id: string, ...headers: string[]) => {
    const { station, answer } = await RawStation.open(port, `/ocpp/${id}`, [...headers, ...V16]);
    await station[Symbol.asyncDispose]();
    return answer.status;
  };
  const certificate = [await filled(`ssl-client-cert: ${encoded}`), 'ssl-client-verify: SUCCESS'];
  const [port, other] = [await freePort(), await freePort()];
  await using behind = await start(port, '127.0.0.1');
  t.is(await statusOf(port, 'CS1', ...certificate), 101);
  t.is(await statusOf(port, 'CS2', ...certificate), 401, 'the certificate of another station');
  t.is(await statusOf(port, 'CS1'), 401, 'none');
  t.is(
    await statusOf(port, 'CS1', await filled(`x-forwarded-client-cert: Cert="${encoded}"`)),
    401,
    'sent by the client',
  );
  await until(
    () => behind.log.includes('the load balancer forwards no certificate'),
    'the reason in the log',
  );
  t.notRegex(behind.log, /BEGIN|MII/, 'no certificate reaches a log');
  await using outside = await start(other, '10.0.0.0/8');
  t.is(await statusOf(other, 'CS1', ...certificate), 403);
  await until(() => outside.log.includes('"code":"untrusted"'), 'the log line');
  t.regex(
    outside.log,
    /"stationId":"CS1","status":403,"code":"untrusted".*"advice":"let clients connect through/,
  );
});
