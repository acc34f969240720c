/**
 * Which client certificates a listener trusts. OpenSSL verifies the path of a full handshake; here are the look-up in the revocation
 * lists, which holds for resumed sessions too, and the question whether the certificate of an open socket is still trusted.
 */
import type { X509Certificate } from 'node:crypto';
import { isIssuedBy, isSelfSigned } from '../../certificates/certificate-facts.ts';
import { RevocationLists } from '../../certificates/revocation-list.ts';

/** Certificates of a path at most, as in OpenSSL's verification. */
const MAX_PATH = 10;
/** Intermediate CAs that stations have presented. A resumed session does not hold them. */
const MAX_INTERMEDIATES = 1000;

/** `names`: OpenSSL has verified the signatures. */
type Check = 'names' | 'signatures';

export class ClientTrust {
  #cas: readonly X509Certificate[] = [];
  #lists = RevocationLists.none;
  readonly #intermediates = new Map<string, X509Certificate>();
  /** Number of the last change that removed a CA. */
  #removals = 0;

  replace(cas: readonly X509Certificate[], lists: RevocationLists): void {
    const kept = new Set(cas.map(({ fingerprint256 }) => fingerprint256));
    if (this.#cas.some(({ fingerprint256 }) => !kept.has(fingerprint256))) this.#removals += 1;
    this.#cas = cas;
    this.#lists = lists;
  }

  /** Grows when a CA was removed. */
  get removals(): number {
    return this.#removals;
  }

  /** Keeps the intermediate CAs of a path that OpenSSL has verified. */
  remember(certificate: X509Certificate): void {
    let issuer = certificate.issuerCertificate;
    for (let depth = 0; issuer !== undefined && depth < MAX_PATH; depth++) {
      const isKnown =
        this.#intermediates.has(issuer.fingerprint256) ||
        this.#cas.some((ca) => ca.fingerprint256 === issuer?.fingerprint256);
      if (isKnown || this.#intermediates.size >= MAX_INTERMEDIATES) return;
      this.#intermediates.set(issuer.fingerprint256, issuer);
      issuer = issuer.issuerCertificate;
    }
  }

  /** From the certificate to a CA of the bundle that issued itself; undefined without such a path. */
  pathOf(certificate: X509Certificate, check: Check): readonly X509Certificate[] | undefined {
    return this.#pathFrom([certificate], check);
  }

  #pathFrom(path: readonly X509Certificate[], check: Check): readonly X509Certificate[] | undefined {
    const last = path.at(-1);
    if (last === undefined || path.length > MAX_PATH) return undefined;
    const issued = (issuer: X509Certificate) =>
      check === 'names' ? last.checkIssued(issuer) : isIssuedBy(last, issuer);
    for (const ca of this.#cas) {
      if (!issued(ca)) continue;
      if (isSelfSigned(ca)) return [...path, ca];
      const rest = path.includes(ca) ? undefined : this.#pathFrom([...path, ca], check);
      if (rest !== undefined) return rest;
    }
    for (const ca of this.#intermediates.values()) {
      if (path.includes(ca) || !issued(ca)) continue;
      const rest = this.#pathFrom([...path, ca], check);
      if (rest !== undefined) return rest;
    }
    return undefined;
  }

  /** The one that is revoked; the root revokes itself nowhere. */
  revokedOf(path: readonly X509Certificate[]): X509Certificate | undefined {
    return path.find((certificate) => this.#lists.isRevoked(certificate));
  }

  /**
   * Whether the certificate of an open socket is trusted now.
   * @param since `removals` when the socket was accepted: without a removal the signatures of its path are known to be good
   */
  isStillTrusted(certificate: X509Certificate, since: number): boolean {
    const path = this.pathOf(certificate, since === this.#removals ? 'names' : 'signatures');
    return path !== undefined && this.revokedOf(path) === undefined;
  }
}
