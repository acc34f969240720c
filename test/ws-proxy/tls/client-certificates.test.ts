/** Profile 3: which client certificates open the door, in full handshakes and in resumed ones. */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import type { IssuedCertificate } from '../../../services/certificates/authority.ts';
import { clientCertificate, serverCertificate, testAuthority } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { mutualListener, openssl, SecureStation, startSecureEndpoint } from './secure-endpoint.ts';

const DAY = 86_400_000;
/** Without the certificates of its issuers. */
const leafOf = ({ certificate, key }: IssuedCertificate): IssuedCertificate => {
  const end = '-----END CERTIFICATE-----\n';
  return { certificate: certificate.slice(0, certificate.indexOf(end) + end.length), key };
};

const serialOf = ({ certificate }: IssuedCertificate) => new X509Certificate(certificate).serialNumber;

test('a station gets in with a certificate of the CA for its identity only, and the log says why another does not', async (t) => {
  const authority = await testAuthority();
  const middle = await authority.createIntermediate('Stations CA');
  const outside = await authority.createIntermediate('Factory CA');
  const lost = await authority.createIntermediate('Revoked CA');
  const revoked = await authority.issueClientCertificate({ commonName: 'CP-revoked' });
  await using files = await mutualListener({
    'ca.crt': authority.certificate + middle.certificate + lost.certificate,
    'ca.crl': await authority.createRevocationList([serialOf(revoked), serialOf(lost)]),
  });
  await using endpoint = await startSecureEndpoint([files.listener]);
  const now = Date.now();
  const own = (commonName: string, validity = {}) =>
    authority.issueClientCertificate({ commonName }, validity);
  const cases: readonly (readonly [string, (identity: string) => unknown, RegExp | undefined])[] = [
    ['with its identity as CN', (identity) => own(identity), undefined],
    ['with its identity as SAN', (identity) => own('meter 7', { names: [identity] }), undefined],
    ['with its intermediate CA', (commonName) => middle.issueClientCertificate({ commonName }), undefined],
    [
      'without its intermediate CA, which is in the bundle',
      async (commonName) => leafOf(await middle.issueClientCertificate({ commonName })),
      undefined,
    ],
    [
      'with an intermediate CA that is not in the bundle',
      (commonName) => outside.issueClientCertificate({ commonName }),
      /its intermediate CA is not in the bundle/,
    ],
    ['none', () => undefined, /no-certificate/],
    ['of another station', () => clientCertificate('another'), /certificate-identity/],
    ['of another CA', (identity) => clientCertificate(identity, 'Another CA'), /its CA is not in the bundle/],
    ['of a CA itself', (identity) => testAuthority(identity), /signed by itself|not for clients/],
    ['of a server', () => serverCertificate(), /not for clients/],
    ['expired', (identity) => own(identity, { days: 1, from: now - 3 * DAY }), /has expired/],
    ['of tomorrow', (identity) => own(identity, { from: now + DAY }), /not valid yet/],
    ['revoked', () => revoked, /it is revoked/],
    [
      'of a revoked CA',
      (commonName) => lost.issueClientCertificate({ commonName }),
      /its CA .*Revoked CA is revoked/,
    ],
  ];
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [index, [name, make, refusal]] of cases.entries()) {
      const identity = `cp-${index}-${version.slice(-1)}`;
      const certificate = (await make(identity)) as IssuedCertificate | undefined;
      const before = endpoint.seen.length;
      const options = { minVersion: version, maxVersion: version };
      await using station = await SecureStation.open(endpoint.port, identity, certificate, options);
      t.is(station.status, refusal === undefined ? 101 : 401, `${version} ${name}`);
      if (refusal === undefined) continue;
      const lines = endpoint.seen.slice(before).filter((one) => one.startsWith('refused'));
      t.is(lines.length, 1, name);
      t.regex(lines[0] ?? '', refusal, `${version} ${name}`);
      t.notRegex(lines[0] ?? '', /PRIVATE KEY|MII/);
    }
  }
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const options = { minVersion: version, maxVersion: version };

  test(`a resumed session of ${version} is judged like a full handshake`, async (t) => {
    const authority = await testAuthority();
    const own = await clientCertificate('CP-1');
    const middle = await authority.createIntermediate('Stations CA');
    await using files = await mutualListener();
    await using endpoint = await startSecureEndpoint([files.listener]);
    const again = async (identity: string, certificate: IssuedCertificate | undefined) => {
      const first = await SecureStation.open(endpoint.port, identity, certificate, options);
      const session = await until(() => first.session, 'a session');
      await (first.status === 101 ? first.leave() : first[Symbol.asyncDispose]());
      const second = await SecureStation.open(endpoint.port, identity, certificate, { ...options, session });
      const result = [first.status, second.status, second.tls.isSessionReused()];
      await second[Symbol.asyncDispose]();
      return result;
    };
    t.deepEqual(await again('CP-1', own), [101, 101, true]);
    const below = await middle.issueClientCertificate({ commonName: 'CP-3' });
    t.deepEqual(
      await again('CP-3', below),
      [101, 101, true],
      'no list, so that an intermediate CA outside of the bundle will do',
    );
    // Of a resumed session of TLS 1.3 without a certificate, Node says that it is authorized.
    t.deepEqual((await again('CP-1', undefined)).slice(0, 2), [401, 401]);
    t.deepEqual((await again('CP-2', await clientCertificate('CP-2', 'Another CA'))).slice(0, 2), [401, 401]);
  });

  test(`a session of ${version} is not resumed after its certificate was revoked, nor on another listener`, async (t) => {
    const authority = await testAuthority();
    const own = await clientCertificate('CP-1');
    await using files = await mutualListener({ 'ca.crl': await authority.createRevocationList([]) });
    await using others = await mutualListener({}, {});
    await using endpoint = await startSecureEndpoint([files.listener, { ...others.listener, name: 'other' }]);
    const first = await SecureStation.open(endpoint.port, 'CP-1', own, options);
    const session = await until(() => first.session, 'a session');
    await using elsewhere = await SecureStation.open(endpoint.ports[1] ?? 0, 'CP-2', own, {
      ...options,
      session,
    });
    t.is(elsewhere.status, 401);
    t.false(elsewhere.tls.isSessionReused());
    const [{ certificate }, list] = [authority, await authority.createRevocationList([serialOf(own)])];
    await files.clientCa.replace({ 'ca.crt': certificate, 'ca.crl': list });
    t.is(await first.closeCode(), 1008);
    await using second = await SecureStation.open(endpoint.port, 'CP-1', own, { ...options, session });
    t.is(second.status, 401);
    t.regex(endpoint.seen.join('\n'), /refused 401 certificate .* it is revoked/);
  });
}

test('openssl sees which CAs a station needs, and connects without a certificate up to the HTTP layer', async (t) => {
  await using files = await mutualListener();
  await using endpoint = await startSecureEndpoint([files.listener]);
  const output = await openssl(
    endpoint.port,
    '-quiet -ign_eof',
    'GET /ocpp/CP-1 HTTP/1.1\r\nHost: x\r\n\r\n',
  );
  t.regex(output, /HTTP\/1\.1 426/);
  t.regex(await openssl(endpoint.port, ''), /Acceptable client certificate CA names[\s\S]*CN = Test CA/);
});
