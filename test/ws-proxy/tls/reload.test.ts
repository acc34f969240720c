/** Certificates, client CAs and revocation lists that change under live sockets. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import test from 'ava';
import type { IssuedCertificate } from '../../../services/certificates/authority.ts';
import { clientCertificate, serverCertificate, testAuthority, tlsFiles } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import {
  mutualListener,
  SecureStation,
  type SecureEndpoint,
  startSecureEndpoint,
} from './secure-endpoint.ts';

const DAY = 86_400_000;
const serialOf = ({ certificate }: IssuedCertificate) => new X509Certificate(certificate).serialNumber;
const applied = ({ seen }: SecureEndpoint) => seen.filter((one) => one === 'applied').length;

test('a renewed server certificate is used for new handshakes, and live sockets stay', async (t) => {
  await using files = await mutualListener();
  await using endpoint = await startSecureEndpoint([files.listener]);
  await using live = await SecureStation.open(endpoint.port, 'CP-1', await clientCertificate('CP-1'));
  const renewed = await (await testAuthority()).issueServerCertificate(['localhost'], { days: 20 });
  await files.server.replace(tlsFiles(renewed));
  await until(() => applied(endpoint) === 2, 'the reload');
  await using next = await SecureStation.open(endpoint.port, 'CP-2', await clientCertificate('CP-2'));
  t.is(next.tls.getPeerX509Certificate()?.serialNumber, serialOf(renewed));
  t.deepEqual([live.status, next.status, live.isOpen], [101, 101, true]);
  t.is(live.tls.getPeerX509Certificate()?.serialNumber, serialOf(await serverCertificate()));
  const [state] = endpoint.server.tlsStates;
  t.is(state?.expiries.get('server'), Date.parse(new X509Certificate(renewed.certificate).validTo));
  t.is(state?.problem, undefined);
});

test('bad files are refused with one line that names the file, and what was in use stays in use', async (t) => {
  const authority = await testAuthority();
  const good = await serverCertificate();
  const list = await authority.createRevocationList([]);
  await using files = await mutualListener({ 'ca.crl': list });
  await using endpoint = await startSecureEndpoint([files.listener]);
  const other = await authority.issueServerCertificate(['localhost']);
  const now = Date.now();
  const { certificate: ca } = authority;
  const issue = (days: number, from: number) => authority.issueServerCertificate(['x'], { days, from });
  const expired = { days: 1, from: now - 2 * DAY };
  const [station] = [await clientCertificate('CP-1')];
  const servers: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { ...tlsFiles(good), 'tls.key': other.key },
      /tls\.key \(ECDSA prime256v1\) does not belong to the certificate in/,
    ],
    [tlsFiles(await issue(1, now - 2 * DAY)), /tls\.crt: certificate 1 of 1 expired at .*; renew it/],
    [tlsFiles(await issue(1, now + DAY)), /is valid from .* on; check the clock/],
    [{ 'tls.crt': good.certificate }, /tls\.key is missing; the Secret needs the key tls\.key/],
    [{ ...tlsFiles(good), 'tls.crt': 'x' }, /tls\.crt holds no certificate/],
    [{ ...tlsFiles(good), 'tls.key': 'x' }, /tls\.key cannot be read; it must be a private key/],
    [
      { ...tlsFiles(good), 'tls.crt': ca + good.certificate },
      /the key belongs to certificate 2; put the server/,
    ],
    [{ ...tlsFiles(good), 'tls.crt': good.certificate + station.certificate }, /certificate 2 did not issue/],
    [{}, /tls\.crt is missing/],
  ];
  const another = await testAuthority('Another CA');
  const below = await another.createIntermediate('Below');
  const cas: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { 'ca.crt': ca, 'ca.crl': await authority.createRevocationList([], expired) },
      /ca\.crl: list 1 of 1 expired/,
    ],
    [
      { 'ca.crt': ca, 'ca.crl': await another.createRevocationList([]) },
      /ca\.crl: .* is not of a CA of the bundle/,
    ],
    [{ 'ca.crt': ca, 'ca.crl': '' }, /ca\.crl holds no revocation list/],
    [{ 'ca.crt': station.certificate, 'ca.crl': list }, /ca\.crt: certificate 1 of 1 is not one of a CA/],
    [{ 'ca.crt': below.certificate }, /its issuer is missing; add the certificates up to the root CA/],
    [{ 'ca.crl': list }, /ca\.crt is missing/],
  ];
  const rejected = () => endpoint.seen.filter((one) => one.startsWith('rejected'));
  const tries = [
    ...servers.map(([content, message]) => [files.server, content, message] as const),
    ...cas.map(([content, message]) => [files.clientCa, content, message] as const),
  ];
  await using live = await SecureStation.open(endpoint.port, 'CP-1', station);
  for (const [index, [folder, content, message]] of tries.entries()) {
    await folder.replace(content);
    await until(() => rejected().length === index + 1, `refusal of ${message}`);
    t.regex(rejected().at(-1) ?? '', message);
    t.true(rejected().at(-1)?.includes(folder.path), 'the file is named');
    t.notRegex(rejected().at(-1) ?? '', /PRIVATE KEY|MII/);
    t.truthy(endpoint.server.tlsStates[0]?.problem);
    const identity = `CP-${index}`;
    await using next = await SecureStation.open(endpoint.port, identity, await clientCertificate(identity));
    t.is(next.status, 101);
    t.is(next.tls.getPeerX509Certificate()?.serialNumber, serialOf(good));
    if (folder === files.server) await folder.replace(tlsFiles(good));
    else await folder.replace({ 'ca.crt': ca, 'ca.crl': list });
    await until(() => endpoint.server.tlsStates[0]?.problem === undefined, 'the good files');
  }
  t.true(live.isOpen);
  t.is(applied(endpoint), 1, 'a change that was taken back ends no TLS session');
});

test('a revoked certificate closes its socket and no other one', async (t) => {
  const authority = await testAuthority();
  await using files = await mutualListener();
  await using endpoint = await startSecureEndpoint([files.listener]);
  const [revoked, other] = [await clientCertificate('CP-1'), await clientCertificate('CP-2')];
  await using one = await SecureStation.open(endpoint.port, 'CP-1', revoked);
  await using two = await SecureStation.open(endpoint.port, 'CP-2', other);
  const list = await authority.createRevocationList([serialOf(revoked)]);
  await files.clientCa.replace({ 'ca.crt': authority.certificate, 'ca.crl': list });
  t.is(await one.closeCode(), 1008);
  await until(() => endpoint.seen.some((line) => line.startsWith('closed CP-1 access')), 'the close');
  t.deepEqual(
    endpoint.seen.filter((line) => line.startsWith('untrusted')),
    ['untrusted CP-1'],
  );
  t.true(two.isOpen);
  t.deepEqual(
    [...(endpoint.server.tlsStates[0]?.expiries.keys() ?? [])],
    ['server', 'client-ca', 'revocation-list'],
  );
});

test('a revocation list that disappears stays in use; one without entries replaces it, and so does a restart', async (t) => {
  const [authority, another] = [await testAuthority(), await testAuthority('Another CA')];
  const [revoked, both] = [await clientCertificate('CP-1'), authority.certificate + another.certificate];
  const list = await authority.createRevocationList([serialOf(revoked)]);
  const [empty, other] = [await authority.createRevocationList([]), await another.createRevocationList([])];
  await using files = await mutualListener({ 'ca.crt': both, 'ca.crl': list + other });
  await using endpoint = await startSecureEndpoint([files.listener]);
  const rejected = () => endpoint.seen.filter((one) => one.startsWith('rejected'));
  const status = async (port: number) => {
    await using station = await SecureStation.open(port, 'CP-1', revoked);
    return station.status;
  };
  const advice =
    /: its revoked certificates .*; to stop checking, provide a list without entries or restart$/;
  for (const [content, message] of [
    [{ 'ca.crt': both }, /ca\.crl is missing, and its list of CN=Test CA is in use/],
    [{ 'ca.crt': both, 'ca.crl': other }, /ca\.crl has no list of CN=Test CA, and one is in use/],
  ] as const) {
    await files.clientCa.replace(content);
    await until(() => message.test(rejected().at(-1) ?? ''), 'the refusal');
    t.regex(rejected().at(-1) ?? '', advice);
    t.truthy(endpoint.server.tlsStates[0]?.problem);
    t.is(await status(endpoint.port), 401);
  }
  t.is(rejected().length, 2);
  await using restarted = await startSecureEndpoint([files.listener]);
  t.is(await status(restarted.port), 101);
  await files.clientCa.replace({ 'ca.crt': both, 'ca.crl': empty + other });
  await until(() => applied(endpoint) === 2, 'the list without entries');
  t.is(await status(endpoint.port), 101);
  await files.clientCa.replace({ 'ca.crt': another.certificate, 'ca.crl': other });
  await until(() => applied(endpoint) === 3, 'the removal of a CA and its list');
  t.is(endpoint.server.tlsStates[0]?.problem, undefined);
});

test('a removed CA closes the sockets of its stations; one that is added lets its stations in', async (t) => {
  const [first, second] = [await testAuthority(), await testAuthority('Another CA')];
  const middle = await second.createIntermediate('Stations CA');
  await using files = await mutualListener();
  await using endpoint = await startSecureEndpoint([files.listener]);
  await using one = await SecureStation.open(endpoint.port, 'CP-1', await clientCertificate('CP-1'));
  const below = await middle.issueClientCertificate({ commonName: 'CP-2' });
  const early = await SecureStation.open(endpoint.port, 'CP-2', below);
  t.deepEqual([one.status, early.status], [101, 401]);
  await files.clientCa.replace({ 'ca.crt': first.certificate + second.certificate + middle.certificate });
  await until(() => applied(endpoint) === 2, 'the reload');
  await using two = await SecureStation.open(endpoint.port, 'CP-2', below);
  t.is(two.status, 101);
  await files.clientCa.replace({ 'ca.crt': second.certificate + middle.certificate });
  t.is(await one.closeCode(), 1008);
  t.true(two.isOpen, 'its path still ends at a CA of the bundle');
});

test('a client that began before its CA was removed does not get in after it', async (t) => {
  const [first, second] = [await testAuthority(), await testAuthority('Another CA')];
  const outside = await first.createIntermediate('Factory CA');
  await using files = await mutualListener({ 'ca.crt': first.certificate + second.certificate });
  await using endpoint = await startSecureEndpoint([files.listener]);
  const { port, seen } = endpoint;
  const secured = () => seen.filter((one) => one.startsWith('secured')).length;
  const own = await clientCertificate('CP-1');
  const stays = await clientCertificate('CP-3', 'Another CA');
  const certificates = [own, await outside.issueClientCertificate({ commonName: 'CP-2' }), stays];
  /** Their TLS handshakes are complete, their requests are not sent. */
  const idle = certificates.map((certificate) => SecureStation.connect(port, certificate));
  await until(() => secured() === idle.length, 'the TLS handshakes');
  const tcp = connectTcp(port, '127.0.0.1');
  await once(tcp, 'connect');
  await using later = await SecureStation.open(port, 'CP-4', await clientCertificate('CP-4', 'Another CA'));
  t.is(later.status, 101, 'the server has accepted the connection before it');
  await files.clientCa.replace({ 'ca.crt': second.certificate });
  await until(() => applied(endpoint) === 2, 'the reload');
  for (const [index, status] of [401, 401, 101].entries()) {
    const tls = idle[index];
    if (tls === undefined) continue;
    await using station = await SecureStation.over(tls, `CP-${index + 1}`);
    t.is(station.status, status, `CP-${index + 1}`);
  }
  t.is(secured(), idle.length + 1);
  const half = SecureStation.connect(port, await clientCertificate('CP-5'), { socket: tcp });
  await using station = await SecureStation.over(half, 'CP-5');
  t.is(station.status, 401, 'Node verifies with the CAs at the time of the TCP connection');
  t.regex(seen.join('\n'), /its CA was removed from the bundle of the listener/);
  t.true(later.isOpen);
});

