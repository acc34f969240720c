/** Keys as Node has them, and as the X.509 library wants them; which keys are strong enough. */
import { generateKeyPair, type KeyObject, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';

export type KeyKind = 'ecdsa' | 'rsa';

/** Bits of an RSA key, and of an elliptic curve, at least: the strength that OCPP asks for (112 bits) has these. */
export const MIN_RSA_BITS = 2048;
export const MIN_CURVE_BITS = 224;

/** Curves that TLS stacks of stations know, with the digest of their strength. */
const CURVES: Readonly<
  Record<string, { readonly curve: string; readonly hash: string; readonly bits: number }>
> = {
  prime256v1: { curve: 'P-256', hash: 'SHA-256', bits: 256 },
  secp384r1: { curve: 'P-384', hash: 'SHA-384', bits: 384 },
  secp521r1: { curve: 'P-521', hash: 'SHA-512', bits: 521 },
};

const generate = promisify(generateKeyPair);

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function generateKeys(kind: KeyKind): Promise<KeyPair> {
  return kind === 'rsa'
    ? generate('rsa', { modulusLength: MIN_RSA_BITS })
    : generate('ec', { namedCurve: 'prime256v1' });
}

/** "RSA 2048", "ECDSA prime256v1": for messages. */
export function nameOfKey(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return `RSA ${modulusLength}`;
  if (key.asymmetricKeyType === 'ec') return `ECDSA ${namedCurve}`;
  return key.asymmetricKeyType ?? 'unknown';
}

/** What is wrong with a key; undefined for a good one. Ed25519 and its kin are left out: TLS of stations seldom knows them. */
export function weaknessOf(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') {
    return modulusLength >= MIN_RSA_BITS
      ? undefined
      : `the RSA key has ${modulusLength} bits; use ${MIN_RSA_BITS} or more`;
  }
  if (key.asymmetricKeyType !== 'ec') return `the key is ${nameOfKey(key)}; use RSA or ECDSA`;
  return (CURVES[namedCurve]?.bits ?? 0) >= MIN_CURVE_BITS
    ? undefined
    : `the curve of the key is ${namedCurve}; use P-256, P-384 or P-521`;
}

/** How a key signs. */
export function signingAlgorithm(key: KeyObject): { readonly name: string; readonly hash: string } {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return { name: 'ECDSA', hash: CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']?.hash ?? 'SHA-256' };
}

export function importPrivateKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), importParameters(key), false, ['sign']);
}

export function importPublicKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'spki', format: 'der' });
  return webcrypto.subtle.importKey('spki', new Uint8Array(der), importParameters(key), true, ['verify']);
}

function importParameters(key: KeyObject): { name: string; hash: string; namedCurve: string } {
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']?.curve ?? 'P-256';
  return { ...signingAlgorithm(key), namedCurve: curve };
}
