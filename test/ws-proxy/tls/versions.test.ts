/** What a TLS listener speaks, asked with the openssl command: versions, suites, certificates of both kinds, and what is not TLS. */
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import type { ListenerTls, StationListener } from '../../../services/station-server/station-listener.ts';
import { testHandshake } from '../../../services/station-server/self-test.ts';
import {
  certificateFolder,
  clientCertificate,
  serverCertificate,
  tlsFiles,
} from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { mutualListener, openssl, SecureStation, startSecureEndpoint } from './secure-endpoint.ts';

/** Profile 2 without access control: TLS only. */
const secure = (folders: readonly { readonly path: string }[], tls: ListenerTls = {}): StationListener => ({
  name: 'tls',
  port: 0,
  path: '/ocpp',
  securityProfile: 2,
  tls: { ...tls, certificateFolders: folders.map(({ path }) => path) },
});

const chosen = (output: string) => /Cipher is (\S+)/.exec(output)?.[1];
const version = (output: string) => /^New, (\S+), Cipher is [^(]/m.exec(output)?.[1];

test('TLS 1.2 and 1.3 are offered, 1.0 and 1.1 are refused; the minimum can be 1.3', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  await using endpoint = await startSecureEndpoint([
    secure([folder]),
    secure([folder], { minVersion: 'TLSv1.3' }),
  ]);
  const [port = 0, strict = 0] = endpoint.ports;
  // The client's own security level would not even try.
  const old = '-cipher ALL:@SECLEVEL=0';
  t.is(version(await openssl(port, '-tls1_2')), 'TLSv1.2');
  t.is(version(await openssl(port, '-tls1_3')), 'TLSv1.3');
  t.is(version(await openssl(strict, '-tls1_3')), 'TLSv1.3');
  for (const [to, args] of [
    [port, `-tls1 ${old}`],
    [port, `-tls1_1 ${old}`],
    [strict, '-tls1_2'],
  ] as const) {
    const output = await openssl(to, args);
    t.is(version(output), undefined, output);
    t.regex(output, /alert protocol version/, args);
  }
  await until(() => endpoint.seen.filter((one) => one.startsWith('refused')).length === 3, 'the refusals');
  t.is(new Set(endpoint.seen.filter((one) => one.startsWith('refused'))).size, 1);
  t.regex(endpoint.seen.join('\n'), /refused 400 tls a TLS version that this listener does not offer/);
});

const ECDSA = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
const RSA = [
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
];
const NEVER = [
  'AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ADH-AES128-GCM-SHA256',
];

test('the suites of TLS 1.2 are those that OCPP names and ECDHE with RSA, each with a certificate of its kind', async (t) => {
  await using ecdsa = await certificateFolder(tlsFiles(await serverCertificate('ecdsa')));
  await using rsa = await certificateFolder(tlsFiles(await serverCertificate('rsa')));
  await using endpoint = await startSecureEndpoint([
    secure([ecdsa]),
    secure([rsa]),
    secure([rsa, ecdsa]),
    secure([rsa, ecdsa], { cipherSuites: ['ECDHE-RSA-AES256-GCM-SHA384', 'AES256-SHA256'] }),
  ]);
  const offered = [ECDSA, RSA, [...ECDSA, ...RSA], ['ECDHE-RSA-AES256-GCM-SHA384', 'AES256-SHA256']];
  for (const [index, port] of endpoint.ports.entries()) {
    for (const suite of [...ECDSA, ...RSA, ...NEVER]) {
      const output = await openssl(port, `-tls1_2 -cipher ${suite}:@SECLEVEL=0`);
      t.is(chosen(output), offered[index]?.includes(suite) === true ? suite : '(NONE)', `${index} ${suite}`);
    }
  }
  t.regex(endpoint.seen.join('\n'), /refused 400 tls no cipher suite in common/);
});

