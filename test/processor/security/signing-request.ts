/** Certificate signing requests as stations make them. */
import type { JsonGeneralNames } from '@peculiar/x509';
import { generateKeyPairSync, type KeyObject, type webcrypto } from 'node:crypto';
import { importPrivateKey, importPublicKey, signingAlgorithm } from '../../../services/certificates/keys.ts';
import { loadX509 } from '../../../services/certificates/x509-library.ts';

export interface StationKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const ecKey = (namedCurve = 'P-256'): StationKey => generateKeyPairSync('ec', { namedCurve });
export const rsaKey = (modulusLength: number): StationKey => generateKeyPairSync('rsa', { modulusLength });

export interface MoreNames {
  readonly commonNames?: readonly string[];
  /** Alternative names, in a list of extensions each. */
  readonly lists?: readonly JsonGeneralNames[];
  /** DER of an alternative name extension. */
  readonly raw?: string;
}

/** PEM. @param signer by default the key itself */
export async function signingRequest(
  commonName: string,
  organization = 'ACME',
  key = ecKey(),
  signer = key,
  { commonNames = [], lists = [], raw }: MoreNames = {},
): Promise<string> {
  const x509 = await loadX509();
  const extensions = lists.map((names) => [new x509.SubjectAlternativeNameExtension(names)]);
  const rawExtension = raw !== undefined && [new x509.Extension('2.5.29.17', false, Buffer.from(raw, 'hex'))];
  const keys: webcrypto.CryptoKeyPair = {
    privateKey: await importPrivateKey(signer.privateKey),
    publicKey: await importPublicKey(key.publicKey),
  };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: [organization] }, ...[commonName, ...commonNames].map((name) => ({ CN: [name] }))],
    attributes: [...extensions, ...(rawExtension ? [rawExtension] : [])].map(
      (list) => new x509.ExtensionsAttribute(list),
    ),
    keys,
    signingAlgorithm: signingAlgorithm(key.privateKey),
  });
  return request.toString('pem');
}
