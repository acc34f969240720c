/** Revocation lists: what is looked up in them, and which ones are refused. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { serialNumberOf } from '../../services/certificates/certificate-facts.ts';
import { RevocationLists } from '../../services/certificates/revocation-list.ts';
import { strictly } from '../../services/certificates/certificate-error.ts';
import { clientCertificate, testAuthority } from '../support/certificates.ts';

const DAY = 86_400_000;
const run = promisify(execFile);

const parsed = async (identity: string, authority?: string) =>
  new X509Certificate((await clientCertificate(identity, authority)).certificate);

const cas = async (...names: string[]) =>
  Promise.all(names.map(async (name) => new X509Certificate((await testAuthority(name)).certificate)));

test('a certificate is revoked if a list of its own issuer has its serial number', async (t) => {
  const [one, two] = [await testAuthority('One'), await testAuthority('Two')];
  const [a, b] = [await parsed('CP-1', 'One'), await parsed('CP-2', 'Two')];
  const pem =
    (await one.createRevocationList([serialNumberOf(a), serialNumberOf(b)])) +
    (await two.createRevocationList(['00ff', '7f'], { days: 3 }));
  const lists = RevocationLists.read(pem, await cas('One', 'Two'), strictly(Date.now()));
  t.true(lists.isRevoked(a));
  t.false(lists.isRevoked(b), 'the list of One is not about certificates of Two');
  t.false(lists.isRevoked(await parsed('CP-3', 'One')));
  const days = ((lists.nextUpdate ?? 0) - Date.now()) / DAY;
  t.true(days > 2.9 && days < 3, 'the earlier end of both');
});

test('a list of openssl, signed with RSA and with 20000 entries, is read', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'ocpp-openssl-'));
  try {
    const config = [
      '[ca]',
      'default_ca=own',
      '[own]',
      'database=index',
      'crlnumber=number',
      'default_md=sha384',
      'default_crl_days=5',
    ].join('\n');
    await writeFile(join(cwd, 'ca.cnf'), config);
    // More than the X.509 library reads; one with a reason, others with a first bit that would make them negative.
    const serials = Array.from({ length: 20_000 }, (_, index) =>
      (0xf0_00_00 + index).toString(16).toUpperCase(),
    );
    const rows = [
      'R\t350101000000Z\t250101000000Z,keyCompromise\t0A1B\tunknown\t/CN=x\n',
      ...serials.map((serial) => `R\t350101000000Z\t250101000000Z\t${serial}\tunknown\t/CN=y\n`),
    ];
    await writeFile(join(cwd, 'index'), rows.join(''));
    await writeFile(join(cwd, 'number'), '01\n');
    const openssl = (line: string) => run('openssl', line.split(' '), { cwd });
    await openssl('req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -days 9 -subj /O=Löwe/CN=R');
    await openssl('ca -config ca.cnf -gencrl -keyfile key.pem -cert ca.pem -out list.pem');
    await openssl('req -new -newkey rsa:2048 -nodes -keyout a.pem -out a.csr -subj /CN=CP-1');
    const ca = new X509Certificate(await readFile(join(cwd, 'ca.pem')));
    const lists = RevocationLists.read(
      await readFile(join(cwd, 'list.pem'), 'utf8'),
      [ca],
      strictly(Date.now()),
    );
    for (const [serial, revoked] of [
      ['0x0A1B', true],
      ['0xF04E1F', true],
      ['0xF04E20', false],
    ] as const) {
      await openssl(`x509 -req -in a.csr -CA ca.pem -CAkey key.pem -set_serial ${serial} -out a.crt`);
      t.is(lists.isRevoked(new X509Certificate(await readFile(join(cwd, 'a.crt')))), revoked, serial);
    }
  } finally {
    await rm(cwd, { recursive: true });
  }
});

test('a list that cannot be trusted is refused with what is wrong', async (t) => {
  const authority = await testAuthority();
  const good = await authority.createRevocationList(['01']);
  const changed = Buffer.from(good.replaceAll(/-----.*-----/g, ''), 'base64');
  changed[changed.indexOf(Buffer.from('020101', 'hex')) + 2] = 2;
  const pem = (bytes: Buffer) =>
    `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`;
  const now = Date.now();
  const cases: readonly (readonly [name: string, pem: string, message: RegExp])[] = [
    ['nothing', '', /holds no revocation list/],
    ['a certificate', authority.certificate, /holds no revocation list/],
    ['not Base64', pem(Buffer.from('hello')), /list 1 of 1 cannot be read/],
    ['cut', good + pem(changed.subarray(0, 100)), /list 2 of 2 cannot be read/],
    ['changed', pem(changed), /signature that is not of the CA/],
    ['of another CA', await (await testAuthority('Another')).createRevocationList([]), /not of a CA of the/],
    ['expired', await authority.createRevocationList([], { days: 1, from: now - 2 * DAY }), /expired at 20/],
    ['of tomorrow', await authority.createRevocationList([], { from: now + DAY }), /check the clocks/],
  ];
  for (const [name, text, message] of cases) {
    const reading = () =>
      RevocationLists.read(text, [new X509Certificate(authority.certificate)], strictly(now), 'ca.crl');
    const error = t.throws(reading, { name: 'CertificateError', message }, name);
    t.true(error?.message.startsWith('ca.crl'), name);
  }
});

test('a list of any bytes is read or refused, and nothing else', async (t) => {
  const authority = await testAuthority();
  const issuer = new X509Certificate(authority.certificate);
  const good = Buffer.from(
    (await authority.createRevocationList(['01', 'ff'])).replaceAll(/-----.*-----/g, ''),
    'base64',
  );
  for (let index = 0; index < good.length; index++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const bytes = Buffer.from(good);
      bytes[index] = (bytes[index] ?? 0) ^ flip;
      const text = `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`;
      const error = t.throws(() => RevocationLists.read(text, [issuer], strictly(Date.now())));
      if (error?.name !== 'CertificateError') t.fail(`byte ${index}: ${error?.stack}`);
    }
  }
});
