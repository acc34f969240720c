/**
 * What the access rules ask about a certificate, read by Node: no ASN.1 is parsed for each handshake. And the reading of a PEM
 * bundle, block by block, so that an error names the block.
 */
import { X509Certificate } from 'node:crypto';
import { CertificateError } from './certificate-error.ts';

export interface CertificateFacts {
  /** One line, the most specific part first: `CN=CP-1, O=ACME`. */
  readonly subject: string;
  /** '' without one; the first of several. */
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** The DNS names of the subject alternative name. */
  readonly names: readonly string[];
  /** Upper-case hexadecimal, without leading zeros. */
  readonly serialNumber: string;
  readonly issuer: string;
  /** SHA-256 of the certificate: `AB:CD:…`. */
  readonly fingerprint256: string;
  /** ms since 1970 */
  readonly notBefore: number;
  readonly notAfter: number;
}

export function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    ...namesOf(certificate),
    names: dnsNames(certificate.subjectAltName),
    serialNumber: serialNumberOf(certificate),
    issuer: oneLine(certificate.issuer),
    fingerprint256: certificate.fingerprint256,
    ...validityOf(certificate),
  };
}

/** All of them; rarely more than one. */
export function commonNamesOf(certificate: X509Certificate): readonly string[] {
  return textsOf(certificate.toLegacyObject().subject?.CN);
}

type Names = Pick<CertificateFacts, 'commonName' | 'organizations'>;

function namesOf(certificate: X509Certificate): Names {
  const text = certificate.subject ?? '';
  // With escaped characters (RFC 2253), or several attributes in one line. This object costs 50 µs.
  if (/[\\+"]/.test(text)) {
    const { subject } = certificate.toLegacyObject();
    return { commonName: textsOf(subject?.CN)[0] ?? '', organizations: textsOf(subject?.O) };
  }
  const lines = text.split('\n');
  const valuesOf = (name: string) =>
    lines.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length));
  return { commonName: valuesOf('CN=')[0] ?? '', organizations: valuesOf('O=') };
}

export function serialNumberOf({ serialNumber }: X509Certificate): string {
  return normalSerial(serialNumber);
}

/** A serial number in the one form that is compared and stored; separators as people copy them are left out. */
export function normalSerial(text: string): string {
  return text
    .replaceAll(/[:\s-]/g, '')
    .toUpperCase()
    .replace(/^0+(?=.)/, '');
}

export function validityOf({ validFrom, validTo }: X509Certificate): { notBefore: number; notAfter: number } {
  return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
}

/** Whether an issuer has issued and signed a certificate. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return isIssuedBy(certificate, certificate);
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** The blocks of a PEM text with the name of each: CERTIFICATE, X509 CRL. Text between them is a comment. */
export function pemBlocks(pem: string): { readonly name: string; readonly text: string }[] {
  return [...pem.matchAll(BLOCK)].map(([text, name = '']) => ({ name, text }));
}

/**
 * The certificates of a PEM text, in their order.
 * @param what for errors: a file
 * @throws CertificateError when there is none, or one cannot be read
 */
export function readBundle(pem: string, what = 'the bundle'): X509Certificate[] {
  const blocks = pemBlocks(pem).filter(({ name }) => name.endsWith('CERTIFICATE'));
  if (blocks.length === 0) {
    throw new CertificateError(
      `${what} holds no certificate; it must be PEM text (-----BEGIN CERTIFICATE-----)`,
    );
  }
  return blocks.map(({ text }, index) => {
    try {
      return new X509Certificate(text);
    } catch {
      const which = `certificate ${index + 1} of ${blocks.length}`;
      throw new CertificateError(`${what}: ${which} cannot be read; replace it, it may be cut or not Base64`);
    }
  });
}

const oneLine = (name: string | undefined) => (name ?? '').split('\n').toReversed().join(', ');

const textsOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** Node quotes a name with a comma or a quote as JSON: `DNS:"a, b"`. Such a name is no DNS name and is left out. */
function dnsNames(alternativeName: string | undefined): string[] {
  if (alternativeName === undefined || alternativeName.includes('"')) return [];
  return alternativeName
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length));
}