test('the order is that of the server: forward secrecy before TLS_RSA', async (t) => {
  await using ecdsa = await certificateFolder(tlsFiles(await serverCertificate('ecdsa')));
  await using rsa = await certificateFolder(tlsFiles(await serverCertificate('rsa')));
  await using endpoint = await startSecureEndpoint([secure([rsa, ecdsa])]);
  const ask = async (suites: readonly string[]) =>
    chosen(await openssl(endpoint.port, `-tls1_2 -cipher ${suites.join(':')}`));
  t.is(await ask(RSA.toReversed()), 'ECDHE-RSA-AES128-GCM-SHA256');
  t.is(await ask([...RSA, ...ECDSA].toReversed()), 'ECDHE-ECDSA-AES128-GCM-SHA256');
  const kind = async (args: string) =>
    /Peer signature type: (\S+)/.exec(await openssl(endpoint.port, `-tls1_3 ${args}`))?.[1];
  t.is(await kind('-sigalgs ecdsa_secp256r1_sha256'), 'ECDSA');
  t.is(await kind('-sigalgs rsa_pss_rsae_sha256'), 'RSA-PSS');
});

test('HTTP/1.1 is the only protocol, and TLS 1.2 cannot be renegotiated', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  await using endpoint = await startSecureEndpoint([secure([folder])]);
  t.regex(await openssl(endpoint.port, '-alpn h2,http/1.1'), /ALPN protocol: http\/1\.1/);
  t.regex(await openssl(endpoint.port, '-alpn h2'), /alert no application protocol/);
  const output = await openssl(endpoint.port, '-tls1_2', 'R\nQ\n');
  t.regex(output, /RENEGOTIATING[\s\S]*no renegotiation/);
});

test('a station on a TLS listener is served, and what is not TLS ends with the reason in the log', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  await using endpoint = await startSecureEndpoint([secure([folder]), { port: 0, path: '/ocpp' }]);
  const [port = 0, plain = 0] = endpoint.ports;
  await using station = await SecureStation.open(port, 'CP-1');
  t.is(station.status, 101);
  for (const [bytes, reason] of [
    ['GET /ocpp/CP-2 HTTP/1.1\r\nHost: x\r\n\r\n', /tls plain HTTP on a TLS port/],
    ['hello, this is not TLS at all\r\n', /tls (not TLS|the TLS handshake failed)/],
    [Buffer.from('160301000401000000', 'hex'), /tls the TLS handshake failed/],
  ] as const) {
    const tcp = connect(port, '127.0.0.1');
    tcp.on('error', () => undefined).resume();
    tcp.end(bytes);
    await once(tcp, 'close');
    await until(() => endpoint.seen.some((one) => reason.test(one)), String(reason));
  }
  const wrong = await SecureStation.open(plain, 'CP-3');
  t.is(wrong.status, 0);
  await until(
    () => endpoint.seen.some((one) => one.startsWith('refused 400 bad-request')),
    'TLS on a plain port',
  );
  t.true(station.isOpen, 'the neighbour noticed nothing');
  t.is(endpoint.server.size, 1);
});

test('a TLS handshake that is too slow is cut, and a probe that only connects is not reported', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  await using endpoint = await startSecureEndpoint([secure([folder])], {
    limits: { handshakeTimeoutMs: 200 },
  });
  const probe = connect(endpoint.port, '127.0.0.1');
  await once(probe, 'connect');
  probe.end();
  await once(probe.resume(), 'close');
  t.deepEqual(
    endpoint.seen.filter((one) => one.startsWith('refused')),
    [],
  );
  for (const bytes of ['', Buffer.from('16030100c8010000c40303', 'hex')]) {
    const tcp = connect(endpoint.port, '127.0.0.1');
    tcp.on('error', () => undefined);
    tcp.write(bytes);
    await once(tcp.resume(), 'close');
  }
  await until(() => endpoint.seen.length >= 3, 'both refusals');
  t.deepEqual(
    endpoint.seen.filter((one) => one.startsWith('refused')),
    Array.from({ length: 2 }, () => 'refused 400 tls the TLS handshake was not complete in time'),
  );
  t.deepEqual([...endpoint.addresses], ['127.0.0.1']);
});

