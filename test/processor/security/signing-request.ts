/** Certificate signing requests as stations make them. */
import { generateKeyPairSync, type KeyObject, type webcrypto } from 'node:crypto';
import { importPrivateKey, importPublicKey, signingAlgorithm } from '../../../services/certificates/keys.ts';
import { loadX509 } from '../../../services/certificates/x509-library.ts';

export interface StationKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const ecKey = (namedCurve = 'P-256'): StationKey => generateKeyPairSync('ec', { namedCurve });
export const rsaKey = (modulusLength: number): StationKey => generateKeyPairSync('rsa', { modulusLength });

/** PEM. @param signer by default the key itself */
export async function signingRequest(
  commonName: string,
  organization = 'ACME',
  key = ecKey(),
  signer = key,
): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await loadX509();
  const keys: webcrypto.CryptoKeyPair = {
    privateKey: await importPrivateKey(signer.privateKey),
    publicKey: await importPublicKey(key.publicKey),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ O: [organization] }, { CN: [commonName] }],
    keys,
    signingAlgorithm: signingAlgorithm(key.privateKey),
  });
  return request.toString('pem');
}
