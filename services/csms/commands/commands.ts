/**
 * Commands of the CSMS to stations: StationCalls.make plus the rules of OCPP actions. A request is validated against the
 * schema of the station's version before it is sent. A command that must happen now or never does not wait for an
 * offline station. A command with more items than the station takes is sent in parts (split-calls.ts). A command that
 * sets a password also changes the register of stations, and is never split.
 */
import { STATIONS } from '../../access/station-entry.ts';
import type { Protocol } from '../../ocpp/frame.ts';
import { knowsAction, validateRequest } from '../../ocpp/schema.ts';
import { TransportError } from '../../transport/errors.ts';
import type { CallOutcome, StationCall, StationCalls } from '../../transport/station-call.ts';
import {
  NEVER_QUEUED,
  type PasswordChange,
  type PasswordOptions,
  type PasswordRules,
  type PasswordStore,
  sendNewPassword,
  sendPassword,
} from '../credentials/password-change.ts';
import { passwordIn, PasswordRuleError } from '../credentials/password-command.ts';
import { commandFault } from '../registrations.ts';
import { isNowOrNever } from './command-actions.ts';
import { isSentByStations } from './direction.ts';
import { judgedCalls } from './judged-calls.ts';
import { contentFault } from './rules.ts';
import { type SplitCalls, splitCalls } from './split-calls.ts';
import { type CommandPorts, factsOf } from './station-facts.ts';

export interface Command extends StationCall, PasswordRules {
  /** Overrides the version of the station's connection or last boot. */
  readonly protocol?: Protocol;
}

export interface CommandOptions {
  /** Where new passwords are stored; without it, such commands are sent, and the register is not changed. */
  readonly passwords?: PasswordStore;
  /** Called when the register should have been changed; a warning of the process by default. */
  readonly onWarning?: (message: string, stationId: string) => void;
}

export type CommandSender = (command: Command) => Promise<CallOutcome>;

/**
 * Sends commands over a transport. Rejects as StationCalls.make does, and with `bad-call` for an action that the station's
 * version lacks or that only stations send, for a payload that the schema or a rule of OCPP refuses, for what the registration
 * of the station forbids, for a bad password, for a password while another one is pending, and for `queueable` with a password or a
 * now-or-never action.
 */
export function createCommands(transport: CommandPorts, options: CommandOptions = {}): CommandSender {
  return createCommandCalls(transport, options).make;
}

/** Commands, and what became of them: answers are compared with their schemas wherever an outcome is read. */
export interface CommandCalls extends Pick<StationCalls, 'find' | 'stateOf' | 'cancel'> {
  /** See createCommands. */
  readonly make: CommandSender;
}

export function createCommandCalls(transport: CommandPorts, options: CommandOptions = {}): CommandCalls {
  const ports = judgedPorts(transport);
  const split = splitCalls(ports);
  return {
    find: split.find,
    stateOf: split.stateOf,
    cancel: split.cancel,
    make: senderOver(ports, split, options),
  };
}

function judgedPorts({ calls, state }: CommandPorts): CommandPorts {
  return { calls: judgedCalls(calls), state };
}

function senderOver(transport: CommandPorts, split: SplitCalls, options: CommandOptions): CommandSender {
  return async (command) => {
    const { protocol: given, replacePending = false, keepEntry = false, ...wanted } = command;
    const { stationId, action, payload, idempotencyKey } = wanted;
    const refuse = (why: string) =>
      new TransportError('bad-call', `${action} to station ${stationId}: ${why}`);
    const nowOrNever = isNowOrNever(action);
    if (nowOrNever && wanted.queueable === true)
      throw refuse('this action never waits for an offline station');
    const { registration, ...facts } = await factsOf(transport, stationId);
    const protocol = given ?? facts.protocol;
    if (protocol === undefined) {
      if (wanted.queueable !== true) return { kind: 'not-sent', reason: 'offline' };
      throw refuse('this station never connected, so its version is unknown: set `protocol`');
    }
    if (!knowsAction(protocol, action)) throw refuse(`${protocol} has no such action`);
    if (isSentByStations(action)) throw refuse('this action is sent by stations, not to them');
    const fault = validateRequest(protocol, action, payload) ?? contentFault(protocol, action, payload);
    if (fault !== undefined) throw refuse(fault.description);
    const unaccepted = commandFault(registration, action, payload);
    // A command that was made before has an outcome, whatever the registration is by now.
    const isKnown = async () =>
      idempotencyKey !== undefined && (await split.find(stationId, idempotencyKey)) !== undefined;
    if (unaccepted !== undefined && !(await isKnown())) throw refuse(unaccepted);
    const call = { ...wanted, protocol };
    return (
      (await sendAsPassword(transport, split, options, { call, replacePending, keepEntry })) ??
      split.make({ queueable: !nowOrNever, ...call })
    );
  };
}

interface PasswordCall extends PasswordRules {
  readonly call: StationCall & { readonly protocol: Protocol };
}

/** Sends a command that sets a password, which never waits for an offline station; undefined for any other one. */
async function sendAsPassword(
  transport: CommandPorts,
  split: SplitCalls,
  { passwords, onWarning = (message) => process.emitWarning(message) }: CommandOptions,
  { call, ...rules }: PasswordCall,
): Promise<CallOutcome | undefined> {
  const { stationId, action, protocol } = call;
  const what = `${action} to station ${stationId}`;
  const make = (one: StationCall) => split.makeWhole({ ...one, protocol });
  try {
    const command = passwordIn(protocol, call);
    if (command === undefined) return undefined;
    const isOurs = !(rules.keepEntry === true || command.isOfAnother === true);
    if (!isOurs && call.queueable !== true) return await make(call);
    if (passwords !== undefined && isOurs) return await sendPassword(passwords, call, command, make, rules);
  } catch (error) {
    if (!(error instanceof PasswordRuleError)) throw error;
    if (passwords !== undefined) throw new TransportError('bad-call', `${what}: ${error.message}`);
  }
  if (call.queueable === true) throw new TransportError('bad-call', `${what}: ${NEVER_QUEUED}`);
  if ((await transport.state.field(STATIONS, stationId)) !== undefined) {
    const why = 'no key of the stored passwords is set (passwordKey)';
    onWarning(`${what}: the register of stations keeps its former password, as ${why}`, stationId);
  }
  return make(call);
}

/**
 * Gives a station a new random password, which only the station and, as a hash, the register get.
 * Rejects as a command does; `bad-call` without a store of passwords.
 */
export function createPasswordChange(
  ports: CommandPorts,
  { passwords }: CommandOptions,
): (options: PasswordOptions) => Promise<PasswordChange> {
  const transport = judgedPorts(ports);
  return async ({ protocol: given, ...call }) => {
    const refuse = (why: string) =>
      new TransportError('bad-call', `a new password for station ${call.stationId}: ${why}`);
    if (passwords === undefined) throw refuse('set the key of the stored passwords (passwordKey)');
    const { registration, ...facts } = await factsOf(transport, call.stationId);
    const protocol = given ?? facts.protocol;
    if (registration === 'Rejected') throw refuse('the station is Rejected, so it gets no commands');
    if (protocol !== undefined)
      return sendNewPassword(passwords, protocol, call, (one) => transport.calls.make({ ...one, protocol }));
    return { result: 'refused', outcome: { kind: 'not-sent', reason: 'offline' } };
  };
}
