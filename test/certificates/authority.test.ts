/** The authority, checked by another implementation: the openssl command. */
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { Authority, createAuthority } from '../../services/certificates/authority.ts';
import { factsOf, readBundle } from '../../services/certificates/certificate-facts.ts';
import { readCsr } from '../../services/certificates/csr.ts';
import { clientCertificate, serverCertificate, testAuthority } from '../support/certificates.ts';

const run = promisify(execFile);

/** Runs openssl in a folder with these files; its whole output. */
async function openssl(files: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'ocpp-openssl-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
    const { stdout, stderr } = await run('openssl', args, { cwd });
    return stdout + stderr;
  } finally {
    await rm(cwd, { recursive: true });
  }
}

async function request(subject: string, ...key: string[]): Promise<{ csr: string; key: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'ocpp-openssl-'));
  try {
    const files = ['-keyout', 'key.pem', '-out', 'csr.pem'];
    await run('openssl', ['req', '-new', '-nodes', '-utf8', '-subj', subject, '-newkey', ...key, ...files], {
      cwd,
    });
    const [csr = '', pem = ''] = await Promise.all(
      ['csr.pem', 'key.pem'].map((name) => readFile(join(cwd, name), 'utf8')),
    );
    return { csr, key: pem };
  } finally {
    await rm(cwd, { recursive: true });
  }
}

const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

