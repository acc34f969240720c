/**
 * The client certificate of a handshake, judged in the HTTP layer: there the identity is known, and a refusal can say which station
 * failed and why.
 */
import type { TLSSocket } from 'node:tls';
import { type CertificateFacts, factsOf } from '../../certificates/certificate-facts.ts';
import type { ClientTrust } from './client-trust.ts';

export type CertificateFault =
  | 'not-trusted'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  | 'purpose'
  | 'invalid';

export type ClientCertificate =
  | { readonly kind: 'none' }
  | { readonly kind: 'verified'; readonly facts: CertificateFacts }
  | {
      readonly kind: 'refused';
      readonly reason: CertificateFault;
      /** For the log. */
      readonly text: string;
      readonly facts: CertificateFacts;
    };

/** OpenSSL's verdicts (X509_V_ERR_…) that need other words than "invalid". */
const VERDICTS: Readonly<Record<string, readonly [CertificateFault, string]>> = {
  CERT_HAS_EXPIRED: ['expired', 'it or its CA has expired'],
  CERT_NOT_YET_VALID: ['not-yet-valid', 'it or its CA is not valid yet'],
  INVALID_PURPOSE: ['purpose', 'it is not for clients (extended key usage)'],
  UNABLE_TO_GET_ISSUER_CERT: ['not-trusted', 'its CA is not in the bundle of the listener'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['not-trusted', 'its CA is not in the bundle of the listener'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['not-trusted', 'its CA is not in the bundle of the listener'],
  SELF_SIGNED_CERT_IN_CHAIN: ['not-trusted', 'its root CA is not in the bundle of the listener'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['not-trusted', 'it is signed by itself'],
  CERT_SIGNATURE_FAILURE: ['invalid', 'its signature is wrong'],
};

const UNKNOWN_ISSUER =
  'its intermediate CA is not in the bundle of the listener, so that no revocation list says whether that is revoked; add it to ca.crt';

const REMOVED_ISSUER = 'its CA was removed from the bundle of the listener';

/**
 * @param now ms since 1970
 * @param since see ClientTrust.judge()
 */
export function judgeCertificate(
  tls: TLSSocket,
  trust: ClientTrust,
  { now, since }: { readonly now: number; readonly since: number },
): ClientCertificate {
  // `authorized` is also true for a client that resumes a session of TLS 1.3 in which it presented no certificate.
  const certificate = tls.getPeerX509Certificate();
  if (certificate === undefined) return { kind: 'none' };
  const facts = factsOf(certificate);
  const refused = (reason: CertificateFault, text: string) =>
    ({ kind: 'refused', reason, text, facts }) as const;
  if (!tls.authorized) {
    const code = String(tls.authorizationError);
    const [reason, text] = VERDICTS[code] ?? ['invalid', `OpenSSL says ${code}`];
    return refused(reason, text);
  }
  // Dates were checked in the handshake that began the session.
  if (facts.notAfter <= now) return refused('expired', 'it has expired');
  const judged = trust.judge(certificate, since);
  if (judged.kind === 'trusted') return { kind: 'verified', facts };
  if (judged.kind === 'unknown-issuer') return refused('not-trusted', UNKNOWN_ISSUER);
  if (judged.kind === 'removed-issuer') return refused('not-trusted', REMOVED_ISSUER);
  const { certificate: revoked } = judged;
  const text = revoked === certificate ? 'it is revoked' : `its CA ${factsOf(revoked).subject} is revoked`;
  return refused('revoked', text);
}
