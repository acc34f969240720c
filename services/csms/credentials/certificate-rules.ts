/**
 * Which requests for a certificate are signed, and which answers of an authority a station gets (2.0.1 Part 2, A02; 1.6 security
 * whitepaper, A02). The station has proved who it is before it can ask, and the certificate is for this identity only.
 */
import type { X509Certificate } from 'node:crypto';
import { CertificateError } from '../../certificates/certificate-error.ts';
import { commonNamesOf, factsOf, readBundle } from '../../certificates/certificate-facts.ts';
import { readCsr } from '../../certificates/csr.ts';
import { isForConnection } from './certificate-request.ts';
import { ProviderError, type SignedCertificate, type SigningOrder } from './providers.ts';

/** Longest chain that CertificateSigned takes, in every version. */
const LONGEST_CHAIN = 10_000;

/**
 * Why a request is refused; undefined if it follows the rules.
 * @param organization that the request must name; '' for any
 */
export async function refusalOf(
  { stationId, csr, certificateType }: Omit<SigningOrder, 'requestKey'>,
  organization: string,
): Promise<string | undefined> {
  try {
    const { commonName, organizations, otherNames, weakness } = await readCsr(csr);
    if (weakness !== undefined) return weakness;
    // An authority may copy alternative names, and one of another station would make the certificate its.
    if (otherNames.some((name) => name !== stationId))
      return 'the request must have no further names (subject alternative names) than the identity of the station';
    if (!isForConnection(certificateType)) return undefined;
    // 2.0.1 Part 2, A00.FR.405: CN is what identifies the station; A00.FR.404: O is the operator of the CSMS.
    if (commonName !== stationId)
      return 'the common name (CN) of the request must be the identity of the station';
    if (organization !== '' && !organizations.includes(organization))
      return `the organization (O) of the request must be ${organization}`;
    return undefined;
  } catch (error) {
    if (error instanceof CertificateError) return error.message;
    throw error;
  }
}

/**
 * Checks what an authority answered: the leaf has the key of the request, names the station, and is valid.
 * @throws ProviderError provider-answer
 */
export async function checkChain(
  chain: string,
  { stationId, csr, certificateType }: SigningOrder,
  now: number,
): Promise<SignedCertificate> {
  const unusable = (why: string) =>
    new ProviderError('provider-answer', `the certificate for station ${stationId} is not used: ${why}`);
  if (chain.length > LONGEST_CHAIN)
    throw unusable(`the chain has more than ${LONGEST_CHAIN} characters; omit the root certificate`);
  const leaf = firstOf(chain, unusable);
  const facts = factsOf(leaf);
  const { publicKey } = await readCsr(csr);
  if (!leaf.publicKey.equals(publicKey)) throw unusable('it has another key than the request');
  if (leaf.ca) throw unusable('it is the certificate of an authority');
  if (now > facts.notAfter) throw unusable('it has expired');
  const names = [...commonNamesOf(leaf), ...facts.names];
  // Names of the ISO 15118 PKI are not judged: its authorities must not be among those that listeners trust (docs/stored-data.md).
  if (isForConnection(certificateType) && !isOnly(names, stationId))
    throw unusable('its common name and its DNS names must be the identity, and no other name');
  return { chain, serialNumber: facts.serialNumber };
}

const isOnly = (names: readonly string[], identity: string) =>
  names.length > 0 && names.every((name) => name === identity);

function firstOf(chain: string, unusable: (why: string) => ProviderError): X509Certificate {
  try {
    const [leaf] = readBundle(chain, 'the answer');
    if (leaf !== undefined) return leaf;
  } catch (error) {
    if (error instanceof CertificateError) throw unusable(error.message);
    throw error;
  }
  throw unusable('the answer holds no certificate');
}
