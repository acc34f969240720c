/**
 * The TLS material of a listener: its certificates and keys, the client CAs and their revocation lists. It is checked completely before
 * it is used, so that a mistake in a Secret is refused as a whole and named, and the former material stays in use.
 */
import { createPrivateKey, createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { CertificateError, type Dates } from '../../certificates/certificate-error.ts';
import { isIssuedBy, isSelfSigned, readBundle, validityOf } from '../../certificates/certificate-facts.ts';
import { nameOfKey, weaknessOf } from '../../certificates/keys.ts';
import { CLOCK_SKEW, RevocationLists } from '../../certificates/revocation-list.ts';
import type { ContextRules } from './suites.ts';

export type Files = ReadonlyMap<string, Buffer>;

/** The files of each folder, with its path for messages. */
export interface MaterialFolder {
  readonly folder: string;
  readonly files: Files;
}

export interface MaterialFiles {
  readonly servers: readonly MaterialFolder[];
  readonly clientCa: MaterialFolder | undefined;
}

/** What expires, by its label in metrics. */
export type Expiring = 'server' | 'client-ca' | 'revocation-list';

export interface TlsMaterial {
  readonly context: SecureContextOptions;
  readonly clientCas: readonly X509Certificate[];
  readonly revocation: RevocationLists;
  /** The earliest of each kind; ms since 1970. */
  readonly expiries: ReadonlyMap<Expiring, number>;
}

export const FILE = {
  certificate: 'tls.crt',
  key: 'tls.key',
  clientCa: 'ca.crt',
  revocationLists: 'ca.crl',
} as const;

/**
 * @throws CertificateError that names the file, what is wrong with it and what to do
 */
export function readMaterial(files: MaterialFiles, rules: ContextRules, dates: Dates): TlsMaterial {
  const servers = files.servers.map((folder) => readServer(folder, dates));
  checkKinds(servers);
  const clientCas = files.clientCa === undefined ? [] : readClientCas(files.clientCa, dates);
  const revocation = readLists(files.clientCa, clientCas, dates);
  const context: SecureContextOptions = {
    ...rules,
    cert: servers.map(({ certificate }) => certificate),
    key: servers.map(({ key }) => key),
    ...(clientCas.length > 0 && { ca: clientCas.map(String) }),
  };
  checkContext(context, files);
  const expiries = new Map<Expiring, number>([['server', earliest(servers.flatMap(({ chain }) => chain))]]);
  if (clientCas.length > 0) expiries.set('client-ca', earliest(clientCas));
  if (revocation.nextUpdate !== undefined) expiries.set('revocation-list', revocation.nextUpdate);
  return { context, clientCas, revocation, expiries };
}

interface Server {
  readonly folder: string;
  /** PEM, as in the files. */
  readonly certificate: string;
  readonly key: string;
  readonly chain: readonly X509Certificate[];
  readonly kind: string;
}

function readServer(folder: MaterialFolder, dates: Dates): Server {
  const [file, keyFile] = [pathOf(folder, FILE.certificate), pathOf(folder, FILE.key)];
  const certificate = textOf(folder, FILE.certificate);
  const keyText = textOf(folder, FILE.key);
  const chain = readBundle(certificate, file);
  const [leaf] = chain;
  if (leaf === undefined) throw new CertificateError(`${file} holds no certificate`);
  checkKey(chain, keyOf(keyText, keyFile), { file, keyFile });
  const weakness = weaknessOf(leaf.publicKey);
  if (weakness !== undefined) throw new CertificateError(`${file}: ${weakness}`);
  for (const [index, one] of chain.entries()) {
    checkValidity(one, dates, `${file}: certificate ${index + 1} of ${chain.length}`);
    const issuer = chain[index + 1];
    if (issuer !== undefined && !isIssuedBy(one, issuer)) {
      throw new CertificateError(
        `${file}: certificate ${index + 2} did not issue certificate ${index + 1}; put the server certificate first, then its issuers in order`,
      );
    }
  }
  return {
    folder: folder.folder,
    certificate,
    key: keyText,
    chain,
    kind: leaf.publicKey.asymmetricKeyType ?? '',
  };
}

function keyOf(text: string, file: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw new CertificateError(
      `${file} cannot be read; it must be a private key as PEM text without a passphrase`,
    );
  }
}

function checkKey(
  chain: readonly X509Certificate[],
  key: KeyObject,
  { file, keyFile }: { readonly file: string; readonly keyFile: string },
): void {
  if (chain[0]?.checkPrivateKey(key) === true) return;
  const place = chain.findIndex((one) => one.checkPrivateKey(key));
  if (place > 0)
    throw new CertificateError(
      `${file}: the key belongs to certificate ${place + 1}; put the server certificate first, then its issuers in order`,
    );
  const kind = nameOfKey(createPublicKey(key));
  throw new CertificateError(
    `${keyFile} (${kind}) does not belong to the certificate in ${file}; replace both together`,
  );
}

