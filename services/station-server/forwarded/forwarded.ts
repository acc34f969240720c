/**
 * What a load balancer that speaks HTTP says about its client: address, scheme and certificate. All of it is a header that any
 * client can send, so each function takes the word of trusted addresses only.
 */
import { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { plainAddress, type TrustedNetworks } from './trusted-networks.ts';

type Trusted = Pick<TrustedNetworks, 'has'>;

/**
 * The address of the client: the right-most one of X-Forwarded-For that is not a trusted load balancer. Entries further left are
 * what the client itself sent.
 * @param peer the address of the TCP connection, or of its PROXY protocol header
 */
export function clientAddressOf(headers: IncomingHttpHeaders, peer: string, trusted: Trusted): string {
  if (!trusted.has(peer)) return peer;
  const hops = String(headers['x-forwarded-for'] ?? '').split(',');
  let address = peer;
  while (trusted.has(address)) {
    const next = addressIn(hops.pop() ?? '');
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`; undefined for other texts. */
function addressIn(text: string): string | undefined {
  const entry = text.trim();
  const [, bracketed, dotted] = /^\[([^\]]+)\](?::\d{1,5})?$|^([\d.]+):\d{1,5}$/.exec(entry) ?? [];
  const address = bracketed ?? dotted ?? entry;
  return isIP(address) === 0 ? undefined : plainAddress(address);
}

/** Whether the load balancer says that its client used no TLS. One that says nothing is believed to end TLS as configured. */
export function isForwardedAsPlain({ 'x-forwarded-proto': header }: IncomingHttpHeaders): boolean {
  const scheme = header?.toString().split(',').at(-1)?.trim().toLowerCase();
  return scheme !== undefined && scheme !== 'https' && scheme !== 'wss';
}

/**
 * The headers in which load balancers forward the client certificate: ingress-nginx, Envoy, an AWS ALB that verifies, and HAProxy.
 * The passthrough mode of an ALB, `x-amzn-mtls-clientcert`, is not among them: it forwards certificates that it did not verify.
 */
export const CERTIFICATE_HEADERS = [
  'ssl-client-cert',
  'x-forwarded-client-cert',
  'x-amzn-mtls-clientcert-leaf',
  'x-ssl-client-cert',
] as const;
export type CertificateHeader = (typeof CERTIFICATE_HEADERS)[number];

/**
 * Headers with which the load balancer says `SUCCESS` of a certificate that it verified. Without them the certificate does not count.
 * In HAProxy they must be set for each request, as a header that it leaves alone is that of the client; and `ssl_c_verify` is no
 * verdict by itself, as it is 0 without a certificate too:
 *
 *     http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64]
 *     http-request set-header X-SSL-Client-Verify NONE
 *     http-request set-header X-SSL-Client-Verify SUCCESS if { ssl_c_used } { ssl_c_verify 0 }
 */
const VERDICTS: Partial<Record<CertificateHeader, string>> = {
  'ssl-client-cert': 'ssl-client-verify',
  'x-ssl-client-cert': 'x-ssl-client-verify',
};

export type ForwardedCertificate =
  | { readonly kind: 'certificate'; readonly certificate: X509Certificate }
  /** The client presented none, or none that counts. */
  | { readonly kind: 'none'; readonly reason: string };

const none = (reason: string) => ({ kind: 'none', reason }) as const;

/**
 * The client certificate that a trusted load balancer verified and forwards.
 * @param header that the load balancer sets, and the only one that is read: it passes on the others as the client sent them
 * @param peer the address of the TCP connection, or of its PROXY protocol header
 */
export function forwardedCertificateOf(
  request: Pick<IncomingMessage, 'headersDistinct'>,
  header: CertificateHeader | undefined,
  peer: string,
  trusted: Trusted,
): ForwardedCertificate {
  if (header === undefined) return none('the listener names no header of client certificates');
  if (!trusted.has(peer)) return none(`${header} counts from trusted networks only`);
  const values = request.headersDistinct[header] ?? [];
  const [first = ''] = values;
  if (first === '') return none(`the load balancer forwards no certificate in ${header}`);
  const isList = header === 'x-forwarded-client-cert';
  if (values.length > 1 && !isList) return none(`${header} was sent ${values.length} times`);
  const verdict = VERDICTS[header];
  if (verdict !== undefined && !isSuccess(request.headersDistinct[verdict]))
    return none(`${verdict} does not say SUCCESS, that the certificate is verified`);
  const text = isList ? certificateOfEnvoy(values.join(',')) : first;
  return text === undefined ? none(`${header} has no Cert in its last element`) : certificateIn(text, header);
}

const isSuccess = (given: readonly string[] = []) => given.length === 1 && given[0] === 'SUCCESS';

/** URL-encoded PEM, PEM in one line, or DER as base64. */
function certificateIn(text: string, header: string): ForwardedCertificate {
  try {
    const decoded = decodeURIComponent(text);
    const [, body] = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/.exec(decoded) ?? [];
    const der = Buffer.from((body ?? decoded).replace(/\s+/g, ''), 'base64');
    return { kind: 'certificate', certificate: new X509Certificate(der) };
  } catch {
    return none(`${header} holds no certificate that can be read`);
  }
}

/** A pair of X-Forwarded-Client-Cert with the separator behind it. */
const PAIR = /\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^,;"]*))\s*(,|;|$)/y;

/**
 * `Cert` of the last element of X-Forwarded-Client-Cert, which is that of the nearest proxy. Elements are separated by commas, their
 * pairs by semicolons; a quoted value may hold both. A header that breaks these rules counts as none: an open quote of a client
 * would hide the element that the proxy added.
 */
function certificateOfEnvoy(header: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < header.length; at = PAIR.lastIndex) {
    PAIR.lastIndex = at;
    const pair = PAIR.exec(header);
    if (pair === null) return undefined;
    const [, key = '', quoted, bare, separator] = pair;
    if (key.toLowerCase() === 'cert') found = quoted?.replace(/\\(.)/g, '$1') ?? bare;
    if (separator === ',') found = undefined;
  }
  return found;
}
