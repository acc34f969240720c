/** Why a TLS handshake failed, in words: what the client did, and what to look at. */

const CODES: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: 'plain HTTP on a TLS port; the station must use wss',
  ERR_SSL_WRONG_VERSION_NUMBER: 'not TLS; the station must use wss',
  ERR_SSL_UNSUPPORTED_PROTOCOL:
    'a TLS version that this listener does not offer; it offers 1.2 and 1.3, or 1.3 only',
  ERR_SSL_VERSION_TOO_LOW:
    'a TLS version that this listener does not offer; it offers 1.2 and 1.3, or 1.3 only',
  ERR_SSL_NO_SHARED_CIPHER:
    'no cipher suite in common; see cipherSuites and the kind of the certificate (RSA, ECDSA)',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM:
    'no signature algorithm in common; see the kind of the certificate (RSA, ECDSA)',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'the client does not accept http/1.1 (ALPN)',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    'the station does not trust the server certificate: it does not know its CA',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the station does not trust the server certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the station refuses the server certificate as bad',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    'the station says that the server certificate has expired; see its clock too',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'the station does not support the server certificate',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the TLS handshake was not complete in time',
};

/** Undefined where the client has only gone: probes of load balancers do that. */
export function reasonOf({ code = '' }: { readonly code?: string }): string | undefined {
  if (CODES[code] !== undefined) return CODES[code];
  if (!/^ERR_(SSL|TLS)_[A-Z0-9_]+$/.test(code)) return undefined;
  return `the TLS handshake failed (${code
    .replace(/^ERR_(SSL|TLS)_/, '')
    .toLowerCase()
    .replaceAll('_', ' ')})`;
}
