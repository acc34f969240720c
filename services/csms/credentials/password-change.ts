/**
 * A password that changes through OCPP. Its hash is stored before the command is sent, beside the former one: whenever the station
 * reconnects, with either password, it is accepted. The proxy removes the former one when the station has used the new one. The
 * hash is removed again if the station certainly has the former password.
 */
import { EntryError } from '../../access/station-entry.ts';
import { PasswordHasher } from '../../access/password-hash.ts';
import { checkPasswordKey } from '../../access/password-key.ts';
import type { Protocol } from '../../ocpp/frame.ts';
import { TransportError, type TransportErrorCode } from '../../transport/errors.ts';
import type { CallOutcome, StationCall } from '../../transport/station-call.ts';
import { newPassword, type PasswordCommand, passwordIn, type PasswordVerdict } from './password-command.ts';
import { changeEntry, type EntryStore, replaceNext } from './stored-entry.ts';

/** Where hashes of new passwords are stored: the register, with the key of its hashes. */
export interface PasswordStore {
  readonly state: EntryStore;
  readonly hasher: Pick<PasswordHasher, 'hash' | 'keyDigest'>;
}

/** @param key the text of the file that OCPP_PASSWORD_KEY_FILE names; white space at both ends does not count @throws HashError */
export function passwordStore(state: EntryStore, key: string): PasswordStore {
  return { state, hasher: new PasswordHasher(Buffer.from(key.trim())) };
}

export const NEVER_QUEUED =
  'a password never waits for an offline station, as the store would hold it in clear; send it without `queueable`';
const PENDING =
  'the station may have a new password that it has not used yet; let it reconnect, or send the same one again. To forget that one, set `replacePending` (--replace-pending): a station that has it can no longer connect';

/** The call may have been sent, or may still be. */
const OPEN_STILL: ReadonlySet<TransportErrorCode> = new Set(['call-abandoned', 'store-unavailable']);

/** How a password is sent. */
export interface PasswordRules {
  /**
   * Send it although an earlier new password is pending: one that the station may have, and has not used yet. The register forgets the
   * earlier one, so a station that has it can no longer connect. By default such a change is refused; the same password may be repeated.
   */
  readonly replacePending?: boolean;
  /**
   * The password is for another system, such as one that a network profile of 2.1 leads to: the register keeps what it has. A password
   * that comes with another identity is never stored for this station.
   */
  readonly keepEntry?: boolean;
}

type MakeCall = (call: StationCall) => Promise<CallOutcome>;

/** Sends a command that sets a password, and keeps the register in step. Rejects as `make` does, and where a change is pending. */
export async function sendPassword(
  { state, hasher }: PasswordStore,
  call: StationCall,
  command: PasswordCommand,
  make: MakeCall,
  { replacePending = false }: PasswordRules = {},
): Promise<CallOutcome> {
  const { stationId } = call;
  const refuse = (why: string) =>
    new TransportError('bad-call', `${call.action} to station ${stationId}: ${why}`);
  if (call.queueable === true) throw refuse(NEVER_QUEUED);
  await checkPasswordKey(state, hasher);
  const hash = hasher.hash(stationId, command.password);
  const entry = await changeEntry(state, stationId, (current = {}) => {
    if (current.password === hash || current.nextPassword === hash) return undefined;
    if (current.nextPassword !== undefined && !replacePending) throw refuse(PENDING);
    return { ...current, nextPassword: hash };
  }).catch((error: unknown) => {
    if (!(error instanceof EntryError)) throw error;
    throw refuse(`the station's entry in the register is unusable: ${error.message}; correct it first`);
  });
  // An earlier change may be without a response, so that its password is restored.
  const earlier = entry?.nextPassword;
  const restore = () =>
    replaceNext(state, stationId, 'nextPassword', hash, earlier === hash ? undefined : earlier);
  try {
    const outcome = await make(call);
    if (verdictOf(outcome, command) === 'refused') await restore();
    return outcome;
  } catch (error) {
    const isOpen = error instanceof TransportError && OPEN_STILL.has(error.code);
    if (!isOpen && earlier !== hash) await restore();
    throw error;
  }
}

function verdictOf(outcome: CallOutcome, command: PasswordCommand): PasswordVerdict {
  if (outcome.kind === 'answered') return command.verdictOf(outcome.answer);
  return outcome.kind === 'not-sent' ? 'refused' : 'uncertain';
}

export interface PasswordChange {
  /** `applied`: the station has the new password. `refused`: it has the former one. `uncertain`: it has one of both. */
  readonly result: PasswordVerdict;
  readonly outcome: CallOutcome;
}

/** Of the call that sets a new password. */
export interface PasswordOptions
  extends Omit<StationCall, 'action' | 'payload' | 'queueable'>, PasswordRules {
  /** Overrides the version of the station's connection or last boot. */
  readonly protocol?: Protocol;
}

/** Sends a new random password. It is never returned: only the station has it, and the register its hash. */
export async function sendNewPassword(
  store: PasswordStore,
  protocol: Protocol,
  { replacePending = false, ...call }: Omit<PasswordOptions, 'protocol'>,
  make: MakeCall,
): Promise<PasswordChange> {
  const { action, payload } = newPassword(protocol);
  const change = { ...call, action, payload };
  const command = passwordIn(protocol, change);
  if (command === undefined) throw new Error(`${protocol} has no command for a password`);
  const outcome = await sendPassword(store, change, command, make, { replacePending });
  return { result: verdictOf(outcome, command), outcome };
}
