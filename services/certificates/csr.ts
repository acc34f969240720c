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
  /** What it names beside the common name, in words: further common names, and alternative names of any kind. */
  readonly otherNames: readonly string[];
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
  let alternativeNames: readonly string[];
  try {
    request = new Pkcs10CertificateRequest(pem);
    publicKey = createPublicKey({
      key: Buffer.from(request.publicKey.rawData),
      format: 'der',
      type: 'spki',
    });
    alternativeNames = await alternativeNamesIn(request);
  } catch {
    throw unreadable('send PKCS #10 as PEM text or Base64');
  }
  if (!(await isSignedByItself(request))) {
    throw new CertificateError(
      'the signature of the certificate signing request is wrong; sign it with the private key of its public key',
    );
  }
  const [commonName = '', ...others] = request.subjectName.getField('CN');
  return {
    subject: request.subject,
    commonName,
    otherNames: [...others, ...alternativeNames],
    organizations: request.subjectName.getField('O'),
    publicKey,
    keyName: nameOfKey(publicKey),
    weakness: weaknessOf(publicKey),
  };
}

/** Where authorities look for extensions: PKCS #9, and the older one of Microsoft, which OpenSSL reads too. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const OLD_EXTENSION_REQUEST = '1.3.6.1.4.1.311.2.1.14';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
/** Stands for what is not read here. An authority may read it. */
const UNUSUAL = 'extensions in an unusual form';

/** An authority may copy them: each counts, also in a second list, and what the library would skip. */
async function alternativeNamesIn(request: Pkcs10CertificateRequest): Promise<readonly string[]> {
  const { ExtensionsAttribute, SubjectAlternativeNameExtension } = await loadX509();
  const lists = request.attributes.filter(({ type }) =>
    [EXTENSION_REQUEST, OLD_EXTENSION_REQUEST].includes(type),
  );
  return lists.flatMap((list) => {
    if (!(list instanceof ExtensionsAttribute) || list.values.length !== 1) return UNUSUAL;
    const extensions = list.items.filter(({ type }) => type === SUBJECT_ALTERNATIVE_NAME);
    return extensions.flatMap((extension) => {
      if (!(extension instanceof SubjectAlternativeNameExtension)) return UNUSUAL;
      const names = extension.names.toJSON();
      const same = Buffer.from(new SubjectAlternativeNameExtension(names).value);
      const texts = names.map(({ type, value }) => (type === 'dns' ? value : `${type} ${value}`));
      return same.equals(Buffer.from(extension.value)) ? texts : UNUSUAL;
    });
  });
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
