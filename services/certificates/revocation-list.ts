/**
 * Certificate revocation lists of the client CAs. OpenSSL does not get them: with an expired list it refuses every certificate, and
 * it checks no resumed TLS session. So each list is verified once, when it is read, and kept as serial numbers by issuer.
 *
 * They are read here and not by the X.509 library, which blocks for 100 ms for each 1000 entries, refuses more than about 5000, and
 * costs each proxy 20 MB.
 */
import { type KeyObject, verify, type X509Certificate } from 'node:crypto';
import { CertificateError, type Dates } from './certificate-error.ts';
import { normalSerial, pemBlocks, serialNumberOf } from './certificate-facts.ts';
import { Der, type DerElement, TAG } from './der.ts';

/** How far a clock of the authority may be ahead of ours; ms. */
export const CLOCK_SKEW = 5 * 60_000;

/** Digest by signature algorithm; SHA-1 is left out as it can be forged. */
const DIGESTS: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
]);

const DELTA = '2.5.29.27';
const DISTRIBUTION_POINT = '2.5.29.28';
/** Critical extensions that change nothing for the look-up. */
const UNDERSTOOD = new Set(['2.5.29.20', '2.5.29.35', DISTRIBUTION_POINT]);
/** Tags in the issuing distribution point: the list has entries of other issuers; it has some reasons only. */
const INDIRECT = 0x84;
const SOME_REASONS = 0x83;

interface RevocationList {
  /** DER of the name. */
  readonly issuer: Buffer;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  readonly serialNumbers: ReadonlySet<string>;
  isSignedWith(key: KeyObject): boolean;
}

export class RevocationLists {
  /** When the first of them expires; ms since 1970. Undefined without a list. */
  readonly nextUpdate: number | undefined;
  /** By the subject of the issuer as Node writes it. */
  readonly #revoked: ReadonlyMap<string, ReadonlySet<string>>;

  private constructor(revoked: ReadonlyMap<string, ReadonlySet<string>>, nextUpdate: number | undefined) {
    this.#revoked = revoked;
    this.nextUpdate = nextUpdate;
  }

  static readonly none = new RevocationLists(new Map(), undefined);

  /**
   * @param pem one or more lists
   * @param issuers the CAs that may sign them
   * @param what for errors: a file
   * @throws CertificateError for a list that cannot be read, is expired or is signed by none of the CAs
   */
  static read(
    pem: string,
    issuers: readonly X509Certificate[],
    dates: Dates,
    what = 'the revocation lists',
  ): RevocationLists {
    const blocks = pemBlocks(pem).filter(({ name }) => name.endsWith('CRL'));
    if (blocks.length === 0) {
      throw new CertificateError(
        `${what} holds no revocation list; it must be PEM text (-----BEGIN X509 CRL-----), or the file must not exist`,
      );
    }
    const revoked = new Map<string, Set<string>>();
    let nextUpdate: number | undefined;
    for (const [index, { text }] of blocks.entries()) {
      const which = `${what}: list ${index + 1} of ${blocks.length}`;
      const list = parse(text, which);
      const issuer = issuerOf(list, issuers, which);
      checkDates(list, dates, which);
      const known = revoked.get(issuer.subject) ?? new Set();
      for (const serialNumber of list.serialNumbers) known.add(serialNumber);
      revoked.set(issuer.subject, known);
      if (list.nextUpdate !== undefined) nextUpdate = Math.min(nextUpdate ?? Infinity, list.nextUpdate);
    }
    return new RevocationLists(revoked, nextUpdate);
  }

  get isEmpty(): boolean {
    return this.#revoked.size === 0;
  }

  /** Whether there is a list of this CA. */
  isOf(ca: X509Certificate): boolean {
    return this.#revoked.has(ca.subject);
  }

  isRevoked(certificate: X509Certificate): boolean {
    return this.#revoked.get(certificate.issuer)?.has(serialNumberOf(certificate)) ?? false;
  }
}

function parse(pem: string, which: string): RevocationList {
  try {
    return readList(Buffer.from(pem.replaceAll(/-----[^-]*-----|\s/g, ''), 'base64'));
  } catch (error) {
    if (error instanceof CertificateError) throw new CertificateError(`${which} ${error.message}`);
    throw new CertificateError(`${which} cannot be read; replace it, it may be cut or not Base64`);
  }
}

const NO_LIST = new RangeError('not a list');

