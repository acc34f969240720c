/**
 * Whether a station may connect, as a function of plain data: the listener, what the station presented, its entry, the policy, and the
 * highest profile that it has used. Only the comparison of passwords is passed in, as scrypt takes its time elsewhere.
 */
import { type CertificateFacts, normalSerial } from '../certificates/certificate-facts.ts';
import type { BasicCredentials } from './basic-credentials.ts';
import type { SecurityProfile } from './security-profile.ts';
import type { StationEntry } from './station-entry.ts';

/** What a station presented in its handshake. */
export interface Presented {
  readonly identity: string;
  readonly credentials: BasicCredentials;
  readonly certificate: PresentedCertificate;
}

/** `refused`: OpenSSL, or a revocation list, rejects it. */
export type PresentedCertificate =
  | { readonly kind: 'none' }
  | { readonly kind: 'verified'; readonly facts: CertificateFacts }
  | { readonly kind: 'refused'; readonly text: string };

/** What the source of entries says. `none`: there is no source. `unknown`: the station has no entry. */
export type Lookup =
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'entry'; readonly entry: StationEntry; /** As stored. */ readonly text?: string }
  /** Its entry cannot be read: it must neither admit nor end a session. */
  | { readonly kind: 'unusable'; readonly reason: string }
  /** A webhook has decided by itself. */
  | { readonly kind: 'judged'; readonly accepted: boolean };

export interface AccessPolicy {
  readonly unknownStations: 'Accept' | 'Reject';
  /** O of client certificates; '' accepts any. */
  readonly organization: string;
}

/** Why a station is refused; for metrics. */
export const ACCESS_FAULTS = [
  'unknown-station',
  'bad-entry',
  'webhook',
  'blocked',
  'profile-too-low',
  'downgrade',
  'no-credentials',
  'malformed-credentials',
  'user-name',
  'no-password',
  'password',
  'no-certificate',
  'certificate',
  'certificate-identity',
  'certificate-organization',
] as const;
export type AccessFault = (typeof ACCESS_FAULTS)[number];

export type Decision =
  | {
      readonly kind: 'accept';
      /** Whether the station has proved who it is. */
      readonly proven: boolean;
      /** A stored password, or the serial number that the register has of its certificate; '' where neither counted. */
      readonly credential: string;
      /** The credential was the next one, which now replaces the former. */
      readonly used?: 'nextPassword' | 'nextCertificateSerial';
    }
  | { readonly kind: 'refuse'; readonly fault: AccessFault; readonly reason: string };

export interface Question {
  readonly profile: SecurityProfile;
  readonly presented: Presented;
  readonly lookup: Lookup;
  readonly policy: AccessPolicy;
  /** The highest profile that the station has used. */
  readonly kept?: SecurityProfile | undefined;
  /** Whether the presented password is this stored one; undefined: take the time of a comparison. */
  readonly matches: (stored: string | undefined) => Promise<boolean>;
}

const refuse = (fault: AccessFault, reason: string): Decision => ({ kind: 'refuse', fault, reason });
const UNPROVEN: Decision = { kind: 'accept', proven: false, credential: '' };
const PROVEN: Decision = { kind: 'accept', proven: true, credential: '' };
const provenBy = (credential: string, used?: 'nextPassword' | 'nextCertificateSerial'): Decision => ({
  kind: 'accept',
  proven: true,
  credential,
  ...(used !== undefined && { used }),
});

/** The password is compared first, so that each refusal takes the time of a comparison. */
export async function decide(question: Question): Promise<Decision> {
  const { profile } = question;
  const proof = profile === 1 || profile === 2 ? await byPassword(question) : byCertificate(question);
  return ofStation(question) ?? proof;
}

/** What holds whatever the station presents. */
function ofStation({ profile, lookup, policy, kept = 0 }: Question): Decision | undefined {
  if (lookup.kind === 'unknown' && policy.unknownStations === 'Reject')
    return refuse('unknown-station', 'the station is not registered');
  if (lookup.kind === 'unusable') return refuse('bad-entry', `its entry cannot be used: ${lookup.reason}`);
  if (lookup.kind === 'judged' && !lookup.accepted)
    return refuse('webhook', 'the webhook refuses the station');
  const entry = lookup.kind === 'entry' ? lookup.entry : {};
  if (entry.blocked === true) return refuse('blocked', 'the station is blocked in the register');
  if (profile < (entry.profile ?? 0))
    return refuse(
      'profile-too-low',
      `its entry demands security profile ${entry.profile}, this listener has ${profile}`,
    );
  // 2.0.1 Part 2, A05.FR.09: never back to a lower profile.
  if (profile < kept)
    return refuse('downgrade', `it has used security profile ${kept}, this listener has ${profile}`);
  return undefined;
}

