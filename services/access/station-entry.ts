/**
 * What the register knows of a station: a field of the HASH `stations` named by the identity, as JSON. The files of the Secret
 * source hold the same entries. Fields that this version does not know are kept, as a later version may have written them.
 */
import { STATION_REGISTER } from '../transport/watch/refused-handshakes.ts';
import { isStoredForm } from './password-hash.ts';
import { SECURITY_PROFILES, type SecurityProfile } from './security-profile.ts';

/** Key of the register, and of the highest profile that each station has used. */
export const STATIONS = STATION_REGISTER;
export const STATION_PROFILES = 'station-profiles';

export interface StationEntry {
  /** Stored forms of password-hash.ts. `nextPassword` is also accepted, and replaces the first when the station uses it. */
  readonly password?: string;
  readonly nextPassword?: string;
  /** Least security profile with which the station may connect. */
  readonly profile?: SecurityProfile;
  /** Of the client certificate, in hexadecimal: for certificates whose names are not the identity. */
  readonly certificateSerial?: string;
  readonly nextCertificateSerial?: string;
  readonly blocked?: boolean;
  readonly vendor?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export class EntryError extends Error {
  override readonly name = 'EntryError';
}

const PASSWORDS = ['password', 'nextPassword'] as const;
const TEXTS = [...PASSWORDS, 'certificateSerial', 'nextCertificateSerial', 'vendor'] as const;

/** @throws EntryError that says which field is wrong, never with its value: it may be a password */
export function readStationEntry(text: string): StationEntry {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new EntryError('the entry is not JSON');
  }
  return checkStationEntry(value);
}

/** @throws EntryError */
export function checkStationEntry(value: unknown): StationEntry {
  if (!isObject(value)) throw new EntryError('the entry is not a JSON object');
  for (const name of TEXTS) {
    const text = value[name];
    if (text !== undefined && (typeof text !== 'string' || text === ''))
      throw new EntryError(`${name} must be a text that is not empty`);
  }
  for (const name of PASSWORDS) {
    const text = value[name];
    if (typeof text === 'string' && !isStoredForm(text))
      throw new EntryError(`${name} is no stored form of a password, such as the command hash prints`);
  }
  const { profile, blocked, labels } = value;
  if (profile !== undefined && !SECURITY_PROFILES.some((one) => one === profile))
    throw new EntryError(`profile must be one of ${SECURITY_PROFILES.join(', ')}`);
  if (blocked !== undefined && typeof blocked !== 'boolean')
    throw new EntryError('blocked must be true or false');
  const areLabels = isObject(labels) && Object.values(labels).every((label) => typeof label === 'string');
  if (labels !== undefined && !areLabels) throw new EntryError('labels must be an object of texts');
  return value;
}

export const writeStationEntry = (entry: StationEntry): string => JSON.stringify(entry);

/** The entry after the station has used a credential: the former one is no longer accepted. */
export function withUsed(entry: StationEntry, used: 'nextPassword' | 'nextCertificateSerial'): StationEntry {
  const { nextPassword, nextCertificateSerial, ...others } = entry;
  if (used === 'nextPassword') {
    const serial = nextCertificateSerial !== undefined && { nextCertificateSerial };
    return { ...others, ...serial, ...(nextPassword !== undefined && { password: nextPassword }) };
  }
  const certificateSerial = nextCertificateSerial !== undefined && {
    certificateSerial: nextCertificateSerial,
  };
  return { ...others, ...(nextPassword !== undefined && { nextPassword }), ...certificateSerial };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