/** RFC 5280 §5.1. @throws RangeError when the bytes are not such a list */
function readList(bytes: Buffer): RevocationList {
  const der = new Der(bytes);
  const outer = der.at(0);
  const [tbs, algorithm, signature] = der.children(outer);
  if (tbs === undefined || algorithm === undefined || signature === undefined) throw NO_LIST;
  if (outer.tag !== TAG.sequence || outer.end !== bytes.length || signature.tag !== TAG.bitString)
    throw NO_LIST;
  const fields = [...der.children(tbs)];
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const [signedAs, issuer, thisUpdate, ...rest] = fields;
  if (signedAs === undefined || issuer === undefined || thisUpdate === undefined) throw NO_LIST;
  // Only the inner one of the two is signed.
  if (!der.bytesOf(signedAs).equals(der.bytesOf(algorithm))) throw NO_LIST;
  const next = isTime(rest[0]) ? rest.shift() : undefined;
  const entries = rest[0]?.tag === TAG.sequence ? rest.shift() : undefined;
  if (rest[0]?.tag === TAG.first) checkExtensions(der, rest[0]);
  const serialNumbers = new Set<string>();
  for (const entry of entries === undefined ? [] : der.children(entries))
    serialNumbers.add(normalSerial(der.contentOf(der.at(entry.content, entry.end)).toString('hex')));
  return {
    issuer: der.bytesOf(issuer),
    thisUpdate: der.timeOf(thisUpdate),
    nextUpdate: next === undefined ? undefined : der.timeOf(next),
    serialNumbers,
    isSignedWith: verifier(der, { tbs, algorithm, signature }),
  };
}

const isTime = (element: DerElement | undefined) =>
  element?.tag === TAG.utcTime || element?.tag === TAG.generalizedTime;

function verifier(
  der: Der,
  { tbs, algorithm, signature }: { tbs: DerElement; algorithm: DerElement; signature: DerElement },
): (key: KeyObject) => boolean {
  const oid = der.oidOf(der.at(algorithm.content, algorithm.end));
  const digest = DIGESTS.get(oid);
  if (digest === undefined)
    throw new CertificateError(`is signed with the algorithm ${oid}; sign it with RSA or ECDSA and SHA-256`);
  // The first byte of a BIT STRING counts unused bits.
  const [unused, ...bits] = der.contentOf(signature);
  if (unused !== 0) throw NO_LIST;
  const signatureBytes = Buffer.from(bits);
  const signed = der.bytesOf(tbs);
  return (key) => {
    try {
      return verify(digest, signed, key, signatureBytes);
    } catch {
      // A key of another kind.
      return false;
    }
  };
}

/** A list with entries for a part of the certificates only would leave others unchecked without a word. */
function checkExtensions(der: Der, container: DerElement): void {
  for (const extension of der.children(der.at(container.content, container.end))) {
    const [id, ...rest] = der.children(extension);
    const oid = id === undefined ? '' : der.oidOf(id);
    const isCritical = rest[0]?.tag === TAG.boolean && der.contentOf(rest[0])[0] !== 0;
    const value = rest.at(-1);
    if (oid === DELTA) throw new CertificateError('is a delta list; provide the complete one');
    if (oid === DISTRIBUTION_POINT && value !== undefined) {
      const point = der.at(value.content, value.end);
      const tags = new Set([...der.children(point)].map(({ tag }) => tag));
      if (tags.has(INDIRECT)) throw new CertificateError('is an indirect list; provide the list of each CA');
      if (tags.has(SOME_REASONS))
        throw new CertificateError('is for some reasons only; provide the complete one');
    }
    if (isCritical && !UNDERSTOOD.has(oid))
      throw new CertificateError(`has the critical extension ${oid}, which is not understood`);
  }
}

function issuerOf(list: RevocationList, issuers: readonly X509Certificate[], which: string): X509Certificate {
  const named = issuers.filter((issuer) => subjectOf(issuer).equals(list.issuer));
  const found = named.find(({ publicKey }) => list.isSignedWith(publicKey));
  if (found !== undefined) return found;
  const problem =
    named.length === 0
      ? 'is not of a CA of the bundle'
      : 'has a signature that is not of the CA that it names';
  throw new CertificateError(`${which} ${problem}; provide the list that the CA of the stations has signed`);
}

/** DER of the subject of a certificate: RFC 5280 §4.1. */
function subjectOf({ raw }: X509Certificate): Buffer {
  const der = new Der(raw);
  const fields = [...der.children(der.at(der.at(0).content))];
  const subject = fields[fields[0]?.tag === TAG.first ? 5 : 4];
  return subject === undefined ? Buffer.alloc(0) : der.bytesOf(subject);
}

function checkDates(
  { thisUpdate, nextUpdate }: RevocationList,
  { now, expired }: Dates,
  which: string,
): void {
  if (nextUpdate !== undefined && nextUpdate <= now) {
    const when = new Date(nextUpdate).toISOString();
    expired(new CertificateError(`${which} expired at ${when}; provide the current one of the CA`));
  }
  if (thisUpdate > now + CLOCK_SKEW) {
    const when = new Date(thisUpdate).toISOString();
    throw new CertificateError(
      `${which} is valid from ${when} on; check the clocks of the CA and of this node`,
    );
  }
}