test('a list that expires while it is in use stays in use; a certificate that expires is refused', async (t) => {
  const authority = await testAuthority();
  const [revoked, good] = [await clientCertificate('CP-1'), await clientCertificate('CP-2')];
  const brief = await authority.issueClientCertificate({ commonName: 'CP-3' }, { days: 5 });
  const list = await authority.createRevocationList([serialOf(revoked)], { days: 5 });
  await using files = await mutualListener({ 'ca.crl': list });
  const ahead = { value: 0 };
  await using endpoint = await startSecureEndpoint([files.listener], { ahead });
  const status = async (identity: string, certificate: IssuedCertificate) => {
    await using station = await SecureStation.open(endpoint.port, identity, certificate);
    return station.status;
  };
  t.deepEqual([await status('CP-2', good), await status('CP-3', brief)], [101, 101]);
  ahead.value = 6 * DAY;
  t.deepEqual(
    [await status('CP-1', revoked), await status('CP-2', good), await status('CP-3', brief)],
    [401, 101, 401],
  );
  t.regex(endpoint.seen.join('\n'), /it has expired/);
  t.is(endpoint.server.tlsStates[0]?.problem, undefined);
});

test('in mode Report a revoked certificate closes nothing, until the mode is Enforce', async (t) => {
  const authority = await testAuthority();
  const mode: { value: 'Report' | 'Enforce' } = { value: 'Report' };
  await using files = await mutualListener();
  await using endpoint = await startSecureEndpoint([files.listener], { mode });
  const own = await clientCertificate('CP-1');
  await using station = await SecureStation.open(endpoint.port, 'CP-1', own);
  await using unproven = await SecureStation.open(endpoint.port, 'CP-2');
  t.deepEqual([station.status, unproven.status], [101, 101]);
  const list = await authority.createRevocationList([serialOf(own)]);
  await files.clientCa.replace({ 'ca.crt': authority.certificate, 'ca.crl': list });
  await until(() => applied(endpoint) === 2, 'the reload');
  await using again = await SecureStation.open(endpoint.port, 'CP-3', await clientCertificate('CP-3'));
  t.is(again.status, 101);
  t.true(station.isOpen);
  mode.value = 'Enforce';
  t.is(await station.closeCode(), 1008);
});

