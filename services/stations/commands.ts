/**
 * The commands of the stations program. Each changes the register by compare and set, so that a change of another program in the
 * meantime is not lost. Stored passwords are never printed.
 */
import { changeEntry } from '../csms/credentials/stored-entry.ts';
import { randomBytes } from 'node:crypto';
import { normalSerial } from '../certificates/certificate-facts.ts';
import type { PasswordHasher } from '../access/password-hash.ts';
import { SECURITY_PROFILES } from '../access/security-profile.ts';
import {
  EntryError,
  readStationEntry,
  STATION_PROFILES,
  type StationEntry,
  STATIONS,
} from '../access/station-entry.ts';
import type { PasswordChange, PasswordRules } from '../csms/credentials/password-change.ts';
import { isIdentity } from '../ocpp/identity.ts';
import type { StateStore } from '../transport/stored-state.ts';
import { type StationsCommand, UsageError } from './usage.ts';

export interface CommandPorts {
  readonly state: Pick<StateStore, 'field' | 'amend'> & {
    scan(key: string): AsyncIterable<readonly [field: string, value: string]>;
  };
  /** Sends a new password by OCPP. */
  readonly changePassword: (identity: string, rules: PasswordRules) => Promise<PasswordChange>;
  /** Rejects with a ConfigError without a key, or with another one than that of the stored passwords. */
  readonly hasher: () => Promise<PasswordHasher>;
  /** Lines of standard input, without empty ones. */
  readonly input: () => AsyncIterable<string>;
  readonly write: (line: string) => void;
}

/** Of a new password: 1.6 allows 40 characters of hexadecimal at most, which 2.x allows too. */
const PASSWORD_BYTES = 20;

/** Rejects with UsageError, EntryError, or as the store does. */
export async function runCommand(command: StationsCommand, ports: CommandPorts): Promise<void> {
  const { name, identity } = command;
  if (identity !== '') checkIdentity(identity);
  switch (name) {
    case 'list':
      return list(command, ports);
    case 'show':
      return show(identity, ports);
    case 'set':
      return set(command, ports);
    case 'new-password':
      return newPassword(identity, ports);
    case 'change-password':
      return changePassword(command, ports);
    case 'import':
      return importAll(ports);
    case 'remove':
      return remove(identity, ports);
    case 'reset-profile':
      return resetProfile(identity, ports);
    default:
      return hash(ports);
  }
}

async function list({ values }: StationsCommand, { state, write }: CommandPorts): Promise<void> {
  const wanted = (values.label ?? []).map(labelOf);
  let count = 0;
  for await (const [identity, text] of state.scan(STATIONS)) {
    const entry = entryOf(text);
    const labels = 'labels' in entry ? (entry.labels ?? {}) : {};
    if (!wanted.every(([name, value]) => labels[name] === value)) continue;
    count += 1;
    write(`${identity}  ${describe(entry)}`);
  }
  if (count === 0) write('no stations');
}

async function show(identity: string, { state, write }: CommandPorts): Promise<void> {
  const text = await state.field(STATIONS, identity);
  const kept = await state.field(STATION_PROFILES, identity);
  write(`${identity}  ${text === undefined ? 'is not in the register' : describe(entryOf(text))}`);
  write(kept === undefined ? 'has used no security profile' : `has used security profile ${kept}`);
}

async function set({ identity, values }: StationsCommand, ports: CommandPorts): Promise<void> {
  const { profile, serial, vendor, label = [], block, unblock } = values;
  const level = SECURITY_PROFILES.find((one) => String(one) === profile);
  if (profile !== undefined && level === undefined) throw new UsageError('--profile must be 0, 1, 2 or 3');
  if (serial !== undefined && !/^[0-9A-Fa-f: ]+$/.test(serial))
    throw new UsageError('--serial must be hexadecimal');
  const labels = Object.fromEntries(label.map(labelOf));
  const isPassword = values['password-stdin'] === true;
  const password = isPassword ? (await ports.hasher()).hash(identity, await passwordFrom(ports)) : undefined;
  await changeEntry(ports.state, identity, ({ blocked, ...entry } = {}) => ({
    ...(password === undefined ? entry : { ...withoutNext(entry), password }),
    ...(level !== undefined && { profile: level }),
    ...(serial !== undefined && { certificateSerial: normalSerial(serial) }),
    ...(vendor !== undefined && { vendor }),
    ...(label.length > 0 && { labels: { ...entry.labels, ...labels } }),
    ...((block === true || (blocked === true && unblock !== true)) && { blocked: true }),
  }));
  ports.write(`${identity} is in the register`);
}

async function newPassword(identity: string, ports: CommandPorts): Promise<void> {
  const password = randomBytes(PASSWORD_BYTES).toString('hex').toUpperCase();
  const stored = (await ports.hasher()).hash(identity, password);
  await changeEntry(ports.state, identity, (entry = {}) => ({ ...withoutNext(entry), password: stored }));
  ports.write(password);
}

