/** What is read from certificates: names that look like syntax, serial numbers, bundles with a bad block. */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { factsOf, normalSerial, readBundle } from '../../services/certificates/certificate-facts.ts';
import { serverCertificate, testAuthority } from '../support/certificates.ts';

test('names of a certificate are read as they are, whatever their characters', async (t) => {
  const authority = await testAuthority();
  for (const [commonName, organization] of [
    ['CP-1', 'ACME'],
    ['CP-1, O=Other', 'Löwe & Söhne GmbH'],
    ['CP/1+CN=x', 'a\\b"c"'],
    ['CP-1\nO=Other', '充电'],
    ['*', '#0401'],
  ] as const) {
    const { certificate } = await authority.issueClientCertificate({ commonName, organization });
    const facts = factsOf(new X509Certificate(certificate));
    t.is(facts.commonName, commonName);
    t.deepEqual(facts.organizations, [organization]);
    t.deepEqual(facts.names, []);
    t.notRegex(facts.subject, /\n/);
  }
});

test('only DNS names count of the alternative names, and one that needs quotes counts as none', async (t) => {
  const authority = await testAuthority();
  const namesOf = async (...names: string[]) => {
    const { certificate } = await authority.issueClientCertificate({ commonName: 'x' }, { names });
    return factsOf(new X509Certificate(certificate)).names;
  };
  t.deepEqual(await namesOf('cp-1.example', '192.0.2.7', 'CP-2', '2001:db8::1'), ['cp-1.example', 'CP-2']);
  t.deepEqual(await namesOf('other, DNS=CP-1'), []);
  t.deepEqual(await namesOf('other, DNS:CP-1'), []);
});

test('a serial number has one form', (t) => {
  for (const [text, form] of [
    ['0a1b', 'A1B'],
    ['0A:1B', 'A1B'],
    [' 0a 1b ', 'A1B'],
    ['00-0A-1B', 'A1B'],
    ['00', '0'],
  ] as const)
    t.is(normalSerial(text), form);
});

test('a bundle is read in its order, with comments, and an error names the block', async (t) => {
  const [{ certificate: one }, { certificate: two }] = [await testAuthority(), await serverCertificate()];
  const names = (pem: string) => readBundle(pem).map((certificate) => factsOf(certificate).commonName);
  t.deepEqual(names(`# the first\n${one}\r\n# the second\n${two}`), ['Test CA', 'localhost']);
  const broken = two.replace(/\n[^\n]{20}/, '\n');
  t.throws(() => readBundle(one + broken, 'ca.crt'), {
    name: 'CertificateError',
    message: /^ca\.crt: certificate 2 of 2 cannot be read/,
  });
  t.throws(() => readBundle('hello', 'ca.crt'), { message: /^ca\.crt holds no certificate/ });
});
