/**
 * Which requests for a certificate are signed, and which answers of an authority a station gets (2.0.1 Part 2, A02; 1.6 security
 * whitepaper, A02). The station has proved who it is before it can ask, and the certificate is for this identity only.
 */
import type { X509Certificate } from 'node:crypto';
import { CertificateError } from '../../certificates/certificate-error.ts';
import { factsOf, readBundle } from '../../certificates/certificate-facts.ts';
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
    const { commonName, organizations, weakness } = await readCsr(csr);
    if (weakness !== undefined) return weakness;
    if (!isForConnection(certificateType)) return undefined;
    // 2.0.1 Part 2, A00 and A02: CN is what identifies the station, O is the operator of the CSMS.
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
  const isNamed = facts.commonName === stationId || facts.names.includes(stationId);
  if (isForConnection(certificateType) && !isNamed)
    throw unusable('neither its common name nor an alternative name is the identity');
  return { chain, serialNumber: facts.serialNumber };
}

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
