/**
 * What is wrong with a certificate, a key, a request or a list, and what to do about it. It says which one (a file, or a block of a
 * bundle) and never holds the bytes of any.
 */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** When something is checked, and what is done about what has expired and is good otherwise. */
export interface Dates {
  /** ms since 1970 */
  readonly now: number;
  readonly expired: (error: CertificateError) => void;
}

/** Refuses what has expired. */
export const strictly = (now: number): Dates => ({
  now,
  expired(error) {
    throw error;
  },
});
