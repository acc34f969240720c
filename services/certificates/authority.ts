/**
 * A certificate authority in the process: it signs requests of stations (the internal authority of the processor) and issues
 * certificates and revocation lists for `npm start` and tests. It keeps no list of what it has signed.
 */
import { createPrivateKey, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Extension, Name } from '@peculiar/x509';
import { CertificateError } from './certificate-error.ts';
import { isSelfSigned, normalSerial, readBundle } from './certificate-facts.ts';
import { readCsr } from './csr.ts';
import { generateKeys, importPrivateKey, importPublicKey, type KeyKind, signingAlgorithm } from './keys.ts';
import { loadX509 } from './x509-library.ts';

export interface IssuedCertificate {
  /** PEM: the certificate, then those of its issuers without the root. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** Who a certificate is for. */
export interface Subject {
  readonly commonName: string;
  readonly organization?: string;
}

export type Usage = 'client' | 'server';

export interface Validity {
  readonly days: number;
  /** ms since 1970; by default a few minutes ago, as clocks differ. */
  readonly from?: number;
}

interface Issue extends Validity {
  readonly subject: Subject;
  readonly publicKey: KeyObject;
  readonly usage: Usage | 'authority';
  /** DNS names and IP addresses. */
  readonly names?: readonly string[];
}

const DAY = 86_400_000;
/** How far the beginning of a certificate is set back, for stations whose clock is late; ms. */
const BACKDATED = 10 * 60_000;
const SERIAL_BYTES = 16;
const DAYS_OF_AUTHORITY = 3650;
const PURPOSE = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;

export class Authority implements IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly #own: X509Certificate;
  readonly #privateKey: KeyObject;

