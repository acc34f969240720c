/**
 * Which TLS a listener speaks: versions, and the suites of TLS 1.2. Those of TLS 1.3 are all good and are OpenSSL's.
 */
import { constants } from 'node:crypto';
import { getCiphers, type SecureContextOptions } from 'node:tls';
import { CertificateError } from '../../certificates/certificate-error.ts';
import type { ListenerTls } from '../station-listener.ts';

/**
 * OCPP names four suites that a CSMS must have (2.0.1 A00.FR.318): two of ECDHE with ECDSA, and two of TLS_RSA. The latter have no
 * forward secrecy, so a station with an RSA certificate of ours is offered ECDHE first, and gets TLS_RSA only if it knows nothing else.
 */
export const DEFAULT_SUITES = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
] as const;

const TLS13_SUITES = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];

/** Without authentication of the server, without encryption, or with a shared key that we do not have. */
const USELESS = /^(ADH|AECDH|PSK|SRP|NULL)|-NULL-|PSK|SRP/i;

export type ContextRules = Pick<
  SecureContextOptions,
  'minVersion' | 'ciphers' | 'honorCipherOrder' | 'secureOptions'
>;

/** @throws CertificateError for a suite that OpenSSL does not have: it would be left out without a word */
export function contextRules({
  minVersion = 'TLSv1.2',
  cipherSuites = DEFAULT_SUITES,
}: ListenerTls): ContextRules {
  const known = new Set(getCiphers().map((name) => name.toUpperCase()));
  const wrong = cipherSuites.find(
    (name) => !known.has(name) || name.startsWith('TLS_') || USELESS.test(name),
  );
  if (wrong !== undefined) {
    throw new CertificateError(
      `cipherSuites: "${wrong}" is no suite of TLS 1.2 that can be used; use OpenSSL names such as ${DEFAULT_SUITES[0]}`,
    );
  }
  if (cipherSuites.length === 0 && minVersion === 'TLSv1.2')
    throw new CertificateError('cipherSuites is empty; name a suite, or set minVersion to TLSv1.3');
  return {
    minVersion,
    ciphers: [...TLS13_SUITES, ...cipherSuites].join(':'),
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}
