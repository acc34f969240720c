/** Whether every station has to prove who it is, and the certificates that it meets. Pure. */
import type { DefaultedListener, DefaultedSpec, SecurityStatus } from '../api/ocpp-cluster.ts';
import { idOf, namesOf, type Observed, podsOf } from '../observe/observe.ts';
import type { Pod } from '../observe/workloads.ts';
import { servesPlain, usesFrontDoor } from '../render/front-door/listeners.ts';
import type { RefusedFiles, SecurityReading } from '../scaling/demand.ts';
import { conditionFalse, conditionTrue, type ConditionValue, type Problem } from './conditions.ts';

/** A certificate or revocation list that expires earlier is reported; s. */
const WARN_SECONDS = 7 * 86_400;
/** The same of the internal authority, whose successor every listener must trust first; s. */
const WARN_AUTHORITY_SECONDS = 30 * 86_400;

/**
 * What is known of certificates stays while no ws-proxy has a recent reading. Absent: no listener and no source of stations asks who
 * a station is.
 */
export function securityStatusOf(
  spec: DefaultedSpec,
  before: SecurityStatus | undefined,
  reading: SecurityReading | undefined,
  createdKey = before?.passwordKeySecretName,
): SecurityStatus | undefined {
  if (!usesFrontDoor(spec)) return undefined;
  const exists = (listener: string) => spec.listeners.some(({ name }) => name === listener);
  const { certificates = [], rejected = [] } = reading === undefined ? (before ?? {}) : statusOf(reading);
  const { unproven, stationsExpiring, authorityExpires } = reading ?? {};
  const authority = authorityExpires === undefined ? before?.authorityNotAfter : timeOf(authorityExpires);
  return {
    ...(unproven !== undefined && { unproven: Math.round(unproven) }),
    ...(stationsExpiring !== undefined && { stationsExpiring: Math.round(stationsExpiring) }),
    ...(spec.certificateAuthority?.internal !== undefined &&
      authority !== undefined && { authorityNotAfter: authority }),
    certificates: certificates.filter(({ listener }) => exists(listener)),
    rejected: rejected.filter(({ listener }) => exists(listener)),
    ...(createdKey !== undefined && { passwordKeySecretName: createdKey }),
  };
}

const statusOf = ({ certificates, rejected }: SecurityReading): SecurityStatus => ({
  certificates: certificates.map(({ listener, what, expires }) => ({
    listener,
    what,
    notAfter: timeOf(expires),
  })),
  rejected,
});

/** @param seconds since 1970 */
const timeOf = (seconds: number) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;

type Finding = Pick<ConditionValue, 'reason' | 'message'>;

export interface SecurityFindings {
  readonly spec: DefaultedSpec;
  readonly security: SecurityStatus | undefined;
  readonly observed: Pick<Observed, 'pods'>;
  /** Uids of Pods that do not apply their changed settings. */
  readonly settingsRejected?: readonly string[] | undefined;
  /** When the certificate of Redis expires, RFC 3339; undefined while that is not known. */
  readonly storeExpires?: string | undefined;
  /** ms since 1970 */
  readonly now: number;
}

/** The first finding gives the reason, and the message has all of them. */
export function secured(found: SecurityFindings): ConditionValue {
  const { spec, security, observed, settingsRejected = [], storeExpires, now } = found;
  const plain = plainListeners(spec);
  const findings = [
    ...(plain.length > 0 ? plain : earlierPods(observed)),
    ...earlierSettings(podsOf(observed, 'ws-proxy').filter((pod) => settingsRejected.includes(idOf(pod)))),
    ...reportOnly(spec, security),
    ...strangers(spec),
    ...rejectedFiles(security),
    ...expiring(security, now),
    ...expiringAuthority(security, now),
    ...expiringStore(storeExpires, now),
  ];
  const [first] = findings;
  const stations = expiringStations(security);
  if (first === undefined) return conditionTrue('Enforced', [enforcedText(spec), ...stations].join('; '));
  const message = [...findings.map((one) => one.message), ...stations].join('; ');
  return conditionFalse(first.reason, message.slice(0, 8000));
}

const withProfile = ({ listeners }: DefaultedSpec, ...profiles: readonly number[]) =>
  listeners.filter(({ securityProfile }) => profiles.includes(securityProfile));

const portsOf = (listeners: readonly DefaultedListener[]) =>
  `${listeners.length > 1 ? 'ports' : 'port'} ${listeners.map(({ port }) => port).join(', ')}`;

function plainListeners(spec: DefaultedSpec): Finding[] {
  const plain = withProfile(spec, 0);
  if (plain.length === 0) return [];
  const names = plain.map(({ name }) => name).join(', ');
  const message = `anyone who reaches ${portsOf(plain)} can be any station; set listeners[].securityProfile of ${names} (docs/security.md)`;
  return [{ reason: 'PlainListener', message }];
}

/** Also those that drain: their open sockets have proved nothing, and they accept new ones for some seconds. */
function earlierPods(observed: Pick<Observed, 'pods'>): Finding[] {
  const plain = podsOf(observed, 'ws-proxy').filter(({ spec, status }) => {
    const hasEnded = status?.phase === 'Failed' || status?.phase === 'Succeeded';
    return !hasEnded && servesPlain(spec?.containers?.flatMap(({ env = [] }) => env) ?? []);
  });
  if (plain.length === 0) return [];
  const message = `${namesOf(plain)}: made for an earlier spec, by which anyone can be any station; they go when the rollout has replaced them`;
  return [{ reason: 'RollingOut', message }];
}