test('a listener does not open with bad files or with suites that do not exist, and none of the others does', async (t) => {
  await using files = await mutualListener();
  const { listener, server } = files;
  const plain = { port: 0, path: '/ocpp' };
  const missing = { ...listener, tls: { ...listener.tls, certificateFolders: [`${server.path}/none`] } };
  await t.throwsAsync(startSecureEndpoint([plain, missing]), {
    name: 'CertificateError',
    message: /^listener mtls: .*none cannot be read \(ENOENT\); mount the Secret there$/,
  });
  const twice = { ...listener, tls: { ...listener.tls, certificateFolders: [server.path, server.path] } };
  await t.throwsAsync(startSecureEndpoint([twice]), {
    message: /both hold a certificate with a key of kind ec/,
  });
  for (const suite of [
    'ECDHE-ECDSA-AES128',
    'TLS_AES_128_GCM_SHA256',
    'PSK-AES128-GCM-SHA256',
    'AES128-GCM-SHA256:ALL',
  ]) {
    const wrong = { ...listener, tls: { ...listener.tls, cipherSuites: [suite] } };
    await t.throwsAsync(startSecureEndpoint([wrong]), {
      message: /^listener mtls: cipherSuites: .* is no suite/,
    });
  }
  await server.replace({ ...tlsFiles(await serverCertificate()), 'tls.key': 'x' });
  await t.throwsAsync(startSecureEndpoint([listener]), {
    message: /^listener mtls: .*tls\.key cannot be read/,
  });
});

test('a proxy that starts after an expiry serves as the running ones do, and says so; a revoked certificate stays out', async (t) => {
  const authority = await testAuthority();
  const [revoked, other] = [await clientCertificate('CP-1'), await clientCertificate('CP-2')];
  const days = { days: 1, from: Date.now() - 2 * DAY };
  const list = await authority.createRevocationList([serialOf(revoked)], days);
  await using files = await mutualListener({ 'ca.crl': list });
  await files.server.replace(tlsFiles(await authority.issueServerCertificate(['localhost'], days)));
  await using endpoint = await startSecureEndpoint([files.listener]);
  t.truthy(endpoint.server.tlsStates[0]?.problem);
  t.regex(endpoint.seen.join('\n'), /tls\.crt: certificate 1 of 1 expired at .*; renew it/);
  await using one = await SecureStation.open(endpoint.port, 'CP-1', revoked);
  await using two = await SecureStation.open(endpoint.port, 'CP-2', other);
  t.deepEqual([one.status, two.status], [401, 101]);
});