test('after the TLS handshake the limits on the request hold', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  await using endpoint = await startSecureEndpoint([secure([folder])], {
    limits: { handshakeTimeoutMs: 200 },
  });
  const output = await openssl(
    endpoint.port,
    '-quiet -no_ign_eof -servername x',
    'GET /ocpp/CP-1 HTTP/1.1\r\n',
  );
  t.false(output.includes('101'));
  const large = `GET /ocpp/CP-1 HTTP/1.1\r\nX: ${'a'.repeat(10_000)}\r\n\r\n`;
  t.regex(await openssl(endpoint.port, '-quiet -ign_eof', large), /HTTP\/1\.1 431/);
  t.regex(
    await openssl(endpoint.port, '-quiet -ign_eof', 'GET /x HTTP/1.1\r\nHost: x\r\n'),
    /HTTP\/1\.1 408/,
  );
});

test('a stop ends TLS handshakes in progress, and connections that ended are not counted', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  const limits = { handshakeTimeoutMs: 600_000, maxConnections: 2 };
  await using endpoint = await startSecureEndpoint([secure([folder])], { limits });
  for (let index = 0; index < 4; index++) {
    const station = await SecureStation.open(endpoint.port, `CP-${index}`);
    t.is(station.status, 101);
    await station.leave();
    await until(
      () => endpoint.seen.filter((one) => one.startsWith('closed')).length === index + 1,
      'the close',
    );
  }
  const pending = ['', Buffer.from('16030100c8010000c40303', 'hex')].map((bytes) => {
    const tcp = connect(endpoint.port, '127.0.0.1', () => tcp.write(bytes));
    tcp.on('error', () => undefined).resume();
    return tcp;
  });
  await Promise.all(pending.map((tcp) => once(tcp, 'connect')));
  await endpoint.server.stop();
  await until(() => pending.every(({ destroyed }) => destroyed), 'both connections to end');
  t.deepEqual(
    endpoint.seen.filter((one) => one.startsWith('refused')),
    [],
  );
});

test('TLS behind the header of a load balancer: the client of the header is the one that is refused', async (t) => {
  await using files = await mutualListener();
  const listener = { ...files.listener, proxyProtocol: true };
  await using endpoint = await startSecureEndpoint([listener], { trusted: ['127.0.0.1'] });
  const header = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000207c00002010fff1f90', 'hex');
  const through = () => {
    const tcp = connect(endpoint.port, '127.0.0.1');
    tcp.write(header);
    return tcp;
  };
  await using station = await SecureStation.open(0, 'CP-1', await clientCertificate('CP-1'), {
    socket: through(),
  });
  await using stranger = await SecureStation.open(0, 'CP-2', undefined, { socket: through() });
  t.deepEqual([station.status, stranger.status], [101, 401]);
  const plain = through();
  plain.on('error', () => undefined).resume();
  plain.end('GET / HTTP/1.1\r\n\r\n');
  await once(plain, 'close');
  await until(() => endpoint.seen.some((one) => one.startsWith('refused 400 tls plain HTTP')), 'the refusal');
  t.deepEqual([...endpoint.addresses], ['192.0.2.7']);
});

test('the self-test passes on TLS listeners, with client certificates or without', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  await using mutual = await mutualListener();
  const balanced = { ...secure([folder]), proxyProtocol: true };
  await using endpoint = await startSecureEndpoint([secure([folder]), mutual.listener, balanced]);
  for (const [index, port] of endpoint.ports.entries()) {
    const handshake = { host: '127.0.0.1', port, path: '/ocpp', protocol: 'ocpp1.6' } as const;
    const asked = { ...handshake, secret: endpoint.secret, timeoutMs: 10_000, proxyProtocol: index === 2 };
    t.is(await testHandshake({ ...asked, isSecure: true }), undefined);
    t.regex((await testHandshake(asked)) ?? '', /^ws:/);
  }
});