const RESULTS: Readonly<Record<PasswordChange['result'], string>> = {
  applied: 'has the new password; the former one is accepted until it uses the new one',
  refused: 'keeps its password',
  uncertain: 'may have the new password: both are accepted until it uses the new one',
};

/** Rejects where the station certainly keeps its password. */
async function changePassword(
  { identity, values }: StationsCommand,
  { changePassword: change, write }: CommandPorts,
): Promise<void> {
  const { result, outcome } = await change(identity, {
    replacePending: values['replace-pending'] === true,
  });
  const why = outcome.kind === 'answered' ? 'its answer' : `${outcome.kind}, ${outcome.reason}`;
  const line = `${identity} ${RESULTS[result]} (${why})`;
  if (result === 'refused') throw new UsageError(line);
  write(line);
}

/** For a password that an operator sets: one that is on its way to the station must not count beside it. */
function withoutNext(entry: StationEntry): StationEntry {
  const { nextPassword: _, ...others } = entry;
  return others;
}

async function importAll(ports: CommandPorts): Promise<void> {
  let count = 0;
  for await (const line of ports.input()) {
    const { identity, password } = readLine(line);
    const stored = password === undefined ? undefined : (await ports.hasher()).hash(identity, password);
    await changeEntry(ports.state, identity, (entry = {}) =>
      stored === undefined ? entry : { ...withoutNext(entry), password: stored },
    );
    count += 1;
  }
  ports.write(`${count} stations are in the register`);
}

async function remove(identity: string, { state, write }: CommandPorts): Promise<void> {
  const text = await state.field(STATIONS, identity);
  if (text === undefined) throw new UsageError(`${identity} is not in the register`);
  await removeField(STATIONS, identity, text, state);
  write(`${identity} is removed; a connection of it is closed within ten seconds`);
}

async function resetProfile(identity: string, { state, write }: CommandPorts): Promise<void> {
  const kept = await state.field(STATION_PROFILES, identity);
  if (kept !== undefined) await removeField(STATION_PROFILES, identity, kept, state);
  write(`${identity} may connect with any security profile that its entry permits`);
}

async function removeField(
  key: string,
  field: string,
  value: string,
  state: CommandPorts['state'],
): Promise<void> {
  const isRemoved = await state.amend({
    expected: { key, field, value },
    writes: [{ kind: 'unset', key, names: [field] }],
    events: [],
  });
  if (!isRemoved) throw new UsageError(`${field} was changed in the meantime; try again`);
}

/** Prints what a Secret needs: one JSON object. */
async function hash({ input, hasher, write }: CommandPorts): Promise<void> {
  const entries: Record<string, StationEntry> = {};
  for await (const line of input()) {
    const { identity, password } = readLine(line);
    if (password === undefined) throw new UsageError(`${identity}: there is no password in its line`);
    entries[identity] = { password: (await hasher()).hash(identity, password) };
  }
  write(JSON.stringify(entries, undefined, 1));
}

function entryOf(text: string): StationEntry | { readonly problem: string } {
  try {
    return readStationEntry(text);
  } catch (error) {
    if (error instanceof EntryError) return { problem: error.message };
    throw error;
  }
}

function describe(entry: ReturnType<typeof entryOf>): string {
  if ('problem' in entry) return `unusable: ${entry.problem}`;
  const { password, nextPassword, profile, certificateSerial, blocked, vendor, labels = {} } = entry;
  return [
    blocked === true ? 'BLOCKED' : undefined,
    profile === undefined ? undefined : `profile ${profile} or higher`,
    password === undefined ? 'no password' : 'password set',
    nextPassword === undefined ? undefined : 'another password is on its way',
    certificateSerial === undefined ? undefined : `certificate ${certificateSerial}`,
    vendor,
    ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
  ]
    .filter((part) => part !== undefined)
    .join('  ');
}

function labelOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--label ${text}: must be KEY=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** An identity may have spaces in 1.6; a password may not, so it is the last word. */
function readLine(line: string): { readonly identity: string; readonly password?: string } {
  const [, identity = line.trim(), password] = /^\s*(.+?)\s+(\S+)\s*$/.exec(line) ?? [];
  checkIdentity(identity);
  return { identity, ...(password !== undefined && { password: checkPassword(identity, password) }) };
}

async function passwordFrom({ input }: CommandPorts): Promise<string> {
  for await (const line of input()) return checkPassword('the password', line.trim());
  throw new UsageError('standard input has no password');
}

/** 1.6 security whitepaper: 16 to 20 bytes, 40 characters of hexadecimal at most; 2.x Part 2, A00.FR.205: 16 characters to the limit of the station, 64 at most. */
function checkPassword(whose: string, password: string): string {
  if (password.length >= 16 && password.length <= 64) return password;
  throw new UsageError(`${whose}: a password must have 16 to 64 characters, this one has ${password.length}`);
}

function checkIdentity(identity: string): void {
  if (!isIdentity(identity)) throw new UsageError(`"${identity}" cannot be the identity of a station`);
}