  /** @throws CertificateError when they cannot be read, do not belong together, or are not those of an authority */
  constructor({ certificate, key }: IssuedCertificate) {
    const [own] = readBundle(certificate, 'the certificate of the authority');
    if (own === undefined || !own.ca) throw wrong('it is not a CA certificate (basic constraints)');
    this.#privateKey = readKey(key);
    if (!own.checkPrivateKey(this.#privateKey)) throw wrong('its private key belongs to another certificate');
    this.#own = own;
    this.certificate = certificate;
    this.key = key;
  }

  /**
   * Signs a request: the key is the request's, the subject is the caller's decision.
   * @returns PEM: the certificate, then those of the authority without the root
   * @throws CertificateError for a bad request or a weak key
   */
  async sign({
    csr,
    ...rest
  }: Validity & { readonly csr: string; readonly subject: Subject; readonly usage: Usage }): Promise<string> {
    const { publicKey, weakness } = await readCsr(csr);
    if (weakness !== undefined) throw new CertificateError(`the certificate signing request: ${weakness}`);
    return this.#chain(await this.#issue({ ...rest, publicKey }));
  }

  /** @param names DNS names and IP addresses; the first is the common name too */
  async issueServerCertificate(
    names: readonly string[],
    { kind = 'ecdsa', days = 90, ...rest }: Partial<Validity> & { readonly kind?: KeyKind } = {},
  ): Promise<IssuedCertificate> {
    const subject = { commonName: names[0] ?? '' };
    return this.#issueWithKey(kind, { subject, names, usage: 'server', days, ...rest });
  }

  async issueClientCertificate(
    subject: Subject,
    {
      kind = 'ecdsa',
      days = 365,
      ...rest
    }: Partial<Validity> & { readonly kind?: KeyKind; readonly names?: readonly string[] } = {},
  ): Promise<IssuedCertificate> {
    return this.#issueWithKey(kind, { subject, usage: 'client', days, ...rest });
  }

  /** An authority below this one. */
  async createIntermediate(
    name: string,
    { days = DAYS_OF_AUTHORITY, ...rest }: Partial<Validity> = {},
  ): Promise<Authority> {
    const issue = { subject: { commonName: name }, usage: 'authority', days, ...rest } as const;
    return new Authority(await this.#issueWithKey('ecdsa', issue));
  }

  /**
   * A revocation list (PEM).
   * @param serialNumbers hexadecimal, of the revoked certificates
   */
  async createRevocationList(
    serialNumbers: readonly string[],
    {
      days = 7,
      from = Date.now() - BACKDATED,
      number = from,
    }: Partial<Validity> & { readonly number?: number } = {},
  ): Promise<string> {
    const x509 = await loadX509();
    const list = await x509.X509CrlGenerator.create({
      issuer: await nameOf(this.#own),
      thisUpdate: new Date(from),
      nextUpdate: new Date(from + days * DAY),
      entries: serialNumbers.map((serialNumber) => ({
        serialNumber: evenHex(normalSerial(serialNumber)),
        revocationDate: new Date(from),
        // Without a reason the library writes an empty list of extensions, which RFC 5280 forbids.
        reason: x509.X509CrlReason.privilegeWithdrawn,
      })),
      extensions: [
        await x509.AuthorityKeyIdentifierExtension.create(await importPublicKey(this.#own.publicKey)),
        new x509.Extension(CRL_NUMBER, false, new Uint8Array(derInteger(number))),
      ],
      signingKey: await importPrivateKey(this.#privateKey),
      signingAlgorithm: signingAlgorithm(this.#privateKey),
    });
    return x509.PemConverter.encode(list.rawData, 'X509 CRL');
  }

  async #issueWithKey(kind: KeyKind, issue: Omit<Issue, 'publicKey'>): Promise<IssuedCertificate> {
    const { privateKey, publicKey } = await generateKeys(kind);
    const certificate = this.#chain(await this.#issue({ ...issue, publicKey }));
    return { certificate, key: pemOf(privateKey) };
  }

  async #issue(issue: Issue): Promise<string> {
    const issuer = await nameOf(this.#own);
    return issueCertificate(issue, { issuer, key: this.#privateKey, publicKey: this.#own.publicKey });
  }

  #chain(certificate: string): string {
    const issuers = readBundle(this.certificate).filter((one) => !isSelfSigned(one));
    return [certificate, ...issuers.map(String)].map((pem) => `${pem.trim()}\n`).join('');
  }
}

/** A new root authority. */
export async function createAuthority(
  name: string,
  { kind = 'ecdsa', days = DAYS_OF_AUTHORITY, ...rest }: Partial<Validity> & { readonly kind?: KeyKind } = {},
): Promise<Authority> {
  const { privateKey, publicKey } = await generateKeys(kind);
  const subject = { commonName: name };
  const issue: Issue = { subject, publicKey, usage: 'authority', days, ...rest };
  const certificate = await issueCertificate(issue, {
    issuer: await nameOfSubject(subject),
    key: privateKey,
    publicKey,
  });
  return new Authority({ certificate: `${certificate}\n`, key: pemOf(privateKey) });
}

interface Issuer {
  readonly issuer: Name;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

async function issueCertificate(issue: Issue, { issuer, key, publicKey }: Issuer): Promise<string> {
  const x509 = await loadX509();
  const { from = Date.now() - BACKDATED, days, subject } = issue;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: await nameOfSubject(subject),
    issuer,
    notBefore: new Date(from),
    notAfter: new Date(from + days * DAY),
    publicKey: await importPublicKey(issue.publicKey),
    signingKey: await importPrivateKey(key),
    signingAlgorithm: signingAlgorithm(key),
    extensions: await extensionsOf(issue, publicKey),
  });
  return certificate.toString('pem');
}

async function extensionsOf(
  { usage, names = [], publicKey }: Issue,
  issuerKey: KeyObject,
): Promise<Extension[]> {
  const x509 = await loadX509();
  const flags = x509.KeyUsageFlags;
  const isAuthority = usage === 'authority';
  // A key of RSA also decrypts the secret of the suites TLS_RSA that OCPP names.
  const ofServer = publicKey.asymmetricKeyType === 'rsa' && usage === 'server' ? flags.keyEncipherment : 0;
  const alternative = names.map((value) => ({
    type: isIP(value) > 0 ? ('ip' as const) : ('dns' as const),
    value,
  }));
  return [
    new x509.BasicConstraintsExtension(isAuthority, undefined, true),
    new x509.KeyUsagesExtension(
      isAuthority ? flags.keyCertSign | flags.cRLSign : flags.digitalSignature | ofServer,
      true,
    ),
    await x509.SubjectKeyIdentifierExtension.create(await importPublicKey(publicKey)),
    await x509.AuthorityKeyIdentifierExtension.create(await importPublicKey(issuerKey)),
    ...(isAuthority ? [] : [new x509.ExtendedKeyUsageExtension([PURPOSE[usage]])]),
    ...(alternative.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternative)]),
  ];
}

/** Each value typed: a plain text is parsed by the library, so that `a"b"` would become `b`. */
async function nameOfSubject({ commonName, organization }: Subject): Promise<Name> {
  const { Name: Parsed } = await loadX509();
  return new Parsed([
    ...(organization === undefined ? [] : [{ O: [{ utf8String: organization }] }]),
    { CN: [{ utf8String: commonName }] },
  ]);
}

/** The subject of a certificate with its bytes as they are: OpenSSL compares them with the issuer of another one. */
async function nameOf(certificate: X509Certificate): Promise<Name> {
  const { X509Certificate: Parsed } = await loadX509();
  return new Parsed(new Uint8Array(certificate.raw)).subjectName;
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw wrong('its private key cannot be read; it must be PEM text without a passphrase');
  }
}

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Positive, and never with a leading zero: it is compared as text in places. */
function newSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

const CRL_NUMBER = '2.5.29.20';

/** DER of a positive INTEGER. */
function derInteger(value: number): Buffer {
  const content = Buffer.from(evenHex(`00${value.toString(16)}`), 'hex');
  return Buffer.concat([Buffer.from([2, content.length]), content]);
}

const evenHex = (digits: string) => (digits.length % 2 === 0 ? digits : `0${digits}`);

const wrong = (what: string) => new CertificateError(`the certificate of the authority: ${what}`);