function earlierSettings(pods: readonly Pod[]): Finding[] {
  if (pods.length === 0) return [];
  const message = `${namesOf(pods)}: the changed settings are refused, authentication among them, and the earlier ones stay; see Degraded`;
  return [{ reason: 'SettingsRejected', message }];
}

function reportOnly({ authentication }: DefaultedSpec, security: SecurityStatus | undefined): Finding[] {
  if (authentication?.mode !== 'Report') return [];
  const { unproven } = security ?? {};
  const count =
    unproven === undefined
      ? 'how many of them Enforce would refuse is not known at the moment'
      : `Enforce would refuse ${unproven} of the connected ones`;
  return [
    { reason: 'ReportOnly', message: `authentication.mode is Report: every station is let in, and ${count}` },
  ];
}

/** A certificate proves even an unknown identity. */
function strangers(spec: DefaultedSpec): Finding[] {
  const open = withProfile(spec, 1, 2);
  if (open.length === 0 || spec.authentication?.unknownStations !== 'Accept') return [];
  const message =
    `stations without an entry are let in on ${portsOf(open)} with any password; ` +
    'set authentication.unknownStations to Reject';
  return [{ reason: 'UnknownStationsAccepted', message }];
}

function rejectedFiles(security: SecurityStatus | undefined): Finding[] {
  const { rejected = [] } = security ?? {};
  return rejected.length === 0 ? [] : [{ reason: 'CertificateRejected', message: rejectedText(rejected) }];
}

/** Also the text of the Event. */
export const rejectedText = (refused: readonly RefusedFiles[]): string =>
  `the changed TLS files of ${refused.map(({ listener }) => listener).join(', ')} are refused and the earlier ones stay in use: ` +
  refused.map(({ problem }) => problem).join('; ');

/** What a ws-proxy calls the files of a listener. */
const FILES: Readonly<Record<string, string>> = {
  server: 'the certificate',
  'client-ca': 'the client CA',
  'revocation-list': 'the revocation list',
};

function expiring(security: SecurityStatus | undefined, now: number): Finding[] {
  const soon = (security?.certificates ?? []).filter(
    ({ notAfter }) => Date.parse(notAfter) - now < WARN_SECONDS * 1000,
  );
  if (soon.length === 0) return [];
  const texts = soon.map(({ listener, what, notAfter }) => {
    const verb = Date.parse(notAfter) <= now ? 'expired' : 'expires';
    return `${FILES[what] ?? what} of ${listener} ${verb} at ${notAfter}`;
  });
  const message = `${texts.join(', ')}; renew the Secret, which running Pods follow`;
  return [{ reason: 'CertificateExpiring', message }];
}

function expiringAuthority(security: SecurityStatus | undefined, now: number): Finding[] {
  const { authorityNotAfter: at } = security ?? {};
  if (at === undefined || Date.parse(at) - now >= WARN_AUTHORITY_SECONDS * 1000) return [];
  const verb = Date.parse(at) <= now ? 'expired' : 'expires';
  const message = `the certificate of the internal authority ${verb} at ${at}; first add its successor to ca.crt of tls.clientCaSecretName, then renew the Secret that certificateAuthority.internal names`;
  return [{ reason: 'CertificateExpiring', message }];
}

/** Of the embedded Redis, or another one. */
function expiringStore(at: string | undefined, now: number): Finding[] {
  if (at === undefined || Date.parse(at) - now >= WARN_SECONDS * 1000) return [];
  const verb = Date.parse(at) <= now ? 'expired' : 'expires';
  const message = `the certificate of Redis ${verb} at ${at}: after that, no Pod can connect to it; renew it`;
  return [{ reason: 'CertificateExpiring', message }];
}

/** No finding: these stations connect and disconnect, and each has proved who it is. */
function expiringStations(security: SecurityStatus | undefined): string[] {
  const { stationsExpiring: count = 0 } = security ?? {};
  if (count === 0) return [];
  const certificates =
    count === 1
      ? 'the certificate of 1 connected station expires'
      : `the certificates of ${count} connected stations expire`;
  return [`${certificates} within 7 days; the log of a ws-proxy has identities`];
}

function enforcedText(spec: DefaultedSpec): string {
  const clear = withProfile(spec, 1);
  const text = 'every listener refuses stations that cannot prove who they are';
  if (clear.length === 0) return text;
  return `${text}; passwords travel in clear to ${portsOf(clear)} unless something in front of it has TLS`;
}

/** While entries cannot be read, new stations are refused, unless earlier entries admit them: a problem, and no hole. */
export function sourceProblems(reading: SecurityReading | undefined, { pods }: Observed): Problem[] {
  const failing = pods.filter((pod) => reading?.sourceFailing.includes(idOf(pod)) === true);
  if (failing.length === 0) return [];
  const message =
    `${namesOf(failing)}: the entries of stations cannot be read, so that new stations may be refused; connected ones stay. Check what ` +
    'spec.authentication.stations names; the log of the Pod has the error';
  return [{ reason: 'StationSourceFailing', message }];
}

/** All settings of a Pod stay as they were, if one of them is not valid for its image. */
export function settingsProblems(
  rejected: readonly string[] | undefined,
  { pods }: Pick<Observed, 'pods'>,
): Problem[] {
  const rejecting = pods.filter((pod) => rejected?.includes(idOf(pod)) === true);
  if (rejecting.length === 0) return [];
  const message =
    `${namesOf(rejecting)}: the changed settings are refused, and none of them is applied; the log of the Pod says which one is wrong. ` +
    'An earlier image may not know it: set spec.image';
  return [{ reason: 'SettingsRejected', message }];
}
