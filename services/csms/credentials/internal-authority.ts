/**
 * The internal authority: key and certificate from a folder, a mounted Secret. They are read for each certificate, so that a renewed
 * Secret needs no restart. For tests and small networks: its key is as safe as the Secret.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Authority } from '../../certificates/authority.ts';
import { CertificateError } from '../../certificates/certificate-error.ts';
import { readBundle, validityOf } from '../../certificates/certificate-facts.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../transport/errors.ts';
import { isForConnection } from './certificate-request.ts';
import { checkChain, refusalOf } from './certificate-rules.ts';
import { type CertificateProvider, ProviderError } from './providers.ts';

export interface InternalAuthorityOptions {
  /** With `tls.crt` and `tls.key`. */
  readonly folder: string;
  /** O of the certificates, and of requests; '' for none. */
  readonly organization: string;
  /** Lifetime of the certificates. */
  readonly days: number;
  readonly clock: Clock;
}

export function internalAuthority({
  folder,
  organization,
  days,
  clock,
}: InternalAuthorityOptions): CertificateProvider {
  return {
    async refusalOf(order) {
      if (!isForConnection(order.certificateType))
        return 'the internal authority signs no certificates of the ISO 15118 PKI';
      return refusalOf(order, organization);
    },
    async sign(order) {
      const authority = await read(folder);
      const subject = { commonName: order.stationId, ...(organization !== '' && { organization }) };
      const chain = await authority
        .sign({ csr: order.csr, subject, usage: 'client', days })
        .catch((error: unknown) => {
          throw new ProviderError('provider-refused', messageOf(error), { cause: error });
        });
      return checkChain(chain, order, clock.now());
    },
  };
}

/** When the first certificate in `tls.crt` expires, ms since 1970; undefined while the file cannot be read. */
export async function authorityExpiry(folder: string): Promise<number | undefined> {
  try {
    const bundle = readBundle(await readFile(join(folder, 'tls.crt'), 'utf8'));
    return Math.min(...bundle.map((one) => validityOf(one).notAfter));
  } catch {
    return undefined;
  }
}

async function read(folder: string): Promise<Authority> {
  try {
    const [certificate, key] = await Promise.all(
      ['tls.crt', 'tls.key'].map((name) => readFile(join(folder, name), 'utf8')),
    );
    return new Authority({ certificate: certificate ?? '', key: key ?? '' });
  } catch (error) {
    const what = error instanceof CertificateError ? error.message : `cannot be read: ${messageOf(error)}`;
    const message = `the internal authority in ${folder}: ${what}; correct tls.crt and tls.key`;
    throw new ProviderError('provider-unavailable', message, { cause: error });
  }
}
