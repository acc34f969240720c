/** A certificate signing request (PKCS #10) as a station sends it: who it says it is, its key, and that it has the private key. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Pkcs10CertificateRequest } from '@peculiar/x509';
import { CertificateError } from './certificate-error.ts';
import { nameOfKey, weaknessOf } from './keys.ts';
import { loadX509 } from './x509-library.ts';

export interface SigningRequest {
  /** One line: `CN=CP-1, O=ACME`. */
  readonly subject: string;
  /** '' without one. */
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly publicKey: KeyObject;
  /** "RSA 2048", "ECDSA prime256v1". */
  readonly keyName: string;
  /** What is wrong with the key; undefined for a good one. */
  readonly weakness: string | undefined;
}

/** Characters at most: a request with an RSA key of 4096 bits has about 1700 (2.0.1 SignCertificate allows 5500). */
const MAX_REQUEST = 10_000;

/** @throws CertificateError when it cannot be read, or was not signed with the private key of its public key */
export async function readCsr(pem: string): Promise<SigningRequest> {
  const { Pkcs10CertificateRequest } = await loadX509();
  if (pem.length > MAX_REQUEST) throw unreadable(`it has more than ${MAX_REQUEST} characters`);
  let request: Pkcs10CertificateRequest;
  let publicKey: KeyObject;
  try {
    request = new Pkcs10CertificateRequest(pem);
    publicKey = createPublicKey({
      key: Buffer.from(request.publicKey.rawData),
      format: 'der',
      type: 'spki',
    });
  } catch {
    throw unreadable('send PKCS #10 as PEM text or Base64');
  }
  if (!(await isSignedByItself(request))) {
    throw new CertificateError(
      'the signature of the certificate signing request is wrong; sign it with the private key of its public key',
    );
  }
  return {
    subject: request.subject,
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    publicKey,
    keyName: nameOfKey(publicKey),
    weakness: weaknessOf(publicKey),
  };
}

async function isSignedByItself(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    // A key or a digest that Web Crypto does not have.
    return false;
  }
}

const unreadable = (what: string) =>
  new CertificateError(`the certificate signing request cannot be read; ${what}`);
