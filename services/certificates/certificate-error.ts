/**
 * What is wrong with a certificate, a key, a request or a list, and what to do about it. It says which one (a file, or a block of a
 * bundle) and never holds the bytes of any.
 */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}