async function byPassword({ presented, lookup, matches }: Question): Promise<Decision> {
  const { credentials } = presented;
  if (lookup.kind === 'judged') return PROVEN;
  // Accepted by the policy, or refused by it: see ofStation().
  if (lookup.kind === 'unknown') {
    if (credentials.kind === 'password') await matches(undefined);
    return UNPROVEN;
  }
  switch (credentials.kind) {
    case 'none':
      return refuse('no-credentials', 'the handshake has no Authorization header');
    case 'malformed':
      return refuse('malformed-credentials', `the Authorization header is unusable: ${credentials.reason}`);
    case 'other-user':
      return refuse('user-name', 'the user name is not the identity in the path');
    default:
      return comparePasswords(lookup.kind === 'entry' ? lookup.entry : {}, matches);
  }
}

async function comparePasswords(entry: StationEntry, matches: Question['matches']): Promise<Decision> {
  const { password, nextPassword } = entry;
  if (password === undefined && nextPassword === undefined) {
    await matches(undefined);
    return refuse('no-password', 'its entry has no password');
  }
  if (nextPassword !== undefined && (await matches(nextPassword)))
    return provenBy(nextPassword, 'nextPassword');
  if (password !== undefined && (await matches(password))) return provenBy(password);
  return refuse('password', 'the password is wrong');
}

function byCertificate({ profile, presented, lookup, policy }: Question): Decision {
  if (profile === 0) return UNPROVEN;
  const { certificate, identity } = presented;
  if (certificate.kind === 'none')
    return refuse('no-certificate', 'the station presented no client certificate');
  if (certificate.kind === 'refused')
    return refuse('certificate', `its client certificate is refused: ${certificate.text}`);
  const { facts } = certificate;
  const { organization } = policy;
  if (organization !== '' && !facts.organizations.includes(organization))
    return refuse('certificate-organization', `O of its client certificate is not "${organization}"`);
  return byNames(facts, identity, lookup.kind === 'entry' ? lookup.entry : {});
}

/**
 * CN is the identity (2.0.1 Part 2, A00.FR.405). Certificates of manufacturers have other names, so one that the register names counts
 * too: by its serial number, or by its SHA-256 fingerprint where several CAs could issue the same number.
 */
function byNames(facts: CertificateFacts, identity: string, entry: StationEntry): Decision {
  const { certificateSerial, nextCertificateSerial } = entry;
  if (isListed(facts, nextCertificateSerial))
    return provenBy(nextCertificateSerial ?? '', 'nextCertificateSerial');
  // Identities differ in case, so the names of a certificate do, too.
  if (facts.commonName === identity || facts.names.includes(identity)) return PROVEN;
  if (isListed(facts, certificateSerial)) return provenBy(certificateSerial ?? '');
  return refuse(
    'certificate-identity',
    'neither CN nor SAN of its client certificate is the identity, and the register has another serial number or none',
  );
}

function isListed({ serialNumber, fingerprint256 }: CertificateFacts, listed: string | undefined): boolean {
  if (listed === undefined) return false;
  const text = normalSerial(listed);
  return text === serialNumber || text === normalSerial(fingerprint256);
}

/** What a connected station was accepted by. */
export interface Grant {
  readonly profile: SecurityProfile;
  /** Whether the station has proved who it is. */
  readonly proven: boolean;
  /** See Decision. */
  readonly credential: string;
  /** Why mode Enforce would refuse it. */
  readonly unproven?: AccessFault | 'source-away' | undefined;
}

/** Why a connected station may not stay; undefined if it may. Certificates are judged where the revocation lists are. */
export function faultOfConnected(
  grant: Grant,
  lookup: Lookup,
  policy: AccessPolicy,
): AccessFault | undefined {
  const { profile } = grant;
  if (lookup.kind === 'unknown') return policy.unknownStations === 'Reject' ? 'unknown-station' : undefined;
  if (lookup.kind !== 'entry') return undefined;
  const { entry } = lookup;
  if (entry.blocked === true) return 'blocked';
  if (profile < (entry.profile ?? 0)) return 'profile-too-low';
  if (profile === 0) return undefined;
  return profile === 3 ? staleCertificate(grant, entry) : stalePassword(grant, entry);
}

function stalePassword(
  { credential }: Grant,
  { password, nextPassword }: StationEntry,
): AccessFault | undefined {
  if (credential === password || credential === nextPassword) return undefined;
  if (credential !== '') return 'password';
  // It was unknown when it connected.
  return password === undefined && nextPassword === undefined ? undefined : 'no-credentials';
}

function staleCertificate({ credential }: Grant, entry: StationEntry): AccessFault | undefined {
  const listed = [entry.certificateSerial, entry.nextCertificateSerial];
  return credential === '' || listed.includes(credential) ? undefined : 'certificate-identity';
}
