/**
 * Commands that set the password of a station: SetVariables of BasicAuthPassword in 2.x (2.0.1 Part 2, A01), of SecurityCtrlr or a
 * NetworkConfiguration of 2.1; SetNetworkProfile with basicAuthPassword in 2.1 (B09); and ChangeConfiguration of AuthorizationKey in
 * 1.6 (security whitepaper, AuthorizationKey). They are recognised in what the caller sends, so that the register knows of every change.
 */
import { randomBytes } from 'node:crypto';
import type { Protocol } from '../../ocpp/frame.ts';
import type { Answer } from '../../transport/outcome.ts';
import type { StationCall } from '../../transport/station-call.ts';

export interface PasswordCommand {
  /** What the register stores a hash of. */
  readonly password: string;
  /** It goes with another identity: of a system to which the station moves, or under which it comes back. */
  readonly isOfAnother?: true;
  /** What a response of the station says about the change. */
  verdictOf(answer: Answer): PasswordVerdict;
}

/** `uncertain`: the response does not name the password. */
export type PasswordVerdict = 'applied' | 'refused' | 'uncertain';

/** A password that stations or proxies could not compare. The message has the rule, never the password. */
export class PasswordRuleError extends Error {
  override readonly name = 'PasswordRuleError';
}

const KEY_16 = 'AuthorizationKey';
const COMPONENT = 'SecurityCtrlr';
/** Where stations of 2.1 have the fields of a network profile. */
const PROFILE_COMPONENT = 'NetworkConfiguration';
const VARIABLE = 'BasicAuthPassword';
/** The longest value that stations of 2.x may take (A00.FR.205; 2.1 has it in the schema of a network profile too). Each has its own limit, from 40. */
const LONGEST_2 = 64;
/** Bytes of a generated AuthorizationKey; 40 hexadecimal digits are the longest value. */
const BYTES_16 = 20;
/** Bytes that base64url writes as 40 characters, which every station takes. All of its characters are of passwordString. */
const BYTES_2 = 30;

/**
 * The password in a command; undefined for any other command. Names are compared without case, as OCPP does.
 * @param protocol of the station
 * @param call with a payload that is valid by the schema of its action
 * @throws PasswordRuleError
 */
export function passwordIn(
  protocol: Protocol,
  { stationId, action, payload }: Pick<StationCall, 'stationId' | 'action' | 'payload'>,
): PasswordCommand | undefined {
  if (protocol === 'ocpp1.6') return action === 'ChangeConfiguration' ? in16(payload as Pair) : undefined;
  if (action === 'SetNetworkProfile') return inProfile(payload as NetworkProfile, stationId);
  return action === 'SetVariables' ? in2(payload as Variables) : undefined;
}

/** A random password, and the command that sets it. */
export function newPassword(protocol: Protocol): { readonly action: string; readonly payload: object } {
  if (protocol === 'ocpp1.6') {
    const value = randomBytes(BYTES_16).toString('hex').toUpperCase();
    return { action: 'ChangeConfiguration', payload: { key: KEY_16, value } };
  }
  const attributeValue = randomBytes(BYTES_2).toString('base64url');
  const item = { component: { name: COMPONENT }, variable: { name: VARIABLE }, attributeValue };
  return { action: 'SetVariables', payload: { setVariableData: [item] } };
}

interface Pair {
  readonly key: string;
  readonly value: string;
}

interface Result {
  readonly status?: unknown;
}

/** The whitepaper demands 16 to 20 bytes (A00.FR.205). The stored form is of the hexadecimal text in upper case: stations send either case, or the bytes. */
function in16({ key, value }: Pair): PasswordCommand | undefined {
  if (!isSame(key, KEY_16)) return undefined;
  if (!/^(?:[0-9A-Fa-f]{2}){16,20}$/.test(value)) {
    throw new PasswordRuleError(`${KEY_16} must be 16 to 20 bytes in hexadecimal, 32 to 40 digits`);
  }
  return { password: value.toUpperCase(), verdictOf: (answer) => verdict(answer, ({ status }) => [status]) };
}

interface Variables {
  readonly setVariableData: readonly {
    readonly attributeType?: string;
    readonly attributeValue: string;
    readonly component: { readonly name: string };
    readonly variable: { readonly name: string };
  }[];
}

interface Results {
  readonly setVariableResult?: readonly {
    readonly attributeStatus?: unknown;
    readonly component?: { readonly name?: unknown };
    readonly variable?: { readonly name?: unknown };
  }[];
}

function in2({ setVariableData }: Variables): PasswordCommand | undefined {
  const found = setVariableData.filter(
    ({ component, variable, attributeType = 'Actual' }) =>
      isPassword(component.name, variable.name) && attributeType === 'Actual',
  );
  const [first] = found;
  if (first === undefined) return undefined;
  const { attributeValue: password } = first;
  if (found.some(({ attributeValue }) => attributeValue !== password))
    throw new PasswordRuleError(`${VARIABLE} must have one value in a command, for all network profiles`);
  checkText(password);
  const statusesOf = ({ setVariableResult = [] }: Results) =>
    setVariableResult
      .filter(({ component, variable }) => isPassword(component?.name, variable?.name))
      .map(({ attributeStatus }) => attributeStatus);
  return { password, verdictOf: (answer) => verdict(answer, statusesOf) };
}

interface NetworkProfile {
  readonly connectionData: { readonly identity?: string; readonly basicAuthPassword?: string };
}

/** The station uses it when it connects with this profile; until then the former one counts, too. */
function inProfile(
  { connectionData: { identity, basicAuthPassword: password } }: NetworkProfile,
  stationId: string,
): PasswordCommand | undefined {
  if (password === undefined) return undefined;
  checkText(password);
  const isOfAnother = identity !== undefined && identity !== stationId && { isOfAnother: true as const };
  return { password, ...isOfAnother, verdictOf: (answer) => verdict(answer, ({ status }) => [status]) };
}

const isPassword = (component: unknown, variable: unknown) =>
  (isSame(component, COMPONENT) || isSame(component, PROFILE_COMPONENT)) && isSame(variable, VARIABLE);

function checkText(password: string): void {
  if (new RegExp(`^\\P{Cc}{16,${LONGEST_2}}$`, 'u').test(password)) return;
  throw new PasswordRuleError(
    `${VARIABLE} must have 16 to ${LONGEST_2} characters, and no control characters`,
  );
}

/** Refused only if every place refused it: one that took it is used some time. */
function verdict(
  answer: Answer,
  statusesOf: (response: Results & Result) => readonly unknown[],
): PasswordVerdict {
  if (answer.kind === 'error') return 'refused';
  const statuses = statusesOf(answer.payload as Results & Result);
  if (statuses.some((status) => status === 'Accepted' || status === 'RebootRequired')) return 'applied';
  return statuses.length > 0 && statuses.every((status) => typeof status === 'string')
    ? 'refused'
    : 'uncertain';
}

const isSame = (name: unknown, wanted: string) =>
  typeof name === 'string' && name.toLowerCase() === wanted.toLowerCase();
