/**
 * Requests of stations for certificates, as the handler of SignCertificate stores them and the issuer (issuer.ts) processes them.
 *
 * | record                          | content                                                        | end of life             |
 * |---------------------------------|----------------------------------------------------------------|-------------------------|
 * | `certificate-request:{station}` | HASH: type of certificate → the last request, as JSON          | a week after its last change |
 * | `certificate-requests`          | ZSET: `["<station>","<type>"]` → when the issuer looks at it (ms) | with the request     |
 *
 * One request per station and type: a repeated SignCertificate replaces it.
 */
import { PROTOCOLS, type Protocol } from '../../ocpp/frame.ts';
import type { Member, StateWrite } from '../../transport/stored-state.ts';
import { digest } from '../facts.ts';

export const CERTIFICATE_REQUESTS = 'certificate-requests';

export const requestRecord = (stationId: string): string => `certificate-request:${stationId}`;

/** For a station, the provider is asked for a certificate of a type once in this time; ms. */
const ISSUE_INTERVAL_MS = 60_000;
/** Of a request that no processor looks at, as no authority is configured any more. Stations repeat it (CertSigningRepeatTimes). */
const RECORD_SECONDS = 7 * 86_400;

/**
 * - `requested`: no certificate yet;
 * - `issued`: signed, and not sent;
 * - `sent`: CertificateSigned was made, or was about to be made;
 * - `ended`: nothing is left to do; kept for the pace of requests.
 */
export type RequestState = 'requested' | 'issued' | 'sent' | 'ended';

export interface CertificateRequest {
  readonly state: RequestState;
  readonly protocol: Protocol;
  /** As the station sent them. */
  readonly csr: string;
  readonly certificateType?: string;
  /** 2.1 */
  readonly requestId?: number;
  /** When the station sent it; ms. */
  readonly at: number;
  /** How often the provider was asked. */
  readonly attempts: number;
  /** Since `issued`. */
  readonly chain?: string;
  readonly serialNumber?: string;
  /** The next serial number in the register before this one, to restore it. */
  readonly earlierSerialNumber?: string;
  /** When CertificateSigned was made; ms. */
  readonly sentAt?: number;
  /** When the provider was last asked for a certificate of this type; ms. */
  readonly askedAt?: number;
}

export interface RequestFacts extends Pick<
  CertificateRequest,
  'protocol' | 'csr' | 'certificateType' | 'requestId'
> {
  readonly stationId: string;
}

/** Certificate type in 1.6, and where 2.x omits it. */
export const typeOf = (certificateType?: string): string => certificateType ?? 'ChargingStationCertificate';

/** Certificates of the ISO 15118 PKI have other names than the identity, and no place in the register. */
export const isForConnection = (certificateType?: string): boolean =>
  typeOf(certificateType) === 'ChargingStationCertificate';

/** Names a request in idempotency keys. */
export function requestKey({ csr, certificateType, at }: CertificateRequest): string {
  return `certificate:${typeOf(certificateType)}:${at}:${digest(csr)}`;
}

/**
 * The writes that store a request. Of a repeated one that is being processed nothing changes: it must not be signed twice.
 * @param stored the last request of this station and type
 */
export function storeRequest(facts: RequestFacts, stored: string | undefined, now: number): StateWrite[] {
  const { stationId, ...rest } = facts;
  const last = stored === undefined ? undefined : readRequest(stored);
  if (last !== undefined && last.state !== 'ended' && last.csr === facts.csr) return [];
  const askedAt = last?.askedAt;
  const request: CertificateRequest = {
    state: 'requested',
    ...rest,
    at: now,
    attempts: 0,
    ...(askedAt !== undefined && { askedAt }),
  };
  // A time in the past is due at once.
  const due = askedAt === undefined ? now : Math.min(askedAt, now) + ISSUE_INTERVAL_MS;
  return writeRequest(stationId, request, due);
}

/** @param due when the issuer looks at it; undefined: never */
export function writeRequest(
  stationId: string,
  request: CertificateRequest,
  due: number | undefined,
): StateWrite[] {
  const type = typeOf(request.certificateType);
  return [
    {
      kind: 'set',
      key: requestRecord(stationId),
      fields: { [type]: JSON.stringify(request) },
      expireSeconds: RECORD_SECONDS,
    },
    schedule(memberOf(stationId, type), due),
  ];
}

export function schedule(member: string, due: number | undefined): StateWrite {
  const key = CERTIFICATE_REQUESTS;
  return due === undefined
    ? { kind: 'remove', key, member }
    : { kind: 'add', key, member, score: Math.round(due) };
}

const memberOf = (stationId: string, type: string) => JSON.stringify([stationId, type]);

/** Station and type of a member; undefined for one that was not written here. */
export function readMember({ member }: Member): { stationId: string; type: string } | undefined {
  const parts = parse(member);
  if (!Array.isArray(parts)) return undefined;
  const [stationId, type] = parts as unknown[];
  return typeof stationId === 'string' && typeof type === 'string' ? { stationId, type } : undefined;
}

/** A stored request; undefined for a text that is none. */
export function readRequest(text: string): CertificateRequest | undefined {
  const value = parse(text) as Partial<CertificateRequest> | undefined;
  const isRequest =
    typeof value?.csr === 'string' &&
    typeof value.at === 'number' &&
    PROTOCOLS.some((known) => known === value.protocol);
  return isRequest ? (value as CertificateRequest) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
