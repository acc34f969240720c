/**
 * Commands of the CSMS to stations: StationCalls.make with what OCPP knows of actions. A request is checked against the
 * schema of its station's version before anything is sent, and what must happen now or not at all does not wait for a
 * station that is offline.
 */
import { PROTOCOLS, type Protocol } from '../ocpp/frame.ts';
import { knowsAction, validateRequest } from '../ocpp/schema.ts';
import { TransportError } from '../transport/errors.ts';
import type { CallOutcome, StationCall, StationCalls } from '../transport/station-call.ts';
import type { StateReader } from '../transport/stored-state.ts';
import { key } from './state.ts';

/**
 * What a driver or operator waits for at this moment: hours later it does harm. These never wait for a station that is
 * offline.
 */
const NOW_OR_NEVER: ReadonlySet<string> = new Set([
  'CancelReservation',
  'RemoteStartTransaction',
  'RemoteStopTransaction',
  'RequestBatterySwap',
  'RequestStartTransaction',
  'RequestStopTransaction',
  'ReserveNow',
  'Reset',
  'TriggerMessage',
  'ExtendedTriggerMessage',
  'UnlockConnector',
  'UsePriorityCharging',
]);

export interface Command extends StationCall {
  /** The station's version where it is known better than by its connection or its last boot. */
  readonly protocol?: Protocol;
}

/** The parts of a Transport that commands need. */
export interface CommandPorts {
  readonly calls: StationCalls;
  readonly state: Pick<StateReader, 'field'>;
}

export type CommandSender = (command: Command) => Promise<CallOutcome>;

/**
 * Sends commands over a transport. What StationCalls.make rejects with, and `bad-call` for what the station's version does not
 * know, for a payload that its schema refuses, and for a now-or-never action that was asked to wait.
 */
export function createCommands(transport: CommandPorts): CommandSender {
  return async (command) => {
    const { protocol: given, ...call } = command;
    const { stationId, action, payload } = call;
    const refuse = (why: string) =>
      new TransportError('bad-call', `${action} to station ${stationId}: ${why}`);
    const nowOrNever = NOW_OR_NEVER.has(action);
    if (nowOrNever && call.queueable === true)
      throw refuse('this action never waits for a station that is offline');
    const protocol = given ?? (await protocolOf(transport, stationId));
    if (protocol === undefined) {
      if (call.queueable !== true) return { kind: 'not-sent', reason: 'offline' };
      throw refuse('this station was never seen, so its version is unknown: name `protocol`');
    }
    if (!knowsAction(protocol, action)) throw refuse(`${protocol} has no such action`);
    const fault = validateRequest(protocol, action, payload);
    if (fault !== undefined) throw refuse(fault.description);
    return transport.calls.make({ queueable: !nowOrNever, ...call });
  };
}

/** The version that a station speaks: of its connection, or of its last boot. */
export async function protocolOf(transport: CommandPorts, stationId: string): Promise<Protocol | undefined> {
  const connected = await transport.calls.protocolOf(stationId);
  if (connected !== undefined) return connected;
  const booted = await transport.state.field(key.station(stationId), 'protocol');
  return PROTOCOLS.find((known) => known === booted);
}
