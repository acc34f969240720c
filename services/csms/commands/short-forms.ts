/**
 * Short forms of frequent commands: one input for every version, from which the action and payload of the station's version
 * follow. Pure. What a version cannot express is a problem, never silently left out; only the type of a token has no place in
 * 1.6, and no meaning there.
 */
import { createHash, randomInt } from 'node:crypto';
import type { Protocol } from '../../ocpp/frame.ts';
import { type SchemaFault, validateRequest } from '../../ocpp/schema.ts';

/** Short form → its input. Connectors and EVSEs are numbered from 1. */
export interface ShortForms {
  readonly start: StartInput;
  readonly stop: { readonly transaction: string };
  readonly unlock: Place & { readonly connector: number };
  readonly reset: { readonly type: ResetType; readonly evse?: number };
  readonly trigger: Place & { readonly message: string };
}
export type ShortFormName = keyof ShortForms;

/** Where at a station: 1.6 numbers connectors across the station, 2.x EVSEs, and connectors within each. */
interface Place {
  readonly connector?: number;
  readonly evse?: number;
}

export interface StartInput extends Place {
  readonly token: string;
  /** IdTokenType of 2.x; `Central` by default. */
  readonly tokenType?: string;
  /** ChargingProfile of the station's version. */
  readonly chargingProfile?: object;
}

/**
 * `soft` and `immediate` end transactions first, then restart; `hard` (1.6) restarts at once; `idle` (2.x) waits for the end of
 * transactions; `resume` (2.1) restarts, and transactions go on afterwards.
 */
export type ResetType = 'soft' | 'hard' | 'idle' | 'immediate' | 'resume';

export type ShortFormResult =
  | { readonly action: string; readonly payload: object }
  /** A sentence: what is wrong, and what would be right. */
  | { readonly problem: string };

export interface ShortFormOptions {
  /**
   * The idempotency key of the command. A remote start of 2.x carries a number of its own, which this text decides, so that the
   * command can be repeated under its key. Random without it.
   */
  readonly seed?: string;
}

/**
 * Part 2 of 2.0.1 (IdTokenEnumType) defines it as an id that the CSMS made, for a remote start by an app for example. The other
 * types say which reader at the station read the token.
 */
const REMOTE_TOKEN = 'Central';
const LARGEST_ID = 2 ** 31;

export function shortForm<N extends ShortFormName>(
  protocol: Protocol,
  name: N,
  input: ShortForms[N],
  options: ShortFormOptions = {},
): ShortFormResult {
  const form: Form<N> = FORMS[name];
  const found = form(protocol, input, options);
  if ('problem' in found) return found;
  const fault = validateRequest(protocol, found.action, found.payload);
  return fault === undefined ? found : { problem: sentenceOf(protocol, found.action, fault) };
}

type Form<N extends ShortFormName> = (
  protocol: Protocol,
  input: ShortForms[N],
  options: ShortFormOptions,
) => ShortFormResult;

const FORMS: { readonly [N in ShortFormName]: Form<N> } = { start, stop, unlock, reset, trigger };

function start(protocol: Protocol, input: StartInput, { seed }: ShortFormOptions): ShortFormResult {
  const { token, tokenType = REMOTE_TOKEN, connector, evse, chargingProfile } = input;
  const profile = chargingProfile === undefined ? {} : { chargingProfile };
  const fault = placeFault(protocol, input);
  if (fault !== undefined) return { problem: fault };
  if (protocol === 'ocpp1.6') {
    const where = connector === undefined ? {} : { connectorId: connector };
    return { action: 'RemoteStartTransaction', payload: { idTag: token, ...where, ...profile } };
  }
  if (connector !== undefined) {
    return {
      problem: `a remote start of ${protocol} names an EVSE, and no connector: set \`evse\`, and omit \`connector\``,
    };
  }
  const idToken = { idToken: token, type: tokenType };
  const where = evse === undefined ? {} : { evseId: evse };
  const remoteStartId = idOf(seed);
  return { action: 'RequestStartTransaction', payload: { remoteStartId, idToken, ...where, ...profile } };
}

function stop(protocol: Protocol, { transaction }: ShortForms['stop']): ShortFormResult {
  if (protocol !== 'ocpp1.6') {
    return { action: 'RequestStopTransaction', payload: { transactionId: transaction } };
  }
  const id = Number(transaction);
  if (!/^-?\d+$/.test(transaction) || !Number.isSafeInteger(id)) {
    const wanted = 'the number in the response to StartTransaction';
    return { problem: `\`transaction\` must be an integer, ${wanted}, for a station of ocpp1.6` };
  }
  return { action: 'RemoteStopTransaction', payload: { transactionId: id } };
}

