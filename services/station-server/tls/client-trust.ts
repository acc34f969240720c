/**
 * Which client certificates a listener trusts. OpenSSL verifies the path of a full handshake; here are the look-up in the revocation
 * lists, which holds for resumed sessions too, and the question whether the certificate of an open socket is still trusted.
 *
 * Node shows a server only the first certificate of what a client presents. So a path is made of the bundle alone, and an intermediate
 * CA outside of the bundle cannot be looked up in a list: with lists, its stations are refused.
 */
import type { X509Certificate } from 'node:crypto';
import { isIssuedBy, isSelfSigned } from '../../certificates/certificate-facts.ts';
import { RevocationLists } from '../../certificates/revocation-list.ts';

/** Certificates of a path at most. */
const MAX_PATH = 10;

export type Trusted =
  | { readonly kind: 'trusted' }
  /** This certificate of the path is revoked. */
  | { readonly kind: 'revoked'; readonly certificate: X509Certificate }
  /** There are lists, and they say nothing about the intermediate CA, which is not in the bundle. */
  | { readonly kind: 'unknown-issuer' }
  /** A CA was removed since OpenSSL verified it, and no path is left. */
  | { readonly kind: 'removed-issuer' };

export class ClientTrust {
  #cas: readonly X509Certificate[] = [];
  /** Those of them that issued themselves: asked for each handshake, and a signature costs 60 µs. */
  #roots: ReadonlySet<X509Certificate> = new Set();
  #lists = RevocationLists.none;
  #removals = 0;

  replace(cas: readonly X509Certificate[], lists: RevocationLists): void {
    const kept = new Set(cas.map(({ fingerprint256 }) => fingerprint256));
    if (this.#cas.some(({ fingerprint256 }) => !kept.has(fingerprint256))) this.#removals += 1;
    this.#cas = cas;
    this.#roots = new Set(cas.filter(isSelfSigned));
    this.#lists = lists;
  }

  /** Grows when a CA was removed. */
  get removals(): number {
    return this.#removals;
  }

  /**
   * Of a certificate whose path OpenSSL has verified with the bundle of its time.
   * @param since `removals` when the connection was accepted, which is when Node chooses the bundle: without a removal since then the
   * path is known to be good, and with one its signatures are verified again
   */
  judge(certificate: X509Certificate, since: number): Trusted {
    const isSame = since === this.#removals;
    const isIssued = isSame
      ? (one: X509Certificate, issuer: X509Certificate) => one.checkIssued(issuer)
      : isIssuedBy;
    const path = this.#pathFrom([certificate], isIssued);
    if (path === undefined && !isSame) return { kind: 'removed-issuer' };
    if (path === undefined && !this.#lists.isEmpty) return { kind: 'unknown-issuer' };
    const revoked = (path ?? [certificate]).find((one) => this.#lists.isRevoked(one));
    return revoked === undefined ? { kind: 'trusted' } : { kind: 'revoked', certificate: revoked };
  }

  /** Whether the certificate of an open socket is trusted now. @param since see judge() */
  isStillTrusted(certificate: X509Certificate, since: number): boolean {
    return this.judge(certificate, since).kind === 'trusted';
  }

  /** Up to a CA of the bundle that issued itself. */
  #pathFrom(
    path: readonly X509Certificate[],
    isIssued: (certificate: X509Certificate, issuer: X509Certificate) => boolean,
  ): readonly X509Certificate[] | undefined {
    const last = path.at(-1);
    if (last === undefined || path.length > MAX_PATH) return undefined;
    for (const ca of this.#cas) {
      if (path.includes(ca) || !isIssued(last, ca)) continue;
      const whole = this.#roots.has(ca) ? [...path, ca] : this.#pathFrom([...path, ca], isIssued);
      if (whole !== undefined) return whole;
    }
    return undefined;
  }
}