function checkValidity(certificate: X509Certificate, { now, expired }: Dates, which: string): void {
  const { notBefore, notAfter } = validityOf(certificate);
  if (notAfter <= now)
    expired(new CertificateError(`${which} expired at ${new Date(notAfter).toISOString()}; renew it`));
  if (notBefore > now + CLOCK_SKEW)
    throw new CertificateError(
      `${which} is valid from ${new Date(notBefore).toISOString()} on; check the clock of this node`,
    );
}

/** OpenSSL keeps one certificate for each kind of key, the last one. */
function checkKinds(servers: readonly Server[]): void {
  for (const [index, { kind, folder }] of servers.entries()) {
    const other = servers.slice(0, index).find((one) => one.kind === kind);
    if (other !== undefined)
      throw new CertificateError(
        `${folder} and ${other.folder} both hold a certificate with a key of kind ${kind}; use one RSA and one ECDSA certificate`,
      );
  }
}

function readClientCas(folder: MaterialFolder, dates: Dates): readonly X509Certificate[] {
  const file = pathOf(folder, FILE.clientCa);
  const cas = readBundle(textOf(folder, FILE.clientCa), file);
  for (const [index, ca] of cas.entries()) {
    const which = `${file}: certificate ${index + 1} of ${cas.length}`;
    if (!ca.ca) throw new CertificateError(`${which} is not one of a CA (basic constraints); remove it`);
    const weakness = weaknessOf(ca.publicKey);
    if (weakness !== undefined) throw new CertificateError(`${which}: ${weakness}`);
    // OpenSSL accepts no certificate whose path ends at an intermediate CA.
    if (!isSelfSigned(ca) && !cas.some((issuer) => issuer !== ca && isIssuedBy(ca, issuer)))
      throw new CertificateError(`${which}: its issuer is missing; add the certificates up to the root CA`);
  }
  // One that has expired beside a current one is usual after a rotation, and does no harm.
  const [first] = cas.toSorted((a, b) => validityOf(b).notAfter - validityOf(a).notAfter);
  if (first !== undefined) checkValidity(first, dates, `${file}: every certificate; the last one`);
  return cas;
}

function readLists(
  folder: MaterialFolder | undefined,
  cas: readonly X509Certificate[],
  dates: Dates,
): RevocationLists {
  const text = folder?.files.get(FILE.revocationLists);
  if (folder === undefined || text === undefined) return RevocationLists.none;
  return RevocationLists.read(text.toString(), cas, dates, pathOf(folder, FILE.revocationLists));
}

/**
 * A file that is lost would make each revoked certificate good again.
 * @throws CertificateError for a CA whose list is in use, and that has none in the new files
 */
export function checkLists(former: TlsMaterial, next: TlsMaterial, { clientCa }: MaterialFiles): void {
  const without = next.clientCas.find((ca) => former.revocation.isOf(ca) && !next.revocation.isOf(ca));
  if (without === undefined || clientCa === undefined) return;
  const [ca, file] = [nameOf(without), pathOf(clientCa, FILE.revocationLists)];
  const gone = clientCa.files.has(FILE.revocationLists)
    ? `${file} has no list of ${ca}, and one is in use`
    : `${file} is missing, and its list of ${ca} is in use`;
  throw new CertificateError(
    `${gone}: its revoked certificates would be accepted again; to stop checking, provide a list without entries or restart`,
  );
}

/** What only OpenSSL finds. Its message says which call failed, and holds no material. */
function checkContext(context: SecureContextOptions, { servers, clientCa }: MaterialFiles): void {
  try {
    createSecureContext(context);
  } catch (error) {
    const folders = [...servers, ...(clientCa === undefined ? [] : [clientCa])].map(({ folder }) => folder);
    throw new CertificateError(
      `${folders.join(', ')}: OpenSSL refuses these files: ${(error as Error).message}`,
    );
  }
}

function textOf(folder: MaterialFolder, name: string): string {
  const text = folder.files.get(name)?.toString();
  if (text !== undefined) return text;
  throw new CertificateError(`${pathOf(folder, name)} is missing; the Secret needs the key ${name}`);
}

/** In one line. */
const nameOf = ({ subject }: X509Certificate) => subject.replaceAll('\n', ', ');

const pathOf = ({ folder }: MaterialFolder, name: string) => `${folder}/${name}`;

const earliest = (certificates: readonly X509Certificate[]) =>
  Math.min(...certificates.map((one) => validityOf(one).notAfter));