test('openssl accepts the certificates of server and station, each for its purpose only', async (t) => {
  const { certificate: ca } = await testAuthority();
  const files = {
    'ca.pem': ca,
    'ecdsa.pem': (await serverCertificate()).certificate,
    'rsa.pem': (await serverCertificate('rsa')).certificate,
    'station.pem': (await clientCertificate('CP-1')).certificate,
  };
  const verify = (purpose: string, ...names: string[]) =>
    openssl(files, 'verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'ca.pem', ...names);
  t.is(await verify('sslserver', 'ecdsa.pem', 'rsa.pem'), 'ecdsa.pem: OK\nrsa.pem: OK\n');
  t.is(await verify('sslclient', 'station.pem'), 'station.pem: OK\n');
  await t.throwsAsync(verify('sslclient', 'ecdsa.pem'), { message: /unsuitable certificate purpose/i });
});

test('a certificate below an intermediate authority comes with it, and without the root', async (t) => {
  const root = await testAuthority();
  const middle = await root.createIntermediate('Stations CA');
  const { certificate } = await middle.issueClientCertificate({ commonName: 'CP-1' });
  t.deepEqual(
    readBundle(certificate).map((one) => factsOf(one).commonName),
    ['CP-1', 'Stations CA'],
  );
  const files = { 'ca.pem': root.certificate, 'chain.pem': certificate };
  const args = ['-CAfile', 'ca.pem', '-untrusted', 'chain.pem', 'chain.pem'];
  t.is(await openssl(files, 'verify', '-x509_strict', ...args), 'chain.pem: OK\n');
});

test('openssl accepts a revocation list and finds the certificate in it', async (t) => {
  const authority = await testAuthority();
  const { certificate } = await clientCertificate('CP-1');
  const { serialNumber } = new X509Certificate(certificate);
  const files = {
    'ca.pem': authority.certificate,
    'station.pem': certificate,
    'empty.pem': await authority.createRevocationList([]),
    'full.pem': await authority.createRevocationList(['01', serialNumber, 'ff']),
  };
  const verify = (list: string) =>
    openssl(files, 'verify', '-CAfile', 'ca.pem', '-crl_check', '-CRLfile', list, 'station.pem');
  t.is(await verify('empty.pem'), 'station.pem: OK\n');
  await t.throwsAsync(verify('full.pem'), { message: /certificate revoked/ });
  const text = await openssl(files, 'crl', '-in', 'full.pem', '-noout', '-text', '-CAfile', 'ca.pem');
  t.regex(text, /verify OK/);
  t.regex(text, /X509v3 CRL Number/);
});

for (const [name, key] of [
  ['ECDSA', EC],
  ['RSA', ['rsa:2048']],
] as const) {
  test(`a request of openssl with ${name} is signed for the subject that the caller decides`, async (t) => {
    const { csr, key: pem } = await request('/O=Evil/CN=another', ...key);
    const authority = await testAuthority();
    const subject = { commonName: 'CP/1,O=x', organization: 'ACME' };
    const certificate = await authority.sign({ csr, subject, days: 30, usage: 'client' });
    const [leaf] = readBundle(certificate);
    const facts = factsOf(leaf as X509Certificate);
    t.is(facts.commonName, 'CP/1,O=x');
    t.deepEqual(facts.organizations, ['ACME']);
    t.is(Math.round((facts.notAfter - facts.notBefore) / 86_400_000), 30);
    t.true(leaf?.checkPrivateKey(createPrivateKey(pem)));
    const files = { 'ca.pem': authority.certificate, 'c.pem': certificate };
    t.regex(await openssl(files, 'verify', '-purpose', 'sslclient', '-CAfile', 'ca.pem', 'c.pem'), /OK/);
  });
}

test('a request says who it is for and which key it has', async (t) => {
  const { csr } = await request('/O=ACME/CN=CP-1', ...EC);
  const { publicKey, ...rest } = await readCsr(csr);
  t.is(publicKey.asymmetricKeyType, 'ec');
  t.deepEqual(rest, {
    subject: 'O=ACME, CN=CP-1',
    commonName: 'CP-1',
    otherNames: [],
    organizations: ['ACME'],
    keyName: 'ECDSA prime256v1',
    weakness: undefined,
  });
});

test('the names of a request are read as they are, whatever their characters', async (t) => {
  for (const name of ['CP-1, O=Other', 'a"CP-2"', '#0401', 'Löwe', 'a\\b']) {
    const { csr } = await request(`/CN=${name.replaceAll('\\', '\\\\')}`, ...EC);
    t.is((await readCsr(csr)).commonName, name);
  }
});

test('a bad request is refused with what is wrong', async (t) => {
  const authority = await testAuthority();
  const { csr } = await request('/CN=CP-1', ...EC);
  const { csr: weak } = await request('/CN=CP-1', 'rsa:1024');
  const der = Buffer.from(csr.replaceAll(/-----.*-----/g, ''), 'base64');
  const last = der.length - 1;
  der[last] = (der[last] ?? 0) ^ 1;
  const cases: readonly (readonly [csr: string, message: RegExp])[] = [
    ['', /cannot be read; send PKCS #10/],
    ['-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----', /cannot be read/],
    [authority.certificate, /cannot be read/],
    ['A'.repeat(20_000), /more than 10000 characters/],
    [der.toString('base64'), /the signature .* is wrong/],
    [weak, /the RSA key has 1024 bits; use 2048 or more/],
  ];
  for (const [text, message] of cases) {
    const signing = authority.sign({ csr: text, subject: { commonName: 'x' }, days: 1, usage: 'client' });
    await t.throwsAsync(signing, { name: 'CertificateError', message });
  }
});

test('an authority needs a CA certificate and the key of it', async (t) => {
  const { certificate, key } = await createAuthority('One');
  const other = await createAuthority('Two');
  const station = await other.issueClientCertificate({ commonName: 'CP-1' });
  t.notThrows(() => new Authority({ certificate, key }));
  const cases = [
    [{ certificate, key: other.key }, /private key belongs to another certificate/],
    [station, /not a CA certificate/],
    [{ certificate, key: 'nothing' }, /private key cannot be read/],
    [{ certificate: 'nothing', key }, /holds no certificate/],
  ] as const;
  for (const [pair, message] of cases)
    t.throws(() => new Authority(pair), { name: 'CertificateError', message });
});