function unlock(protocol: Protocol, input: ShortForms['unlock']): ShortFormResult {
  const { connector, evse } = input;
  const fault = placeFault(protocol, input);
  if (fault !== undefined) return { problem: fault };
  const where = protocol === 'ocpp1.6' ? {} : { evseId: evse };
  return { action: 'UnlockConnector', payload: { ...where, connectorId: connector } };
}

/** The type in each version; undefined where a version has none with that meaning. */
const RESETS: Readonly<Record<Protocol, Partial<Record<ResetType, string>>>> = {
  'ocpp1.6': { soft: 'Soft', immediate: 'Soft', hard: 'Hard' },
  'ocpp2.0.1': { soft: 'Immediate', immediate: 'Immediate', idle: 'OnIdle' },
  'ocpp2.1': { soft: 'Immediate', immediate: 'Immediate', idle: 'OnIdle', resume: 'ImmediateAndResume' },
};

function reset(protocol: Protocol, { type, evse }: ShortForms['reset']): ShortFormResult {
  const fault = placeFault(protocol, evse === undefined ? {} : { evse });
  if (fault !== undefined) {
    return { problem: protocol === 'ocpp1.6' ? 'ocpp1.6 resets a whole station: omit `evse`' : fault };
  }
  const types = RESETS[protocol];
  const wanted = Object.hasOwn(types, type) ? types[type] : undefined;
  if (wanted === undefined) {
    return { problem: `${protocol} has no reset of type "${type}": use ${listed(Object.keys(types))}` };
  }
  return { action: 'Reset', payload: { type: wanted, ...(evse !== undefined && { evseId: evse }) } };
}

/** 1.6 has a second trigger, in its security whitepaper, for messages that only the whitepaper has. */
function trigger(protocol: Protocol, input: ShortForms['trigger']): ShortFormResult {
  const { message, connector, evse } = input;
  const fault = placeFault(protocol, input);
  if (fault !== undefined) return { problem: fault };
  const connectorId = connector === undefined ? {} : { connectorId: connector };
  if (protocol !== 'ocpp1.6') {
    if (message === 'CustomTrigger') {
      return { problem: 'a custom trigger needs its name: send TriggerMessage with `customTrigger` instead' };
    }
    const where = evse === undefined ? {} : { evse: { id: evse, ...connectorId } };
    return { action: 'TriggerMessage', payload: { requestedMessage: message, ...where } };
  }
  const payload = { requestedMessage: message, ...connectorId };
  const actions = ['TriggerMessage', 'ExtendedTriggerMessage'];
  const faults = actions.map((action) => validateRequest(protocol, action, payload));
  const action = actions.find((_, at) => faults[at] === undefined);
  if (action !== undefined) return { action, payload };
  const known = new Set(faults.flatMap((one) => one?.allowed ?? []).map(String));
  return { problem: `${protocol} cannot trigger "${message}": use ${listed([...known])}` };
}

/** What is wrong with connector and EVSE in this version. */
function placeFault(protocol: Protocol, { connector, evse }: Place): string | undefined {
  for (const [name, value] of Object.entries({ connector, evse })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      return `\`${name}\` must be an integer from 1 on, it is ${value}`;
    }
  }
  if (protocol === 'ocpp1.6') {
    return evse === undefined ? undefined : 'ocpp1.6 has no EVSEs: set `connector`, and omit `evse`';
  }
  if (connector === undefined || evse !== undefined) return undefined;
  return `${protocol} numbers connectors within an EVSE: set \`evse\``;
}

/** Field of a payload → field of the input. */
const INPUTS: ReadonlyMap<string, string> = new Map([
  ['/idTag', 'token'],
  ['/idToken/idToken', 'token'],
  ['/idToken/type', 'tokenType'],
  ['/transactionId', 'transaction'],
  ['/requestedMessage', 'message'],
]);

function sentenceOf(protocol: Protocol, action: string, { path, description, allowed }: SchemaFault): string {
  const input = INPUTS.get(path);
  const field = input === undefined ? description : `\`${input}\`${description.slice(path.length)}`;
  const values = allowed === undefined ? '' : `: use ${listed(allowed.map(String))}`;
  return `${action} of ${protocol} refuses it: ${field}${values}`;
}

function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** From 1 to 2^31 - 1. */
function idOf(seed: string | undefined): number {
  if (seed === undefined) return randomInt(1, LARGEST_ID);
  return (createHash('sha256').update(seed).digest().readUInt32BE(0) % (LARGEST_ID - 1)) + 1;
}
